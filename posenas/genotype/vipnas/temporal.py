"""ViPNAS networks for videos: what the choices of a genotype mean, frame by frame."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

from posenas.genotype.record import Genotype
from posenas.genotype.vipnas.blocks import vipnas_arguments
from posenas.utils.errors import ConfigError

#: Ways to fuse heatmaps with a feature, from the cheapest to the most expensive one.
FUSION_OPS = ('add', 'mul', 'cat')
#: Backbone -> for fusion stages 1 to 4 the place of its last stage of that resolution.
_LAST_STAGES = {'ViPNAS_ResNet': (0, 1, 2, 3), 'ViPNAS_MobileNetV3': (1, 2, 4, 5)}


@dataclass(frozen=True)
class FrameShape:
    """The network of one frame between key frames.

    Attributes:
        fuse_stage: Stage behind which heatmaps are fused, 1 to 4.
        fuse_op: One of :data:`FUSION_OPS`.
        net: The network without fusion, a spatial ViPNAS genotype.
    """

    fuse_stage: int
    fuse_op: str
    net: Genotype

    @property
    def fuse_channels(self) -> int:
        """Channels of the feature that is fused."""
        stage = _LAST_STAGES[self.net.macro['backbone']][self.fuse_stage - 1]
        width: int = self.net.choices['stages'][stage]['width']
        return width


def read_key(genotype: Genotype) -> Genotype | None:
    """Return the network of key frames; None where the genotype names a checkpoint instead."""
    key = _check_family(genotype)['key']
    return _spatial(genotype, 'key', key) if isinstance(key, Mapping) else None


def read_frames(genotype: Genotype) -> list[FrameShape]:
    """List the networks of the frames after a key frame.

    Raises:
        ConfigError: It is no such genotype, or a frame chooses what is not there.
    """
    shapes = []
    for i, frame in enumerate(_check_family(genotype)['frames'], 1):
        stage, op = frame['fuse_stage'], frame['fuse_op']
        if stage not in (1, 2, 3, 4) or op not in FUSION_OPS:
            raise ConfigError(
                f'choices.frames must fuse at a stage of 1 to 4 by one of {FUSION_OPS}, got '
                f'{stage!r} and {op!r} in frame {i}'
            )
        shapes.append(FrameShape(stage, op, _spatial(genotype, f'frame-{i}', frame['net'])))
    return shapes


def write_t_vipnas_model(genotype: Genotype, model: Mapping) -> dict:
    """Write the genotype into the config of an online estimator.

    What it does not decide comes from ``model``: its first entry of ``frames``, where there is one,
    is the pattern of all of them.
    """
    derived = deepcopy(dict(model))
    patterns = derived.get('frames') or [{}]
    key = read_key(genotype)
    if key is not None:
        derived['key'] = _fill(derived['key'], key)
    derived['frames'] = [
        dict(
            _fill(dict(deepcopy(patterns[0]), type='TViPNASNet'), shape.net),
            fusion=dict(stage=shape.fuse_stage, op=shape.fuse_op, in_channels=shape.fuse_channels),
        )
        for shape in read_frames(genotype)
    ]
    derived['period'] = genotype.choices['period']
    return derived


def _fill(network: dict, genotype: Genotype) -> dict:
    """Write a spatial genotype into backbone and head."""
    backbone, head = vipnas_arguments(genotype)
    return dict(
        network,
        backbone={**network.get('backbone', {}), **backbone},
        head={**network.get('head', {}), **head},
    )


def _spatial(genotype: Genotype, name: str, choices: Mapping) -> Genotype:
    """Return the genotype of one image network of a period."""
    named = f'{genotype.name}-{name}'
    return Genotype.of_choices('vipnas', named, '', genotype.macro, choices)


def _check_family(genotype: Genotype) -> dict:
    """Return the choices of a temporal genotype."""
    choices, backbone = genotype.choices, genotype.macro.get('backbone')
    if genotype.family != 't_vipnas' or choices is None or backbone not in _LAST_STAGES:
        raise ConfigError(
            f"a temporal ViPNAS genotype must have family 't_vipnas' and macro.backbone of "
            f'{list(_LAST_STAGES)}, got {genotype.family!r} and {backbone!r}'
        )
    if len(choices['frames']) != choices['period'] - 1:
        raise ConfigError(
            f'choices.frames must hold period - 1 = {choices["period"] - 1} networks, got '
            f'{len(choices["frames"])}'
        )
    return choices
