# Whether the search pays: what evolution and an integer program find in the space of edge networks,
# against RTMPose's architecture and the published S-ViPNAS-Res50, both as wide as takes the same time
# in ONNX Runtime, and against random networks of the space with that time by the latency table.
#   posenas compare --plan docs/plans/weights_search.py
# A seed is a search with that seed, and a training from random weights with it; all see the same
# crops in the same number of updates. Scores are of lspet_dev and people_val. Candidates are scored by
# shared weights on lspet_dev and on photos that the supernet does not see. SUPERNET is its checkpoint,
# and SEARCH names its latency table: docs/weights.md has the commands that make both, once.
SEARCH = 'configs/search/edge/people/edge_search_latency_people_160x128.py'
SUPERNET = 'work_dirs/edge_supernet_people_160x128/epoch_6.pth'
EXPERIMENT = 'edge_found_people_160x128'
EPOCHS, SEEDS = 2, [0, 1, 2]
#: Milliseconds of the table, which are 4.5 measured: those of the other two architectures.
TIME = (3.5, 3.9)

options = {
    'train_cfg.max_epochs': EPOCHS,
    'param_scheduler.1.end': EPOCHS,
    'param_scheduler.1.T_max': EPOCHS,
    'param_scheduler.0.end': 100,
}
training = dict(options=options, seeds=SEEDS, arguments=['--no-validate'])


def search(*settings):
    """Return the commands that search and derive; a search goes on where it was interrupted."""
    return [
        [
            *('train', SEARCH, '--work-dir', '{folder}_archive', '--seed', '{seed}'),
            *('--cfg-options', f'load_from={SUPERNET}'),
            f'train_cfg.budget.limits.onnxruntime={TIME}'.replace(' ', ''),
            *settings,
        ],
        [
            *('derive', SEARCH, SUPERNET, '{folder}/network'),
            *('--archive', '{folder}_archive/archive.jsonl', '--experiment', EXPERIMENT),
            *('--num-images', '4'),
        ],
    ]


evolution = ['train_cfg.num_waves=4', 'train_cfg.algorithm.num_random=32']
# One trial per option of the space, without labels, then a few combinations of the best.
program = [
    'train_cfg.algorithm={"_delete_":True,"type":"IntegerProgram","num_solutions":4,'
    '"objectives":{"distance":"less"}}',
    *('train_cfg.evaluator.parent_images=64', 'train_cfg.num_calibration=64'),
    'train_cfg.num_waves=3',
]
like = ['--cost', 'onnxruntime', '--within', '0.05', '--seed', '{seed}']
arms = dict(
    evolved=dict(seeds=SEEDS, commands=search(*evolution)),
    solved=dict(seeds=SEEDS, commands=search(*program)),
    drawn=dict(
        seeds=SEEDS,
        commands=[
            [
                *('search', 'sample', SEARCH, '{folder}/random.json', *like),
                *('--like', '{evolved.folder}/network'),
            ],
            ['genotype', 'embed', '{folder}/random.json', EXPERIMENT, '{folder}/random.py'],
        ],
    ),
    found=dict(
        title='found by evolution', config='{evolved.folder}/network/network.py', **training
    ),
    program=dict(
        title='found by an integer program',
        config='{solved.folder}/network/network.py',
        **training,
    ),
    random=dict(title='random, as much time', config='{drawn.folder}/random.py', **training),
    rtmpose=dict(title='RTMPose-t, as much time', config='rtmpose_t_people_160x128', **training),
    vipnas=dict(
        title='S-ViPNAS-Res50, as much time',
        config='s_vipnas_res50_small_people_160x128',
        **training,
    ),
)
comparisons = [
    dict(title='evolution over random', baseline='random', candidate='found'),
    dict(title='evolution over RTMPose-t', baseline='rtmpose', candidate='found'),
    dict(title='evolution over S-ViPNAS-Res50', baseline='vipnas', candidate='found'),
    dict(title='integer program over evolution', baseline='found', candidate='program'),
]
