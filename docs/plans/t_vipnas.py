# What the frame before is worth in videos: half the multiply-accumulates against all of them.
#   for LEVEL in easy medium hard; do
#   posenas dataset synthetic --out data/synthetic_video/train_$LEVEL --num-videos 80 --size 320 240 --level $LEVEL --seed 1
#   posenas dataset synthetic --out data/synthetic_video/val_$LEVEL --num-videos 30 --size 320 240 --level $LEVEL --seed 2
#   done
#   posenas compare --plan docs/plans/t_vipnas.py
# All arms see the same frames in the same number of updates, of all three levels; tables and
# intervals are of the middle level, scores of every level, of each place in the period and of hidden
# keypoints are in <arm>_levels_s<seed>/<level>.json. Intervals resample videos and seeds.
# Training is in bfloat16, which takes a processor that has it (leave --amp out elsewhere).
# The key network is trained once per seed; one supernet and one search serve all seeds.
VIDEO = 'configs/video/t_vipnas/synthetic/'
SIZE = '_synthetic_video_128x96.py'
SUPERNET = f'configs/search/vipnas/synthetic_video/t_vipnas_supernet_res50_half{SIZE}'
SEARCH = f'configs/search/vipnas/synthetic_video/t_vipnas_search_res50_half{SIZE}'
HAND_MADE = f'{VIDEO}t_vipnas_res50_half{SIZE}'
EPOCHS, SUPERNET_EPOCHS = 3, 3
WAVE, NUM_WAVES = 16, 4
SEEDS = [0, 1, 2]

SCHEDULE = (
    'train_cfg.max_epochs',
    'train_cfg.val_interval',
    'param_scheduler.1.end',
    'param_scheduler.1.T_max',
)
schedule = dict.fromkeys(SCHEDULE, EPOCHS)
supernet_schedule = [
    f'{key}={SUPERNET_EPOCHS}' for key in SCHEDULE if key != 'train_cfg.val_interval'
]
key = '{key.checkpoint}'
weights = f'{{supernet.folder}}_weights/epoch_{SUPERNET_EPOCHS}.pth'
training = dict(seeds=SEEDS, arguments=['--no-validate', '--amp'])
with_key = dict(schedule, **{'model.key_checkpoint': key})
archive = ['--archive', '{found.folder}_archive/archive.jsonl']
LEVELS = ('easy', 'medium', 'hard')
FILE = 'annotations/person_keypoints_videos.json'


def test_levels(arm):
    """Return the commands that test an arm on every level; predictions stay with their level."""
    place = 'test_dataloader.dataset.dataset'
    metric = 1 if arm in ('key', 'small') else 2  # the one that keeps predictions
    return [
        [
            *('test', f'{{{arm}.config}}', f'{{{arm}.checkpoint}}', '--work-dir', '{folder}_test'),
            *('--out-metrics', f'{{folder}}/{level}.json', '--cfg-options'),
            *(
                f'{place}.ann_file=val_{level}/{FILE}',
                f'{place}.data_prefix.img=val_{level}/videos/',
            ),
            f'test_evaluator.{metric}.outfile_prefix={{folder}}/{level}',
        ]
        for level in LEVELS
    ]


arms = dict(
    key=dict(
        title='S on every frame',
        config=f'{VIDEO}s_vipnas_res50_half{SIZE}',
        options=schedule,
        **training,
    ),
    small=dict(
        title='smaller S on every frame, as many MACs as S + T',
        config=f'{VIDEO}s_vipnas_res50_small{SIZE}',
        options=schedule,
        **training,
    ),
    hand_made=dict(title='S + T chosen by hand', config=HAND_MADE, options=with_key, **training),
    alone=dict(
        title='S + light networks without fusion',
        config=f'{VIDEO}t_vipnas_res50_half_alone{SIZE}',
        options=with_key,
        **training,
    ),
    copied=dict(
        title='S, heatmaps moved without any network',
        config=f'{VIDEO}t_vipnas_res50_half_copy{SIZE}',
        options=with_key,
        **training,
    ),
    searched=dict(
        title='S + T searched',
        config='{found.folder}/network/network.py',
        options=with_key,
        **training,
    ),
    random=dict(
        title='S + T, another random allocation for each seed',
        config='{drawn.folder}/network/network.py',
        options=with_key,
        **training,
    ),
)
cells = dict(
    arms,
    supernet=dict(
        commands=[
            [
                *('train', SUPERNET, '--work-dir', '{folder}_weights', '--seed', '{seed}'),
                *('--resume', '--no-validate', '--amp', '--cfg-options', *supernet_schedule),
                *(f'model.key_checkpoint={key}', f'model.light_checkpoint={key}'),
            ],
        ],
    ),
    found=dict(
        commands=[
            [
                *('train', SEARCH, '--work-dir', '{folder}_archive', '--seed', '{seed}'),
                *('--cfg-options', f'load_from={weights}', f'train_cfg.wave={WAVE}'),
                *(f'train_cfg.num_waves={NUM_WAVES}', f'train_cfg.algorithm.num_random={2 * WAVE}'),
            ],
            [
                *('derive', SEARCH, weights, '{folder}/network'),
                *('--archive', '{folder}_archive/archive.jsonl', '--score', 'PCK'),
                *('--experiment', HAND_MADE),
            ],
        ],
    ),
    # the first trials of the search are random networks of the same cost
    drawn=dict(
        seeds=SEEDS,
        commands=[
            [
                *('derive', SEARCH, weights, '{folder}/network', *archive, '--trial', '{seed}'),
                *('--experiment', HAND_MADE),
            ]
        ],
    ),
    **{
        f'{arm}_levels': dict(commands=test_levels(arm), seeds=cell['seeds'])
        for arm, cell in arms.items()
    },
)
comparisons = [
    dict(title='S + T searched over S on every frame', baseline='key', candidate='searched'),
    dict(title='S + T searched over a smaller S', baseline='small', candidate='searched'),
    dict(title='S + T chosen by hand over no fusion', baseline='alone', candidate='hand_made'),
    dict(title='S + T searched over no fusion', baseline='alone', candidate='searched'),
    dict(title='S + T searched over moved heatmaps', baseline='copied', candidate='searched'),
    dict(title='S + T searched over random', baseline='random', candidate='searched'),
]
