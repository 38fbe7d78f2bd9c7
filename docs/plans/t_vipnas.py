# What the frame before is worth in videos: half the multiply-accumulates against all of them.
#   for LEVEL in easy medium hard; do
#   posenas dataset synthetic --out data/synthetic_video/train_$LEVEL --num-videos 80 --size 320 240 --level $LEVEL --seed 1
#   posenas dataset synthetic --out data/synthetic_video/val_$LEVEL --num-videos 30 --size 320 240 --level $LEVEL --seed 2
#   done
#   posenas compare --plan docs/plans/t_vipnas.py
# All arms see the same frames of all three levels in the same number of updates. In the first half an
# image network is trained, S and a smaller one; the second half goes on from these: the light networks
# of videos start from the smaller one, cut to their sizes. Tables and intervals are of the middle
# level; scores of every level, of each place in the period and of hidden keypoints are in
# <arm>_levels_s<seed>/<level>.json. Intervals resample videos and seeds.
# Training is in bfloat16, which takes a processor that has it (leave --amp out elsewhere).
# First halves, supernet and search are done once and serve all seeds.
VIDEO = 'configs/video/t_vipnas/synthetic/'
SIZE = '_synthetic_video_128x96.py'
SUPERNET = f'configs/search/vipnas/synthetic_video/t_vipnas_supernet_res50_half{SIZE}'
SEARCH = f'configs/search/vipnas/synthetic_video/t_vipnas_search_res50_half{SIZE}'
HAND_MADE = f'{VIDEO}t_vipnas_res50_half{SIZE}'
FIRST_EPOCHS, EPOCHS, SUPERNET_EPOCHS = 3, 2, 3
WAVE, NUM_WAVES = 16, 4
SEEDS = [0, 1, 2]

SCHEDULE = (
    'train_cfg.max_epochs',
    'train_cfg.val_interval',
    'param_scheduler.1.end',
    'param_scheduler.1.T_max',
)
first_schedule = dict.fromkeys(SCHEDULE, FIRST_EPOCHS)
schedule = dict.fromkeys(SCHEDULE, EPOCHS) | {'param_scheduler.0.end': 50}
supernet_schedule = [
    f'{key}={SUPERNET_EPOCHS}' for key in SCHEDULE if key != 'train_cfg.val_interval'
]
key = '{key.checkpoint}'
weights = f'{{supernet.folder}}_weights/epoch_{SUPERNET_EPOCHS}.pth'
quiet = ['--no-validate', '--amp']
training = dict(seeds=SEEDS, arguments=quiet)
with_key = {
    **schedule,
    'model.key_checkpoint': '{every.checkpoint}',
    'model.frame_checkpoint': '{small.checkpoint}',
}
with_key_alone = {n: v for n, v in with_key.items() if n != 'model.frame_checkpoint'}
archive = ['--archive', '{found.folder}_archive/archive.jsonl']
LEVELS = ('easy', 'medium', 'hard')
FILE = 'annotations/person_keypoints_videos.json'


def test_levels(arm):
    """Return the commands that test an arm on every level; predictions stay with their level."""
    place = 'test_dataloader.dataset.dataset'
    metric = 1 if arm in ('every', 'every_small') else 2  # the one that keeps predictions
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


halves = dict(
    key=dict(
        title='S, first half',
        config=f'{VIDEO}s_vipnas_res50_half{SIZE}',
        options=first_schedule,
        arguments=quiet,
    ),
    small=dict(
        title='smaller S, first half',
        config=f'{VIDEO}s_vipnas_res50_small{SIZE}',
        options=first_schedule,
        arguments=quiet,
    ),
)
trained = dict(
    every=dict(
        title='S on every frame',
        config=f'{VIDEO}s_vipnas_res50_half{SIZE}',
        options=dict(schedule, load_from=key),
        **training,
    ),
    every_small=dict(
        title='smaller S on every frame, as many MACs as S + T',
        config=f'{VIDEO}s_vipnas_res50_small{SIZE}',
        options=dict(schedule, load_from='{small.checkpoint}'),
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
        options=with_key_alone,
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
arms = dict(
    halves | trained,
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
                *(f'model.key_checkpoint={key}', 'model.light_checkpoint=None'),
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
        f'{arm}_levels': dict(commands=test_levels(arm), seeds=settings['seeds'])
        for arm, settings in trained.items()
    },
)
comparisons = [
    dict(title='S + T searched over S on every frame', baseline='every', candidate='searched'),
    dict(title='S + T by hand over S on every frame', baseline='every', candidate='hand_made'),
    dict(title='S + T searched over a smaller S', baseline='every_small', candidate='searched'),
    dict(title='S + T by hand over no fusion', baseline='alone', candidate='hand_made'),
    dict(title='S + T searched over no fusion', baseline='alone', candidate='searched'),
    dict(title='S + T searched over moved heatmaps', baseline='copied', candidate='searched'),
    dict(title='S + T searched over random', baseline='random', candidate='searched'),
]
