# What a teacher's keypoints are worth, added to those of annotators, with the network that ships.
#   posenas compare --plan docs/plans/weights_labels.py
# (a) labels of annotators alone; (b) in the same crops also a teacher's, where annotators of LSPET set
# none; (c) also further photos with a teacher's labels alone. All arms see as many crops.
FOUND = 'posenas_small_people_160x128'
EPOCHS = 2
options = {
    'train_cfg.max_epochs': EPOCHS,
    'param_scheduler.1.end': EPOCHS,
    'param_scheduler.1.T_max': EPOCHS,
    'param_scheduler.0.end': 100,
}
# Of 32: people of COCO, of other photos with a teacher's labels, of LSPET, synthetic people.
share = 'train_dataloader.sampler.source_ratio'
same_photos = {share: [11, 0, 20, 1]}
no_teacher = {'train_dataloader.dataset.datasets.2.min_mean_score': 1.0}
training = dict(config=FOUND, seeds=[0, 1, 2], arguments=['--no-validate'])
cells = dict(
    human=dict(title='annotators', options=options | same_photos | no_teacher, **training),
    scores=dict(title='and a teacher', options=options | same_photos, **training),
    photos=dict(title='and further photos', options=options, **training),
)
comparisons = [
    dict(title='a teacher on the same photos', baseline='human', candidate='scores'),
    dict(title='further photos', baseline='scores', candidate='photos'),
    dict(title='both', baseline='human', candidate='photos'),
]
