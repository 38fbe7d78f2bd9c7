# S-ViPNAS-Res50 at half its width, with half as many groups; configs give the head a codec.
_base_ = ['./s_vipnas_res50.py']
model = dict(
    backbone=dict(wid=[24, 40, 80, 152, 304], group=[None, 8, 8, 8, 8]),
    head=dict(in_channels=304, deconv_out_channels=(72, 72, 72), deconv_num_groups=(8, 8, 8)),
    test_cfg=dict(flip_test=False),
)
