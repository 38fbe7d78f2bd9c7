# RTMPose-m on synthetic people: wider and deeper than RTMPose-s.
_base_ = ['rtmpose_s_synthetic_128x96.py']
model = dict(backbone=dict(deepen_factor=0.67, widen_factor=0.75), head=dict(in_channels=768))
