# Pose network that comes with the library. It grew from the network of edge_found_people_160x128, within
# the space, where that computes little: one more block at stride 16, wider blocks with larger kernels at
# stride 32. It learnt from crops of 128 x 160, 160 x 192 and 192 x 224 first, beginning with those weights:
#   model.init_cfg.type=Pretrained model.init_cfg.checkpoint=FOUND.pth model.init_cfg.resize=True
# Chosen by lspet_dev and people_val; figures on other photos are in the card of the weights.
_base_ = [
    '../../../_base_/averaging_runtime.py',
    '../../../_base_/models/edge_small.py',
    '../../../_base_/datasets/people_mix_256x224.py',
    '../../../_base_/schedules/adamw_people_16e.py',
]
_stages = [
    dict(kind='fused', width=80, depth=1, expand=4, kernel=3),
    dict(kind='dense', width=96, depth=3, expand=1, kernel=3),
    dict(kind='inverted', width=128, depth=2, expand=2, kernel=7),
]
model = dict(
    backbone=dict(stages=_stages),
    neck=dict(in_channels=(80, 96, 128)),
    head=dict(decoder=_base_.codec),
)
