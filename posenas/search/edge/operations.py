"""Networks for inference engines as lists of operations, for figures that add up."""

from collections.abc import Iterator

from posenas.genotype import ConvShape, EdgePlan, Genotype, read_edge
from posenas.registry import TASK_UTILS
from posenas.search.costs import CostContext, Counts
from posenas.search.operation import Operation, lists_operations


@TASK_UTILS.register_module()
class EdgeCounter:
    """Counts networks of the family 'edge' from their genotype alone, exactly."""

    def fingerprint(self) -> str:
        """Return the name."""
        return type(self).__name__

    def __call__(self, genotype: Genotype, context: CostContext) -> Counts:
        """Count the network of ``genotype``.

        Raises:
            ConfigError: It is of another family.
        """
        (operations,) = list_edge_networks(genotype, context)
        return Counts(sum(o.params for o in operations), sum(o.macs for o in operations))


@lists_operations('edge')
def list_edge_networks(genotype: Genotype, context: CostContext) -> list[list[Operation]]:
    """List those of the one network.

    Raises:
        ConfigError: The genotype is of another family.
    """
    plan = read_edge(genotype)
    operations, sizes = [], []
    size = context.input_size
    for shape in plan.stem:
        operations.append(_conv(shape, size))
        size = operations[-1].output_size
    for stage in plan.stages:
        operations.append(_conv(stage.down, size))
        size = operations[-1].output_size
        sizes.append(size)
        act = 'ReLU' if stage.kind == 'dense' else ''
        for _ in range(stage.depth):
            operations += [_conv(shape, size) for shape in stage.block]
            operations.append(Operation('add', size, stage.width, stage.width, act=act))
    operations += _list_fusion(plan, sizes)
    operations += _list_head(plan, sizes[0], context.num_keypoints)
    return [operations]


def _conv(shape: ConvShape, size: tuple[int, int]) -> Operation:
    act = 'ReLU' if shape.with_act else ''
    return Operation(
        'conv',
        size,
        shape.in_channels,
        shape.out_channels,
        shape.kernel,
        shape.stride,
        shape.groups,
        act,
    )


def _list_fusion(plan: EdgePlan, sizes: list[tuple[int, int]]) -> Iterator[Operation]:
    """Yield the sums over the scales, the coarsest first."""
    width = plan.fusion
    yield Operation('conv', sizes[-1], plan.stages[-1].width, width, act='ReLU')
    for i in reversed(range(len(sizes) - 1)):
        yield Operation('conv', sizes[i], plan.stages[i].width, width)
        yield Operation('conv', sizes[i + 1], width, width)
        yield Operation('upsample', sizes[i + 1], width, width)
        yield Operation('add', sizes[i], width, width)
        yield Operation('conv', sizes[i], width, width, 3, act='ReLU')


def _list_head(plan: EdgePlan, size: tuple[int, int], keypoints: int) -> Iterator[Operation]:
    """Yield the operations of the head."""
    if plan.head == 'deconv':
        deconv = Operation('deconv', size, plan.fusion, plan.head_width, 4, 2, act='ReLU')
        yield deconv
        yield Operation('conv', deconv.output_size, plan.head_width, keypoints, with_norm=False)
        return
    made = 4 * keypoints if plan.head == 'shuffle' else keypoints
    yield Operation('conv', size, plan.fusion, made, with_norm=False)
    yield Operation(plan.head, size, made, keypoints)
