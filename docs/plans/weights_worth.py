# What made the shipped pose network good: the search, and the labels of a teacher.
#   posenas compare --plan docs/plans/weights_worth.py
# All arms see as many crops in the same number of updates, from random weights; scores are of lspet_dev
# and people_val.
# Search: the network that it found (3.3 ms in ONNX Runtime on one thread, the shipped one 3.8) against
# S-ViPNAS-Res50 as wide as takes the same time (3.3 ms), RTMPose-t of the width that takes 4.7 ms (the
# next narrower one takes 2.4), and three random networks of the space, one for each seed. These are drawn
# with as many multiply-accumulates, within 5 %; SEEDS are the first that also keep the limit of 1.3
# million parameters. They take 3.2, 3.5 and 3.3 ms.
# Labels: (a) of annotators alone; (b) in the same crops also a teacher's, where annotators of LSPET set
# none; (c) also further photos with a teacher's labels alone, which is what ships.
FOUND = 'edge_found_people_160x128'
SEARCH = 'configs/search/edge/people/edge_search_people_160x128.py'
SEEDS = [1, 2, 4]
EPOCHS = 2
schedule = {
    'train_cfg.max_epochs': EPOCHS,
    'param_scheduler.1.end': EPOCHS,
    'param_scheduler.1.T_max': EPOCHS,
    'param_scheduler.0.end': 100,
}
# Of 32: people of COCO, of other photos with a teacher's labels, of LSPET, synthetic people.
same_photos = {'train_dataloader.sampler.source_ratio': [11, 0, 20, 1]}
no_teacher = {'train_dataloader.dataset.datasets.2.min_mean_score': 1.0}


def train(title, config, **options):
    """Return an arm that trains with all seeds."""
    return dict(
        title=title,
        config=config,
        options=schedule | options,
        seeds=SEEDS,
        arguments=['--no-validate', '--amp'],  # bfloat16: slow where the processor lacks it
    )


vipnas = {'model.backbone.wid': [16, 16, 24, 48, 96], 'model.head.in_channels': 96}
arms = dict(
    found=train('found by the search', FOUND),
    human=train('labels of annotators', FOUND, **same_photos, **no_teacher),
    scores=train('labels of a teacher, too', FOUND, **same_photos),
    rtmpose=train('RTMPose-t, 1.4 times the time', 'rtmpose_t_people_160x128'),
    vipnas=train('S-ViPNAS-Res50, as much time', 's_vipnas_res50_small_people_160x128', **vipnas),
    drawn=dict(
        seeds=SEEDS,
        commands=[
            [
                *('search', 'sample', SEARCH, '{folder}/random.json', '--like', FOUND),
                *('--within', '0.05', '--seed', '{seed}'),
            ],
            ['genotype', 'embed', '{folder}/random.json', FOUND, '{folder}/random.py'],
        ],
    ),
    random=train('random, as much time', '{drawn.folder}/random.py'),
)
comparisons = [
    dict(title='search over random', baseline='random', candidate='found'),
    dict(title='search over RTMPose-t', baseline='rtmpose', candidate='found'),
    dict(title='search over S-ViPNAS-Res50', baseline='vipnas', candidate='found'),
    dict(title='a teacher on the same photos', baseline='human', candidate='scores'),
    dict(title='further photos', baseline='scores', candidate='found'),
    dict(title='both', baseline='human', candidate='found'),
]
