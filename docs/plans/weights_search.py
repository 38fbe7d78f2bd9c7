# Whether the search pays: what evolution and an integer program find in the space of edge networks,
# against the published S-ViPNAS-Res50, as wide as takes the same time in ONNX Runtime, against what half
# an S-ViPNAS-Res50 is pruned to for a little more, and against random networks of the space with
# that time by the latency table. (weights_worth.py has RTMPose-t, which starts slowly, and twice as
# many updates.)
#   posenas compare --plan docs/plans/weights_search.py
# A seed is a search with that seed, and a training with it; all see the same crops in the same number
# of updates, in bfloat16, from random weights. A pruned network goes on from the weights that it has
# left, and is compared with a found one that goes on from those of its supernet. Scores are of lspet_dev
# and people_val. Candidates are scored by shared weights on lspet_dev and on photos that the supernet
# does not see. SUPERNET is its checkpoint, and the searches name their latency tables:
# docs/weights.md has the commands that make them, once.
SEARCH = 'configs/search/edge/people/edge_search_latency_people_160x128.py'
SUPERNET = 'work_dirs/edge_supernet_people_160x128/epoch_6.pth'
EXPERIMENT = 'edge_found_people_160x128'
PRUNED = 'configs/search/pruned/people/pruned_{}_s_vipnas_res50_people_160x128.py'
SEEDS = [0, 1, 2]
#: Milliseconds of the tables: those of that S-ViPNAS-Res50, measured on one thread of a Zen 4 core.
TIME = (3.6, 3.9)
#: Of pruned networks: none with a quarter of the channels and half of the blocks or more is faster.
PRUNED_TIME = (4.3, 4.9)


def schedule(num_epochs):
    """Return the options of a training of that length."""
    return {
        'train_cfg.max_epochs': num_epochs,
        'param_scheduler.1.end': num_epochs,
        'param_scheduler.1.T_max': num_epochs,
        'param_scheduler.0.end': 50,
    }


arguments = ['--no-validate', '--amp']
training = dict(options=schedule(1), seeds=SEEDS, arguments=arguments)


def go_on(name):
    """Return the training of the network of an arm from the weights that it has."""
    options = dict(training['options'], load_from=f'{{{name}.folder}}/network/network.pth')
    config = f'{{{name}.folder}}/network/network.py'
    return dict(training, config=config, options=options)


def search(config, weights, experiment, time, *settings):
    """Return the commands that search and derive; a search goes on where it was interrupted."""
    return [
        [
            *('train', config, '--work-dir', '{folder}_archive', '--seed', '{seed}'),
            *('--cfg-options', f'load_from={weights}'),
            f'train_cfg.budget.limits.onnxruntime={time}'.replace(' ', ''),
            *settings,
        ],
        [
            *('derive', config, weights, '{folder}/network'),
            *('--archive', '{folder}_archive/archive.jsonl', '--experiment', experiment),
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
pruned_weights = '{shrinking.folder}_weights/epoch_1.pth'
arms = dict(
    evolved=dict(seeds=SEEDS, commands=search(SEARCH, SUPERNET, EXPERIMENT, TIME, *evolution)),
    solved=dict(seeds=SEEDS, commands=search(SEARCH, SUPERNET, EXPERIMENT, TIME, *program)),
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
    random=dict(title='random, as much time', config='{drawn.folder}/random.py', **training),
    vipnas=dict(
        title='S-ViPNAS-Res50, as much time',
        config='s_vipnas_res50_small_people_160x128',
        **training,
    ),
    program=dict(
        title='found by an integer program',
        config='{solved.folder}/network/network.py',
        **training,
    ),
    inherited=dict(title='found by evolution, goes on', **go_on('evolved')),
    half=dict(
        title='half an S-ViPNAS-Res50, twice as long',
        config='s_vipnas_res50_half_people_160x128',
        options=schedule(2),
        arguments=arguments,
    ),
    shrinking=dict(
        commands=[
            [
                *('train', PRUNED.format('supernet'), '--work-dir', '{folder}_weights'),
                *('--seed', '0', '--amp', '--resume'),
                *('--cfg-options', 'model.checkpoint={half.checkpoint}'),
            ]
        ],
    ),
    shrunk=dict(
        seeds=SEEDS,
        commands=search(
            PRUNED.format('search'), pruned_weights, '{half.config}', PRUNED_TIME, *evolution
        ),
    ),
    pruned=dict(title='pruned, goes on', **go_on('shrunk')),
)
comparisons = [
    dict(title='evolution over random', baseline='random', candidate='found'),
    dict(title='evolution over S-ViPNAS-Res50', baseline='vipnas', candidate='found'),
    dict(title='integer program over evolution', baseline='found', candidate='program'),
    dict(title='evolution over pruning', baseline='pruned', candidate='inherited'),
]
