# Dite-HRNet-30 at the larger size: what differs from the smaller one.
_base_ = ['ditehrnet_18_coco_256x192.py']
model = dict(backbone=dict(extra=dict(stages_spec=dict(num_modules=(3, 8, 3)))))
data_cfg = dict(image_size=[288, 384], heatmap_size=[72, 96])
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='TopDownRandomFlip', flip_prob=0.5),
    dict(type='TopDownHalfBodyTransform', num_joints_half_body=8, prob_half_body=0.3),
    dict(type='TopDownGetRandomScaleRotation', rot_factor=30, scale_factor=0.25),
    dict(type='TopDownAffine'),
    dict(type='ToTensor'),
    dict(type='NormalizeTensor', mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
    dict(type='TopDownGenerateTarget', sigma=3),
    dict(type='Collect', keys=['img', 'target', 'target_weight'], meta_keys=['image_file']),
]
data = dict(
    train=dict(data_cfg=data_cfg, pipeline=train_pipeline),
    val=dict(data_cfg=data_cfg),
    test=dict(data_cfg=data_cfg),
)
