# A smaller S-ViPNAS-Res50 on every frame: as many multiply-accumulates as
# t_vipnas_res50_half_synthetic_video_128x96.py has on average, within 2 %.
_base_ = ['./s_vipnas_res50_half_synthetic_video_128x96.py']
model = dict(
    backbone=dict(wid=[24, 32, 56, 96, 184]),
    head=dict(in_channels=184, deconv_out_channels=(48, 48, 48)),
)
