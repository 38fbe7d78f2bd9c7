# T-ViPNAS supernet on synthetic videos, 128x96: the residual space at half its width, S-ViPNAS-Res50
# at half its width on key frames. A fifth of the videos of the middle level is kept for the search.
_base_ = ['./t_vipnas_supernet_tiny_synthetic_video_128x96.py']
_genes = dict(kernel=(3, 5, 7), groups=('dw', 8, 4), attention=(False, True))
_checkpoint = 'work_dirs/s_vipnas_res50_half_synthetic_video_128x96/epoch_10.pth'
model = dict(
    space=dict(
        space=dict(
            stem=dict(width=(16, 24, 32), kernel=(3, 5, 7)),
            stages=[
                dict(width=(16, 24, 32, 40), depth=(2, 3, 4), **_genes),
                dict(width=(32, 48, 64, 80), depth=(2, 3, 4, 5, 6), **_genes),
                dict(width=(64, 88, 128, 152), depth=(2, 3, 4, 5, 6, 7), **_genes),
                dict(width=(128, 176, 256, 304), depth=(1, 2, 3), **_genes),
            ],
            head=dict(width=(40, 48, 64, 72), kernel=(2, 4), groups=('dw', 8, 4)),
            name='vipnas_res50_half_light/1',
        ),
        key='s_vipnas_res50_half',
    ),
    key=dict(
        backbone=dict(
            wid=[24, 40, 80, 152, 304],
            dep=[None, 4, 6, 7, 3],
            ks=[7, 3, 5, 5, 5],
        ),
        head=dict(in_channels=304, deconv_out_channels=(72, 72, 72)),
    ),
    key_checkpoint=_checkpoint,
    light_checkpoint=_checkpoint,
)
