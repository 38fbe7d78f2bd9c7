# T-ViPNAS on synthetic videos of three levels, 128x96: S-ViPNAS-Res50 at half its width on key frames,
# light networks on the others, chosen by hand; half of the multiply-accumulates per frame on average.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/s_vipnas_res50.py',
    '../../../_base_/datasets/synthetic_video_128x96.py',
    '../../../_base_/schedules/adamw_cosine_10e.py',
]
_head = dict(_base_.model['head'], decoder=_base_.codec)
_light = dict(
    type='TViPNASNet',
    backbone=dict(
        type='ViPNASResNet',
        depth=50,
        wid=[16, 24, 48, 88, 176],
        dep=[None, 3, 5, 6, 3],
        group=[None, 8, 8, 8, 8],
    ),
    head=dict(
        _head,
        in_channels=176,
        deconv_out_channels=(40, 40, 40),
        deconv_num_groups=(8, 8, 8),
    ),
    fusion=dict(stage=2, op='mul', in_channels=48),
)
model = dict(
    _delete_=True,
    type='OnlinePoseEstimator',
    key=dict(
        _base_.model,
        backbone=dict(
            _base_.model['backbone'], wid=[24, 40, 80, 152, 304], group=[None, 8, 8, 8, 8]
        ),
        head=dict(
            _head,
            in_channels=304,
            deconv_out_channels=(72, 72, 72),
            deconv_num_groups=(8, 8, 8),
        ),
    ),
    frames=[_light, _light, _light],
    key_checkpoint='work_dirs/s_vipnas_res50_half_synthetic_video_128x96/epoch_10.pth',
    test_cfg=dict(flip_test=False),
)
