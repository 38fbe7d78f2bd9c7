# Whether searching the cells of a narrow PoseNAS on photos finds better ones than chance, and than
# the released ones.
#   posenas benchmark lspet --plan docs/plans/posenas.py
# A seed is a search with that seed, and a training from scratch with it. The released cells are
# trained at two widths whose multiply-accumulates lie around those of the derived networks; random
# cells have within 2 % of those of the derived network of their seed. All these trainings take the
# same steps on the same 4,000 photos, of which a search sees 3,400. Nobody is trained or chosen on
# photos of val. The last arm compares scores of shared weights with short trainings: 8 random
# networks of nearly equal cost, 2 cheaper and 2 more expensive ones.
SEARCH = 'posenas_search_l8_c16_lspet_s_128x96'
RANDOM = 'configs/search/posenas/lspet/posenas_random_l8_c16_lspet_s_128x96.py'
TRAINED = 'configs/search/posenas/lspet/posenas_random_trained_l8_c16_lspet_s_128x96.py'
RELEASED = 'posenas_l8_c16_1stage_lspet_s_128x96'
SEARCH_EPOCHS, ARCH_BEGIN_EPOCH, EPOCHS = 10, 2, 6

schedule = dict.fromkeys(
    (
        'train_cfg.max_epochs',
        'train_cfg.val_interval',
        'param_scheduler.1.end',
        'param_scheduler.1.T_max',
    ),
    EPOCHS,
)
search_schedule = dict.fromkeys(
    (
        'train_cfg.max_epochs',
        'train_cfg.val_interval',
        'param_scheduler.weights.0.end',
        'param_scheduler.weights.0.T_max',
    ),
    SEARCH_EPOCHS,
)
search_schedule['train_cfg.arch_begin_epoch'] = ARCH_BEGIN_EPOCH
seeds = [0, 1, 2]
training = dict(arguments=['--amp', '--no-validate'], seeds=seeds)
narrow = {'model.backbone.init_channels': 12, 'model.head.in_channels': 24}
derive = ['derive', '{search.config}', '{search.checkpoint}', '{folder}/network']
experiment = ['--experiment', RELEASED, '--num-images', '4', '--genotype']
# Trials of these searches are the same random networks, whatever evaluates them.
draw = ['--seed', '0', '--cfg-options']
shared = ['train', RANDOM, '--work-dir']
trained = ['train', TRAINED, '--work-dir']
equal = ['train_cfg.wave=4', 'train_cfg.num_waves=2']
cheap = ['train_cfg.wave=2', 'train_cfg.num_waves=1', 'train_cfg.budget.limits.macs=(1e7,3.3e7)']
costly = ['train_cfg.wave=2', 'train_cfg.num_waves=1', 'train_cfg.budget.limits.macs=(4e7,6e7)']
weights = 'load_from={search.checkpoint}'
arms = dict(
    search=dict(
        title='supernet at the end of the search',
        config=SEARCH,
        options=search_schedule,
        **training,
    ),
    found=dict(
        commands=[[*derive, *experiment, '{search.folder}/genotype.json']],
        seeds=seeds,
    ),
    drawn=dict(
        commands=[
            [
                *('search', 'sample', RANDOM, '{folder}/genotype.json'),
                *('--like', '{found.folder}/network', '--within', '0.02', '--seed', '{seed}'),
            ],
            [*derive, *experiment, '{folder}/genotype.json'],
        ],
        seeds=seeds,
    ),
    searched=dict(
        title='searched cells',
        config='{found.folder}/network/network.py',
        options=schedule,
        **training,
    ),
    random=dict(
        title='random cells, as many MACs',
        config='{drawn.folder}/network/network.py',
        options=schedule,
        **training,
    ),
    released_narrow=dict(
        title='released cells, 12 channels',
        config=RELEASED,
        options={**schedule, **narrow},
        **training,
    ),
    released=dict(
        title='released cells, 16 channels', config=RELEASED, options=schedule, **training
    ),
    rank=dict(
        commands=[
            [*shared, '{folder}_equal_shared', *draw, weights, *equal],
            [*shared, '{folder}_cheap_shared', *draw, weights, *cheap],
            [*shared, '{folder}_costly_shared', *draw, weights, *costly],
            [*trained, '{folder}_equal_trained', *draw, *equal],
            [*trained, '{folder}_cheap_trained', *draw, *cheap],
            [*trained, '{folder}_costly_trained', *draw, *costly],
            [
                *('search', 'rank', '{folder}_equal_shared', '{folder}_cheap_shared'),
                *('{folder}_costly_shared', '--trained', '{folder}_equal_trained'),
                *('{folder}_cheap_trained', '{folder}_costly_trained'),
            ],
        ],
    ),
)
comparisons = [
    dict(title='searched over random', baseline='random', candidate='searched'),
    dict(
        title='searched over released at its cost',
        baseline=['released_narrow', 'released'],
        candidate='searched',
    ),
    dict(
        title='random over released at its cost',
        baseline=['released_narrow', 'released'],
        candidate='random',
    ),
]
