# RTMPose-l on COCO, 384x288: wider and deeper, the recipe of RTMPose-m (published val AP 0.773).
_base_ = ['rtmpose_m_coco_384x288.py']
model = dict(backbone=dict(deepen_factor=1.0, widen_factor=1.0), head=dict(in_channels=1024))
