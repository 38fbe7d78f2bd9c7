# RTMPose-l on COCO, 256x192: wider and deeper, the recipe of RTMPose-m (val AP 0.758).
_base_ = ['rtmpose_m_coco_256x192.py']
model = dict(backbone=dict(deepen_factor=1.0, widen_factor=1.0), head=dict(in_channels=1024))
