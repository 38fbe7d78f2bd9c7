# How well scores with shared weights order edge networks: 24 random networks whose multiply-accumulates
# spread over a factor of eight, three in each of eight bins, and 8 within 5 % of each other, two of which
# are in a bin too. Each is also trained from scratch for one epoch on people of four sources, in bfloat16.
#   posenas compare --plan docs/plans/edge_ranking.py
# Four of them, far apart in cost, are trained with three seeds: how far networks differ, in units of how
# far seeds do. docs/weights.md has the command that makes SUPERNET.
SUPERNET = 'work_dirs/edge_supernet_people_160x128/epoch_6.pth'
FOLDER = 'configs/search/edge/people/'
SHARED = f'{FOLDER}edge_random_people_160x128.py'
TRAINED = f'{FOLDER}edge_random_trained_people_160x128.py'
LEAST, RANGE, NUM_BINS, WAVE = 0.03e9, 8, 8, 3
PILOTS = (0, 2, 5, 7)  # bins
EPOCHS = {
    'train_cfg.max_epochs': 1,
    'param_scheduler.0.end': 50,
    'param_scheduler.1.end': 1,
    'param_scheduler.1.T_max': 1,
}

edges = [round(LEAST * RANGE ** (i / NUM_BINS)) for i in range(NUM_BINS + 1)]
bins = {
    f'bin{i}': [
        f'train_cfg.wave={WAVE}',
        f'train_cfg.budget.limits.macs=({edges[i]},{edges[i + 1]})',
    ]
    for i in range(NUM_BINS)
}
groups = dict(bins, equal=['train_cfg.wave=8'])


def search(kind, config, *options):
    """Return arms that score the networks of each group; both kinds draw the same ones."""
    words = ('train', config, '--work-dir', '{folder}_archive', '--seed', '0', '--cfg-options')
    return {
        f'{kind}_{name}': dict(commands=[[*words, *options, *group]])
        for name, group in groups.items()
    }


def folders(kind):
    """List the folders of these searches."""
    return [f'{{{kind}_{name}.folder}}_archive' for name in groups]


amp = '{"cfg_options":{"optim_wrapper.type":"AmpOptimWrapper"}}'
arms = dict(
    **search('trained', TRAINED, f'train_cfg.evaluator={amp}'),
    **search('shared', SHARED, f'load_from={SUPERNET}'),
    rank=dict(
        commands=[['search', 'rank', *folders('shared'), '--trained', *folders('trained')]],
    ),
    **{
        f'drawn_{i}': dict(
            commands=[
                [
                    *('derive', SHARED, SUPERNET, '{folder}/network', '--trial', '0'),
                    *('--archive', f'{{shared_bin{i}.folder}}_archive/archive.jsonl'),
                    *('--experiment', 'edge_found_people_160x128', '--num-images', '4'),
                ]
            ],
        )
        for i in PILOTS
    },
    **{
        f'pilot_{i}': dict(
            title=f'random, {edges[i] / 1e9:.3f} to {edges[i + 1] / 1e9:.3f} GMACs',
            config=f'{{drawn_{i}.folder}}/network/network.py',
            options=EPOCHS,
            seeds=[0, 1, 2],
            arguments=['--no-validate', '--amp'],
        )
        for i in PILOTS
    },
)
comparisons = [
    dict(
        title='largest over smallest',
        baseline=f'pilot_{PILOTS[0]}',
        candidate=f'pilot_{PILOTS[-1]}',
    )
]
