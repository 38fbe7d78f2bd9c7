# S-ViPNAS-Res50 at half its width, on every frame of synthetic videos: the key network of
# t_vipnas_res50_half_synthetic_video_128x96.py. A batch has as many frames as one of clips there.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/s_vipnas_res50.py',
    '../../../_base_/datasets/synthetic_video_128x96.py',
    '../../../_base_/schedules/adamw_cosine_10e.py',
]
model = dict(
    backbone=dict(wid=[24, 40, 80, 152, 304], group=[None, 8, 8, 8, 8]),
    head=dict(
        in_channels=304,
        deconv_out_channels=(72, 72, 72),
        deconv_num_groups=(8, 8, 8),
        decoder=_base_.codec,
    ),
    test_cfg=dict(flip_test=False),
)
train_dataloader = dict(
    batch_size=64,
    dataset=dict(
        datasets=[
            dict(part, length=None) for part in _base_.train_dataloader['dataset']['datasets']
        ]
    ),
)
val_evaluator = [dict(type='PCKAccuracy', thr=0.1, by_visibility=True)]
test_evaluator = val_evaluator
