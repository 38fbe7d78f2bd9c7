# What the photos of LSPET, which are for research, are worth to the pose network.
#   posenas compare --plan docs/plans/weights_without_lspet.py
# Both arms see as many crops in the same number of updates, from random weights; scores are of
# lspet_dev and people_val.
CONFIG = 'edge_found_people_160x128'
SEEDS = [0, 1, 2]
EPOCHS = 4


def train(title, **options):
    """Return an arm that trains with all seeds."""
    schedule = {
        'train_cfg.max_epochs': EPOCHS,
        'param_scheduler.1.end': EPOCHS,
        'param_scheduler.1.T_max': EPOCHS,
        'param_scheduler.0.end': 100,
    }
    return dict(
        title=title,
        config=CONFIG,
        options=schedule | options,
        seeds=SEEDS,
        arguments=['--no-validate', '--amp'],  # bfloat16: slow where the processor lacks it
    )


# Of 32: people of COCO, of other photos with a teacher's labels, of LSPET, synthetic people.
without = {'train_dataloader.sampler.source_ratio': [18, 12, 0, 2]}
arms = dict(mix=train('all photos'), without=train('without LSPET', **without))
comparisons = [dict(title='without LSPET', baseline='mix', candidate='without')]
