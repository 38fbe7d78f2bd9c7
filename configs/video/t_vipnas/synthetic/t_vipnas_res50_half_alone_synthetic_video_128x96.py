# As t_vipnas_res50_half_synthetic_video_128x96.py, without fusion: the light networks see their frame
# alone and spend the multiply-accumulates of the fusion on convolutions.
_base_ = ['./t_vipnas_res50_half_synthetic_video_128x96.py']
_like = _base_.model['frames'][0]
_light = dict(
    type='TViPNASNet',
    backbone=dict(_like['backbone'], wid=[16, 24, 48, 88, 184]),
    head=dict(_like['head'], in_channels=184),
)
model = dict(frames=[_light, _light, _light])
