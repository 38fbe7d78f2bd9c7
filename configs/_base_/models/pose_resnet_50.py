# ResNet-50 of the SimpleBaseline and FPD code bases. Channels stay BGR although mean and deviation
# are those of RGB: weights of these code bases need just that. Other depths:
# model.backbone.depth, with 18 and 34 also model.head.in_channels=512.
_base_ = './simple_baseline_res50.py'
model = dict(
    data_preprocessor=dict(bgr_to_rgb=False),
    backbone=dict(
        zero_init_residual=False,
        init_cfg=[
            dict(type='Normal', std=0.001, layer=['Conv2d']),
            dict(type='Constant', val=1, layer=['_BatchNorm']),
        ],
    ),
    head=dict(loss=dict(type='JointsMSELoss', use_target_weight=True, loss_weight=0.5)),
)
