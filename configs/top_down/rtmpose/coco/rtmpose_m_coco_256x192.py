# RTMPose-m on COCO, 256x192: wider and deeper, the recipe of RTMPose-s with weight decay (val AP
# 0.746).
_base_ = ['rtmpose_s_coco_256x192.py']
model = dict(backbone=dict(deepen_factor=0.67, widen_factor=0.75), head=dict(in_channels=768))
optim_wrapper = dict(optimizer=dict(weight_decay=0.05))
