# What searching neural fabrics by first-order gradients finds on photos: the found architectures,
# pruned and trained from scratch, against random ones and against the mix of everything (None).
#   posenas benchmark lspet --plan docs/plans/pnfs.py
# A seed stands for the whole way: search, pruning, training. Random architectures come from the
# same space and have the multiply-accumulates of the found one of their seed, within 2 %. None
# costs what its width makes it cost: two widths, and the score between them at the cost of the
# found ones.
SEARCH = 'configs/search/pnfs/lspet/cnf_cnfx3_search_lspet_s_128x96.py'
RANDOM = 'configs/search/pnfs/lspet/cnf_cnfx3_random_lspet_s_128x96.py'
NETWORK = 'configs/top_down/pnfs/lspet/cnf_cnfx3_lspet_s_128x96.py'
SEARCH_EPOCHS, EPOCHS = 6, 8

SCHEDULE = ('train_cfg.max_epochs', 'param_scheduler.1.end', 'param_scheduler.1.T_max')
warm_up = {'param_scheduler.0.end': 100}
search_schedule = {**dict.fromkeys(SCHEDULE, SEARCH_EPOCHS), **warm_up}
schedule = {**dict.fromkeys(SCHEDULE, EPOCHS), **warm_up}


def set_factor(factor):
    """Write the options that make all fabrics as wide as ``factor``."""
    places = {f'model.{place}.fabric.factor': factor for place in ('backbone', 'neck', 'head')}
    return {**places, 'model.neck.in_channels': [factor * stride for stride in (4, 8, 16, 32)]}


seeds = [0, 1, 2]
training = dict(arguments=['--amp', '--no-validate'], seeds=seeds)
# None: a search that leaves the architecture as it begins, all weights equal.
untouched = dict(arguments=['--amp', '--no-validate', '--search', 'None'], seeds=seeds)
derive = ['derive', '{search.config}', '{search.checkpoint}']
experiment = ['--experiment', NETWORK]
arms = dict(
    search=dict(
        title='supernet at the end of the search',
        config=SEARCH,
        options=search_schedule,
        **training,
    ),
    found=dict(commands=[[*derive, '{folder}/network', *experiment]], seeds=seeds),
    drawn=dict(
        commands=[
            [
                'search',
                'sample',
                RANDOM,
                '{folder}/genotype.json',
                '--like',
                '{found.folder}/network',
                '--seed',
                '{seed}',
            ],
            [*derive, '{folder}/network', '--genotype', '{folder}/genotype.json', *experiment],
        ],
        seeds=seeds,
    ),
    searched=dict(
        title='searched, pruned, trained anew',
        config='{found.folder}/network/network.py',
        options=schedule,
        **training,
    ),
    random=dict(
        title='random, as many MACs',
        config='{drawn.folder}/network/network.py',
        options=schedule,
        **training,
    ),
    none=dict(
        title='None, factor 3',
        config=NETWORK,
        options={**schedule, **set_factor(3)},
        **untouched,
    ),
    none_narrow=dict(
        title='None, factor 2',
        config=NETWORK,
        options={**schedule, **set_factor(2)},
        **untouched,
    ),
)
comparisons = [
    dict(title='searched over random', baseline='random', candidate='searched'),
    dict(
        title='searched over None at its cost',
        baseline=['none_narrow', 'none'],
        candidate='searched',
    ),
    dict(
        title='random over None at its cost', baseline=['none_narrow', 'none'], candidate='random'
    ),
]
