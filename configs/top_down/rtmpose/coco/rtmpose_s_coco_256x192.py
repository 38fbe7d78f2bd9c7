# RTMPose-s on COCO, 256x192: wider and deeper, the recipe of RTMPose-t with an average of the weights
# (val AP 0.716).
_base_ = ['rtmpose_t_coco_256x192.py']
model = dict(backbone=dict(deepen_factor=0.33, widen_factor=0.5), head=dict(in_channels=512))
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type='EMAHook',
        ema_type='ExpMomentumEMA',
        momentum=0.0002,
        update_buffers=True,
        priority=49,
    ),
]
