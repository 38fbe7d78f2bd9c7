# What the shipped network saves: fine-tuned to the 14 keypoints of LSP against the same network from
# random weights, with few people.
#   posenas compare --plan docs/plans/weights_fine_tuning.py
# The people are those of lspet_dev, which the shipped network was chosen by but never trained on; more
# than 800 there are not. All arms make 200 updates of 32 crops; scores are of LSPET val.
DATA = 'data/lspet/'
SHIPPED, MODEL = 'posenas_small', 'posenas_small_people_256x224'
UPDATES, BATCH, FIRST = 200, 32, 7023
SEEDS = [0, 1, 2]

init = [
    *('dataset', 'init', f'{DATA}annotations/lspet_train.json', '--images', f'{DATA}images/train'),
    *('--val', f'{DATA}annotations/lspet_val.json', '--val-images', f'{DATA}images/val'),
]


def train(start, number, title):
    """Return an arm that trains on the first people of lspet_dev."""
    epochs = UPDATES // max(number // BATCH, 1)
    options = {
        'train_cfg.max_epochs': epochs,
        'param_scheduler.0.end': 20,
        'param_scheduler.1.end': epochs,
        'param_scheduler.1.T_max': epochs,
        'train_dataloader.dataset.image_subset.seed': 0,
        'train_dataloader.dataset.image_subset.start': FIRST,
        'train_dataloader.dataset.image_subset.stop': FIRST + number,
    }
    config = f'{{configs.folder}}/{start}.py'
    arguments = ['--no-validate', '--amp']  # bfloat16: slow where the processor lacks it
    return dict(title=title, config=config, options=options, seeds=SEEDS, arguments=arguments)


arms = dict(
    configs=dict(
        commands=[
            [*init, '--from', SHIPPED, '--out', '{folder}/tuned.py'],
            [*init, '--model', MODEL, '--out', '{folder}/scratch.py'],
        ],
    ),
)
comparisons = []
for number in (50, 200, 800):
    arms[f'tuned_{number}'] = train('tuned', number, f'fine-tuned, {number} people')
    arms[f'scratch_{number}'] = train('scratch', number, f'from scratch, {number} people')
    comparisons.append(
        dict(
            title=f'fine-tuned over from scratch, {number} people',
            baseline=f'scratch_{number}',
            candidate=f'tuned_{number}',
        )
    )
