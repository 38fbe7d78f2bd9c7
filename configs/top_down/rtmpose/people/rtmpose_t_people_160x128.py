# RTMPose-t narrowed: 1.4 times the time of edge_found_people_160x128 in ONNX Runtime (Zen 4), its data and
# schedule.
_base_ = [
    '../../../_base_/averaging_runtime.py',
    '../../../_base_/models/rtmpose_t.py',
    '../../../_base_/datasets/people_mix_160x128.py',
    '../../../_base_/schedules/adamw_people_16e.py',
]
_size = _base_.input_size
_simcc = dict(type='SimCCLabel', input_size=_size, sigma=(4.0, 4.47), normalize=False)
codec = dict(_delete_=True, **_simcc)
train_pipeline = [
    *_base_.train_pipeline[:-2],
    dict(type='GenerateTarget', encoder=_simcc),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
model = dict(
    data_preprocessor=dict(channels_last=True),
    backbone=dict(widen_factor=0.3125),
    head=dict(in_channels=320, input_size=_size, in_featuremap_size=(4, 5), decoder=_simcc),
    test_cfg=dict(flip_test=False),
)
optim_wrapper = dict(clip_grad=dict(max_norm=35))
