# S-ViPNAS-Res50 on synthetic people alone, tested on real photos (LSP Extended, limb keypoints).
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/s_vipnas_res50.py',
    '../../../_base_/datasets/synthetic_256x192.py',
    '../../../_base_/schedules/adamw_cosine_30e.py',
]
model = dict(head=dict(decoder=_base_.codec))
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=2, save_best='PCK', rule='greater'))
_lspet = 'data/lspet/'
test_dataloader = dict(
    dataset=dict(
        data_root=_lspet,
        metainfo=dict(dataset_name='coco'),  # the network's keypoints, not the file's
        ann_file='annotations/lspet_val.json',
        bbox_file=_lspet + 'annotations/lspet_val_person_boxes.json',
        data_prefix=dict(img='images/val/'),
    )
)
test_evaluator = dict(
    _delete_=True, type='LspPCKMetric', ann_file=_lspet + 'annotations/lspet_val.json'
)
