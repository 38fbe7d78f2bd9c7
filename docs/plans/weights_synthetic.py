# What synthetic people are worth to the detector: none, one or two of the eight photos of a batch.
#   posenas compare --plan docs/plans/weights_synthetic.py
# Detectors learn from random weights on small canvases, all in as many updates, and are scored on
# people_val; {folder}/scores.json of each run has its AP.
CONFIG = 'center_box_people_576x576'
EPOCHS, SIZE, SEEDS = 6, 320, [0, 1]
#: Photos with labels of COCO, photos with boxes of other sets, synthetic people.
RATIOS = dict(none=(6, 2, 0), eighth=(5, 2, 1), quarter=(4, 2, 2))
size = f'({SIZE},{SIZE})'


def learn(ratio):
    """Return an arm that trains and tests a detector with each seed."""
    options = [
        f'train_cfg.max_epochs={EPOCHS}',
        f'param_scheduler.1.end={EPOCHS}',
        f'param_scheduler.1.T_max={EPOCHS}',
        f'train_dataloader.sampler.source_ratio={ratio}'.replace(' ', ''),
        f'train_dataloader.dataset.canvas_size={size}',
        f'train_dataloader.dataset.photo_size={SIZE}',
        f'val_dataloader.dataset.pipeline.1.size={size}',
        f'test_dataloader.dataset.pipeline.1.size={size}',
    ]
    folder = '{folder}_weights'
    train = ['train', CONFIG, '--work-dir', folder, '--seed', '{seed}', '--amp', '--no-validate']
    weights = [f'{folder}/epoch_{EPOCHS}.pth', '--out-metrics', '{folder}/scores.json']
    return dict(
        seeds=SEEDS,
        commands=[
            [*train, '--cfg-options', *options],
            ['test', CONFIG, *weights, '--cfg-options', *options],
        ],
    )


arms = {name: learn(ratio) for name, ratio in RATIOS.items()}
comparisons = []
