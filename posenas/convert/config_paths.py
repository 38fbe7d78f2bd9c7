"""Paths of configs as the projects publish them, and the shipped configs that they mean."""

from itertools import product

_PNFS = {
    'example': 'res50_cnfx3_coco_256x192',
    'mobilenet_v2_CNFx3_coco_384x288': 'mobilenet_v2_cnfx3_coco_384x288',
    'hrnet_w32_CNFx5_coco_384x288': 'hrnet_w32_cnfx5_coco_384x288',
    'hrnet_w32_CNFx5_mpii_256x256': 'hrnet_w32_cnfx5_mpii_256x256',
}
#: Cells and channels of PoseNAS -> its name here; the smallest is of the first release.
_POSENAS = {'12l_32c': 'l12_c32_1stage', '18l_48c': 'l18_c48', '18l_64c': 'l18_c64'}
#: Sizes of crops, height x width, for which the HRNet projects have configs.
_SIZES = {'coco': ('256x192', '384x288'), 'mpii': ('256x256',)}
_CROPS = [(data, size) for data, sizes in _SIZES.items() for size in sizes]
#: Folders below ``experiments``: those of FPD differ by the section of the teacher alone.
_FOLDERS = ('', 'fpd_')
_VIPNAS = 'configs/body/2d_kpt_sview_rgb_img/topdown_heatmap/coco'
_RATES = dict(hrnet='adam_lr1e-3', resnet='d256x3_adam_lr1e-3', hourglass='d256x3_adam_lr2.5e-4')


def _list_experiments() -> dict[str, str]:
    """Map each file of FPD, relative to ``experiments/[fpd_]<data>``, to a shipped config."""
    found = {}
    for (data, size), width in product(_CROPS, (32, 48)):
        found[f'{data}/hrnet/w{width}_{size}_{_RATES["hrnet"]}'] = f'hrnet_w{width}_{data}_{size}'
    for (data, size), depth in product(_CROPS, (50, 101, 152)):
        name = f'pose_resnet_{depth}_{data}_{size}'
        found[f'{data}/resnet/res{depth}_{size}_{_RATES["resnet"]}'] = name
    for (data, size), stacks in product(_CROPS, (4, 8)):
        if size != '384x288':
            name = f'hourglass_s{stacks}_f256_{data}_{size}'
            found[f'{data}/hourglass/hg{stacks}_{size}_{_RATES["hourglass"]}'] = name
    for data, sizes in _SIZES.items():
        found |= {
            f'{data}/hrnet/hrnet_template': f'hrnet_w32_{data}_{sizes[0]}',
            f'{data}/resnet/resnet_template': f'pose_resnet_50_{data}_{sizes[0]}',
            f'{data}/hourglass/hg_template': f'hourglass_s4_f256_{data}_{sizes[0]}',
        }
    return found


#: Published path -> stem of the shipped config of the same experiment.
PUBLISHED_CONFIGS: dict[str, str] = {
    **{f'configs/{name}.yaml': stem for name, stem in _PNFS.items()},
    **{
        f'experiments/{data}/{size}_{cells}.yaml': f'posenas_{name}_{data}_{size}'
        for (data, size), (cells, name) in product(_CROPS, _POSENAS.items())
    },
    **{
        f'experiments/{folder}{path}.yaml': stem
        for folder, (path, stem) in product(_FOLDERS, _list_experiments().items())
    },
    **{
        f'{_VIPNAS}/vipnas_{net}_coco_256x192.py': f's_vipnas_{net}_coco_256x192'
        for net in ('res50', 'mbv3')
    },
    **{
        f'configs/body_2d_keypoint/topdown_heatmap/coco/{name}.py': f's_vipnas_{net}_coco_256x192'
        for net in ('res50', 'mbv3')
        for name in (f'td-hm_vipnas-{net}_8xb64-210e_coco-256x192',)
    },
    **{
        f'configs/body_2d_keypoint/topdown_heatmap/{data}/'
        f'td-hm_litehrnet-{size}_8xb{batch}-210e_{data}-{crop}.py': (
            f'litehrnet_{size}_{data}_{crop}'
        )
        for size in (18, 30)
        for data, batch, crop in (
            *(('coco', 64, '256x192'), ('coco', 32, '384x288'), ('mpii', 64, '256x256')),
        )
    },
    **{
        f'configs/body_2d_keypoint/topdown_heatmap/coco/td-hm_{net}_8xb64-210e_coco-256x192.py': (
            f'{net}_coco_256x192'
        )
        for net in (
            *('mobilenetv2', 'shufflenetv1', 'shufflenetv2'),
            *('resnetv1d50', 'resnext50', 'seresnet50'),
        )
    },
    'configs/body_2d_keypoint/topdown_regression/coco/'
    'td-reg_res50_rle-8xb64-210e_coco-256x192.py': 'rle_res50_coco_256x192',
    'configs/body_2d_keypoint/simcc/coco/simcc_vipnas-mbv3_8xb64-210e_coco-256x192.py': (
        'simcc_vipnas_mbv3_coco_256x192'
    ),
    **{
        f'configs/body_2d_keypoint/rtmpose/coco/rtmpose-{size}_8xb256-420e_{data}coco-{crop}.py': (
            f'rtmpose_{size}_coco_{crop}'
        )
        for size, data, crop in (
            *((size, '', '256x192') for size in 'tsml'),
            *((size, 'aic-', '384x288') for size in 'ml'),
        )
    },
}
#: Published path -> why there can be no such network.
IMPOSSIBLE_CONFIGS: dict[str, str] = {
    f'experiments/{folder}coco/hourglass/hg{stacks}_384x288_{_RATES["hourglass"]}.yaml': (
        'sides of the input of an hourglass must be multiples of 64, which 288 is not: the '
        'original cannot run it either; take 256x192'
    )
    for folder, stacks in product(_FOLDERS, (4, 8))
}
