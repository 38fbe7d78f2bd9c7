"""Networks for inference engines: what the choices of a genotype mean, convolution by convolution.

The genotype is what networks are built, counted, timed and cut out of a supernet by.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from posenas.genotype.record import Genotype
from posenas.utils.errors import ConfigError

#: Kind of a block -> kernels and expansions that it can have. 'dense' is two 3x3 convolutions,
#: 'fused' widens by a 3x3 and projects by a 1x1, 'inverted' widens by a 1x1, filters each channel
#: and projects by a 1x1.
EDGE_BLOCKS = MappingProxyType(
    dict(
        inverted=dict(kernel=(3, 5, 7), expand=(2, 3, 4)),
        dense=dict(kernel=(3,), expand=(1,)),
        fused=dict(kernel=(3,), expand=(2, 3, 4)),
    )
)
#: Ways from features of stride 8 to heatmaps of stride 4: 'shuffle' is pixel shuffle, 'simcc' the
#: product of classified coordinates, 'deconv' a transposed convolution.
EDGE_HEADS = ('shuffle', 'simcc', 'deconv')


@dataclass(frozen=True)
class ConvShape:
    """One convolution with batch norm.

    Attributes:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel: Odd side.
        stride: Stride.
        groups: Groups.
        with_act: Whether ReLU follows.
    """

    in_channels: int
    out_channels: int
    kernel: int = 1
    stride: int = 1
    groups: int = 1
    with_act: bool = True


@dataclass(frozen=True)
class StagePlan:
    """A strided 3x3 convolution and residual blocks, all alike.

    Attributes:
        in_channels: Channels of the input.
        kind: Key of :data:`EDGE_BLOCKS`.
        width: Channels of the output.
        depth: Number of blocks.
        expand: Channels inside a block divided by ``width``.
        kernel: Side of the kernel of a block that looks around.
    """

    in_channels: int
    kind: str
    width: int
    depth: int
    expand: int
    kernel: int

    @property
    def down(self) -> ConvShape:
        """The convolution that halves the size."""
        return ConvShape(self.in_channels, self.width, 3, stride=2)

    @property
    def block(self) -> tuple[ConvShape, ...]:
        """The convolutions of one block; its input is added to what they make."""
        width, mid = self.width, self.width * self.expand
        if self.kind == 'dense':
            return (
                ConvShape(width, mid, self.kernel),
                ConvShape(mid, width, self.kernel, with_act=False),
            )
        last = ConvShape(mid, width, with_act=False)
        if self.kind == 'fused':
            return ConvShape(width, mid, self.kernel), last
        return ConvShape(width, mid), ConvShape(mid, mid, self.kernel, groups=mid), last


@dataclass(frozen=True)
class EdgePlan:
    """A whole network.

    Attributes:
        stem: Two strided convolutions.
        stages: Stages of strides 8, 16 and, where there are three, 32.
        fusion: Channels of the sums over the scales.
        head: One of :data:`EDGE_HEADS`.
        head_width: Channels behind the transposed convolution; 0 where there is none.
    """

    stem: tuple[ConvShape, ConvShape]
    stages: tuple[StagePlan, ...]
    fusion: int
    head: str
    head_width: int


def read_edge(genotype: Genotype) -> EdgePlan:
    """Read the network of a genotype.

    Raises:
        ConfigError: It is of another family.
    """
    if genotype.family != 'edge' or genotype.choices is None:
        raise ConfigError(f"the genotype must be of family 'edge', got {genotype.family!r}")
    choices = genotype.choices
    stages, channels = [], choices['stem']['width']
    for stage in choices['stages']:
        stages.append(StagePlan(channels, **stage))
        channels = stage['width']
    head = choices['head']
    return EdgePlan(
        make_stem(choices['stem']['width']),
        tuple(stages),
        choices['fusion']['width'],
        head['kind'],
        head.get('width', 0),
    )


def make_stem(width: int) -> tuple[ConvShape, ConvShape]:
    """Plan the two strided convolutions that end with ``width`` channels."""
    return ConvShape(3, width // 2, 3, stride=2), ConvShape(width // 2, width, 3, stride=2)


def edge_arguments(genotype: Genotype) -> dict[str, dict]:
    """Return the arguments of backbone, neck and head, ``type`` included."""
    plan, choices = read_edge(genotype), genotype.choices
    widths = [stage.width for stage in plan.stages]
    return dict(
        backbone=dict(
            type='EdgeNet', stem_width=choices['stem']['width'], stages=choices['stages']
        ),
        neck=dict(type='TopDownFusion', in_channels=widths, channels=[plan.fusion] * len(widths)),
        head=dict(type='EdgeHead', in_channels=plan.fusion, kind=plan.head, width=plan.head_width),
    )


def edge_genotype(choices: Mapping, name: str = 'edge', space: str = '') -> Genotype:
    """Write a genotype.

    Args:
        choices: ``stem``, ``stages``, ``fusion`` and ``head``.
        name: Name of the genotype.
        space: Search space that it belongs to, such as 'edge/1'; '' if to none.

    Raises:
        ConfigError: The choices are no network.
    """
    return Genotype.of_choices('edge', name, space, {}, choices)


def read_edge_config(model: Mapping, name: str = 'edge') -> Genotype:
    """Write the genotype of a network whose config gives its choices as arguments.

    Args:
        model: Config of its estimator, as :func:`edge_arguments` makes it.
        name: Name of the genotype.

    Raises:
        ConfigError: The arguments are no network of the family.
    """
    backbone, head = model['backbone'], model['head']
    made: dict[str, object] = dict(kind=head.get('kind', 'shuffle'))
    if made['kind'] == 'deconv':
        made['width'] = head['width']
    choices = dict(
        stem=dict(width=backbone['stem_width']),
        stages=[dict(stage) for stage in backbone['stages']],
        fusion=dict(width=model['neck']['channels'][0]),
        head=made,
    )
    return edge_genotype(choices, name)
