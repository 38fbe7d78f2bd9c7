# S-ViPNAS-Res50 narrowed: 1.2 times the time of edge_found_people_160x128 in ONNX Runtime (Zen 4), its data
# and schedule.
_base_ = [
    '../../../_base_/averaging_runtime.py',
    '../../../_base_/models/s_vipnas_res50.py',
    '../../../_base_/datasets/people_mix_160x128.py',
    '../../../_base_/schedules/adamw_people_16e.py',
]
model = dict(
    data_preprocessor=dict(channels_last=True),
    backbone=dict(wid=[16, 24, 32, 64, 128], group=[None, 8, 8, 8, 8]),
    head=dict(
        in_channels=128,
        deconv_out_channels=(24, 24, 24),
        deconv_num_groups=(8, 8, 8),
        decoder=_base_.codec,
    ),
    test_cfg=dict(flip_test=False),
)
