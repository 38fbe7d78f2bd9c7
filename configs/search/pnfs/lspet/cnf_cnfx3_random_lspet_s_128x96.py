# Random search in the space of cnf_cnfx3_search_lspet_s_128x96.py: each architecture is trained
# from scratch with two seeds on 3,400 of the 4,000 images and scored on the other 600.
_base_ = ['../../../top_down/pnfs/lspet/cnf_cnfx3_lspet_s_128x96.py']
_sparse = dict(_base_.model['head']['fabric'], normalise='sparsemax')
_sparse_backbone = dict(_base_.model['backbone']['fabric'], normalise='sparsemax')
train_cfg = dict(
    _delete_=True,
    type='SearchLoop',
    space=dict(
        type='CNFSpace',
        fabric=_sparse,
        parts=_base_.model['head']['parts'],
        representation=_base_.model['head']['representation'],
        backbone=dict(_base_.model['backbone'], fabric=_sparse_backbone),
    ),
    algorithm=dict(type='RandomSearch', objectives=dict(PCK='greater')),
    evaluator=dict(
        type='TrainEvaluator',
        config='configs/top_down/pnfs/lspet/cnf_cnfx3_lspet_s_128x96.py',
        cfg_options={
            'train_dataloader.dataset.image_subset.stop': 3400,
            'val_dataloader.dataset.ann_file': 'annotations/lspet_train.json',
            'val_dataloader.dataset.data_prefix.img': 'images/train/',
            'val_dataloader.dataset.bbox_file': None,
            'val_dataloader.dataset.image_subset': dict(seed=0, start=3400, stop=4000),
            'val_evaluator': dict(_delete_=True, type='PCKAccuracy', thr=0.1),
        },
        num_seeds=2,
    ),
    wave=2,
    num_waves=8,
    budget=dict(
        costs=[dict(type='MacsCost', counter=dict(type='NetworkCounter', model=_base_.model))],
        limits=dict(macs=(0.05e9, 0.07e9)),
        input_size=_base_.codec['input_size'],
        num_keypoints=14,
    ),
)
custom_hooks = [dict(type='SyncBuffersHook')]
