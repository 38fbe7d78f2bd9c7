# RTMPose-s on synthetic people: wider and deeper than RTMPose-t.
_base_ = ['rtmpose_t_synthetic_128x96.py']
model = dict(backbone=dict(deepen_factor=0.33, widen_factor=0.5), head=dict(in_channels=512))
