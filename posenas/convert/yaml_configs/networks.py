"""Networks of the projects around HRNet, by ``MODEL.NAME``."""

from collections.abc import Callable, Mapping
from typing import Any

from posenas.convert.reading import Section
from posenas.utils import ConfigError

#: How PoseNAS calls its network.
POSENAS = 'Auto_Pose'
#: Channels that leave ResNets of this depth.
_RESNET_CHANNELS = {18: 512, 34: 512, 50: 2048, 101: 2048, 152: 2048}
_STAGE_KEYS = ('NUM_MODULES', 'NUM_BRANCHES', 'BLOCK', 'NUM_BLOCKS', 'NUM_CHANNELS')
#: First stage of every published HRNet; no config sets it.
_STAGE1 = dict(
    num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(4,), num_channels=(64,)
)
#: Half the squared error of weighted maps.
_LOSS = dict(type='JointsMSELoss', loss_weight=0.5)
#: Initialisation of ResNets that start without a file.
_RESNET_INIT = [
    dict(type='Normal', std=0.001, layer=['Conv2d']),
    dict(type='Constant', val=1, layer=['_BatchNorm']),
]


class NetworkReader:
    """Keys of a network, which stand in ``MODEL`` or, in some projects, in ``MODEL.EXTRA``.

    Args:
        model: The section ``MODEL``.
    """

    def __init__(self, model: Section) -> None:
        self.model = model
        self.extra = model.enter('EXTRA')

    def take(self, key: str, to: str, default: Any = None) -> Any:  # noqa: ANN401  (as stored)
        """Read a value from wherever it stands."""
        return self.extra.take(key, to, self.model.take(key, to, default))

    def require(self, key: str, to: str) -> Any:  # noqa: ANN401  (as stored)
        """Read a value that must be there.

        Raises:
            ConfigError: It is not.
        """
        section = self.extra if key in self.extra else self.model
        return section.require(key, to)

    def finish(self) -> None:
        """Note the keys that nobody read."""
        self.extra.finish()
        self.model.finish()


def translate_network(
    reader: NetworkReader, train: Section, num_joints: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return backbone and head, the latter without loss and decoder.

    Args:
        reader: Keys of the network.
        train: The section ``TRAIN``, where PoseNAS states depth and width.
        num_joints: Heatmaps of each stage.

    Raises:
        ConfigError: The network is unknown.
    """
    name = reader.take('NAME', 'model.backbone.type', POSENAS if 'LAYERS' in train else '')
    if name not in _NETWORKS:
        raise ConfigError(f'MODEL.NAME must be one of {sorted(_NETWORKS)}, got {name!r}')
    if name != POSENAS:
        train.drop('only PoseNAS reads it', 'LAYERS', 'INIT_CHANNELS')
    return _NETWORKS[name](reader, train, num_joints)


def make_loss(use_target_weight: bool) -> dict[str, Any]:
    """Return the loss of all these projects."""
    return dict(_LOSS, use_target_weight=use_target_weight)


def _read_pretrained(reader: NetworkReader) -> dict[str, Any]:
    """Read which file initialises the backbone; an empty name is none."""
    starts = reader.take('INIT_WEIGHTS', 'model.backbone.init_cfg', True)
    file = reader.take('PRETRAINED', 'model.backbone.init_cfg', '')
    reader.extra.drop('the file decides', 'PRETRAINED_LAYERS')
    if not (starts and file):
        return {}
    return dict(init_cfg=dict(type='Pretrained', checkpoint=file))


def _translate_final(reader: NetworkReader) -> dict[str, Any]:
    kernel = reader.take('FINAL_CONV_KERNEL', 'model.head.final_layer', 1)
    return {} if kernel == 1 else dict(final_layer=dict(kernel_size=kernel, padding=kernel // 2))


def _translate_hourglass(
    reader: NetworkReader, train: Section, num_joints: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    backbone: dict[str, Any] = dict(type='Hourglass', num_joints=num_joints)
    for key in ('NUM_STACKS', 'NUM_FEATURES'):
        backbone[key.lower()] = reader.require(key, f'model.backbone.{key.lower()}')
    blocks = reader.take('NUM_BLOCKS', 'model.backbone.num_blocks', 1)
    backbone |= {} if blocks == 1 else dict(num_blocks=blocks)
    for section in (reader.model, reader.extra):
        section.drop('hourglasses start from scratch', 'PRETRAINED', 'INIT_WEIGHTS')
    return backbone, dict(type='StackedHourglassHead', out_channels=num_joints)


def _translate_hrnet(
    reader: NetworkReader, train: Section, num_joints: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    backbone = dict(type='HRNet', extra=read_stages(reader.extra), **_read_pretrained(reader))
    reader.extra.drop('64 in every HRNet', 'STEM_INPLANES')
    head = dict(
        type='HeatmapHead',
        in_channels=backbone['extra']['stage4']['num_channels'][0],
        out_channels=num_joints,
        deconv_out_channels=None,
    )
    return backbone, head | _translate_final(reader)


def read_stages(extra: Section) -> dict[str, Any]:
    """Read stages 2 to 4 of an HRNet; stage 1 is the same in all."""
    stages: dict[str, Any] = dict(stage1=dict(_STAGE1))
    for number in (2, 3, 4):
        stage = extra.enter(f'STAGE{number}')
        place = f'model.backbone.extra.stage{number}'
        values = {key.lower(): stage.require(key, place) for key in _STAGE_KEYS}
        if stage.take('FUSE_METHOD', place, 'SUM') != 'SUM':
            raise ConfigError(f'{stage.place("FUSE_METHOD")} must be SUM')
        stage.finish()
        stages[f'stage{number}'] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
    return stages


def _translate_resnet(
    reader: NetworkReader, train: Section, num_joints: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    depth = reader.take('NUM_LAYERS', 'model.backbone.depth', 50)
    if depth not in _RESNET_CHANNELS:
        raise ConfigError(f'NUM_LAYERS must be one of {list(_RESNET_CHANNELS)}, got {depth}')
    style = reader.take('STYLE', 'model.backbone.style', 'pytorch')
    if reader.take('DECONV_WITH_BIAS', 'model.head', False):
        raise ConfigError('DECONV_WITH_BIAS must be False: batch norms follow')
    start = _read_pretrained(reader) or dict(init_cfg=_RESNET_INIT)
    backbone = dict(type='ResNet', depth=depth, zero_init_residual=False, **start)
    backbone |= {} if style == 'pytorch' else dict(style=style)
    count = reader.take('NUM_DECONV_LAYERS', 'model.head.deconv_out_channels', 3)
    filters = reader.take('NUM_DECONV_FILTERS', 'model.head.deconv_out_channels', [256] * count)
    kernels = reader.take('NUM_DECONV_KERNELS', 'model.head.deconv_kernel_sizes', [4] * count)
    head = dict(
        type='HeatmapHead',
        in_channels=_RESNET_CHANNELS[depth],
        out_channels=num_joints,
        deconv_out_channels=tuple(filters),
        deconv_kernel_sizes=tuple(kernels),
    )
    return backbone, head | _translate_final(reader)


def _translate_posenas(
    reader: NetworkReader, train: Section, num_joints: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    layers = train.take('LAYERS', 'model.backbone.layers', 10)
    channels = train.take('INIT_CHANNELS', 'model.backbone.init_channels', 32)
    backbone: dict[str, Any] = dict(type='PoseNAS', layers=layers, init_channels=channels)
    for name in ('reductions', 'taps'):
        cells = train.take(name.upper(), f'model.backbone.{name}')
        backbone |= {} if cells is None else {name: tuple(cells)}
    if layers not in (12, 18) and not {'reductions', 'taps'} <= backbone.keys():
        raise ConfigError(
            f'TRAIN.LAYERS must be 12 or 18, whose cells are published, got {layers}: for other '
            'lengths give the cells that halve the size and the cells whose features are used, '
            'such as LAYERS: 8, REDUCTIONS: [2, 4, 6], TAPS: [1, 3, 5, 7]'
        )
    names = (
        *('DECONV_WITH_BIAS', 'NUM_DECONV_LAYERS', 'NUM_DECONV_FILTERS', 'NUM_DECONV_KERNELS'),
        *('NUM_LAYERS', 'STYLE', 'FINAL_CONV_KERNEL', 'PRETRAINED', 'INIT_WEIGHTS'),
    )
    for section in (reader.model, reader.extra):
        section.drop('PoseNAS does not read it', *names)
    head = dict(type='PoseNASHead', in_channels=2 * channels, out_channels=num_joints)
    return backbone, head


_NETWORKS: Mapping[
    str, Callable[[NetworkReader, Section, int], tuple[dict[str, Any], dict[str, Any]]]
] = {
    'hourglass': _translate_hourglass,
    'pose_hrnet': _translate_hrnet,
    'pose_resnet': _translate_resnet,
    POSENAS: _translate_posenas,
}
