"""Fewer operations in an exported graph: shapes that are known are not computed."""

from typing import TYPE_CHECKING

import numpy as np

from posenas.utils.optional import import_optional

if TYPE_CHECKING:
    import onnx_ir


def simplify(model: 'onnx_ir.Model') -> None:
    """Remove from a graph, in place, what a constant or another operation says already.

    The shapes come first: the passes of ``onnxscript`` then have half as many operations to visit.

    Args:
        model: Graph whose values know their shapes.
    """
    passes = import_optional('onnx_ir.passes.common', 'deploy')
    optimizer = import_optional('onnxscript.optimizer', 'deploy')
    fix_shapes(model)
    optimizer.fold_constants(model)
    optimizer.remove_unused_nodes(model)
    passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    passes.DeduplicateInitializersPass()(model)
    passes.CommonSubexpressionEliminationPass()(model)
    optimizer.optimize_ir(model)
    name_pools(model)


def fix_shapes(model: 'onnx_ir.Model') -> None:
    """Give reshapes and expansions constant targets where only the batch is unknown, in place.

    PyTorch computes every such shape from that of the input, which takes several small operations
    each. A reshape finds one length by itself (-1), and an expansion keeps a length (1). What only
    computed shapes is removed.

    Args:
        model: Graph whose values know their shapes.
    """
    ir = import_optional('onnx_ir', 'deploy')
    optimizer = import_optional('onnxscript.optimizer', 'deploy')
    for node in list(model.graph):
        if node.op_type not in ('Reshape', 'Expand') or node.inputs[1].is_initializer():
            continue
        target = _find_target(node)
        if target is None:
            continue
        constant = ir.node('Constant', [], attributes=dict(value=ir.tensor(target)))
        model.graph.insert_before(node, constant)
        node.replace_input_with(1, constant.outputs[0])
    optimizer.remove_unused_nodes(model)


def name_pools(model: 'onnx_ir.Model') -> None:
    """Call means over height and width global pools, in place: engines pool in their own layout.

    Args:
        model: Graph whose values know their shapes.
    """
    ir = import_optional('onnx_ir', 'deploy')
    for node in list(model.graph):
        if node.op_type != 'ReduceMean' or not node.attributes.get_int('keepdims', 1):
            continue
        source, axes = node.inputs[0], node.inputs[1].const_value if len(node.inputs) > 1 else None
        if axes is None or source.shape is None or len(source.shape) != 4:
            continue
        if sorted(int(axis) % 4 for axis in axes.numpy()) == [2, 3]:
            pool = ir.node('GlobalAveragePool', [source], name=node.name)
            ir.convenience.replace_nodes_and_values(
                model.graph, node, [node], [pool], node.outputs, pool.outputs
            )


def _find_target(node: 'onnx_ir.Node') -> np.ndarray | None:
    """Return the constant shape that a reshape or expansion may have, if there is one."""
    shape, source = node.outputs[0].shape, node.inputs[0].shape
    if shape is None or source is None:
        return None
    unknown = [i for i, length in enumerate(shape) if not isinstance(length, int)]
    if node.op_type == 'Reshape':
        if len(unknown) > 1:
            return None
        return np.array([-1 if i in unknown else shape[i] for i in range(len(shape))], np.int64)
    offset = len(shape) - len(source)
    kept = [i for i in unknown if i >= offset and source[i - offset] == shape[i]]
    if kept != unknown:
        return None
    return np.array([1 if i in unknown else shape[i] for i in range(len(shape))], np.int64)
