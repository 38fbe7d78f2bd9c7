# As people_mix_160x128.py for a search: candidates are scored on lspet_dev and on 200 seeded photos
# of people_train, which the supernet does not train on.
_base_ = ['./people_mix_160x128.py']
_in_training = dict(exclude=_base_.in_coco_mini, seed=0, start=200)
_held_out = dict(exclude=_base_.in_coco_mini, seed=0, stop=200)
_sources = _base_.train_dataloader.dataset.datasets
train_dataloader = dict(
    dataset=dict(datasets=[dict(_sources[0], image_subset=_in_training), *_sources[1:]])
)
val_dataloader = dict(
    dataset=dict(
        datasets=[
            _base_.lspet_dev,
            dict(
                type='CocoDataset',
                data_root=_base_.people,
                ann_file='annotations/people_train.json',
                data_prefix=dict(img='images/'),
                image_subset=_held_out,
                test_mode=True,
            ),
        ]
    )
)
test_dataloader = val_dataloader
