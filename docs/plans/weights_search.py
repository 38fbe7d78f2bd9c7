# Whether the search pays: the network that it found against RTMPose's architecture and the published
# S-ViPNAS-Res50, both as wide as takes the same time in ONNX Runtime, and against random networks of
# its space with as many multiply-accumulates, another one for each seed.
#   posenas compare --plan docs/plans/weights_search.py
# All see the same crops in the same number of updates, from random weights; scores are of lspet_dev and
# people_val, on which the search scored its candidates with shared weights.
SEARCH = 'configs/search/edge/people/edge_search_people_160x128.py'
FOUND = 'posenas_small_people_160x128'
EPOCHS, SEEDS = 2, [0, 1, 2]
options = {
    'train_cfg.max_epochs': EPOCHS,
    'param_scheduler.1.end': EPOCHS,
    'param_scheduler.1.T_max': EPOCHS,
    'param_scheduler.0.end': 100,
}
training = dict(options=options, seeds=SEEDS, arguments=['--no-validate'])
cells = dict(
    drawn=dict(
        seeds=SEEDS,
        commands=[
            [
                *('search', 'sample', SEARCH, '{folder}/random.json', '--like', FOUND),
                *('--cost', 'macs', '--seed', '{seed}'),
            ],
            ['genotype', 'embed', '{folder}/random.json', FOUND, '{folder}/random.py'],
        ],
    ),
    found=dict(title='found by the search', config=FOUND, **training),
    random=dict(
        title='random, as many MACs',
        config='{drawn.folder}/random.py',
        **training,
    ),
    rtmpose=dict(
        title='RTMPose-t, as much time', config='rtmpose_t_people_160x128', **training
    ),
    vipnas=dict(
        title='S-ViPNAS-Res50, as much time',
        config='s_vipnas_res50_small_people_160x128',
        **training,
    ),
)
comparisons = [
    dict(title='found over random', baseline='random', candidate='found'),
    dict(title='found over RTMPose-t', baseline='rtmpose', candidate='found'),
    dict(title='found over S-ViPNAS-Res50', baseline='vipnas', candidate='found'),
]
