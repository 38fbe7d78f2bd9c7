"""The network of ``apis/spots.py`` as a file, written without PyTorch: it finds coloured spots."""

import numpy as np
import onnx
from onnx import TensorProto, helper

from posenas.runtime import CropRule, NetworkDescription, Normalisation
from posenas.skeletons import make_skeleton

#: Size of crops and heatmaps of the network.
INPUT_SIZE, HEATMAP_SIZE = (48, 64), (12, 16)


def describe_spots(**changes):
    """Describe the network; its flip test exchanges blue and red, so it has no symmetric answer."""
    skeleton = make_skeleton('spots', ('blue', 'green', 'red'), [('blue', 'green')])
    given = dict(
        name='spots',
        output_names=('heatmaps',),
        codec=dict(
            type='MSRAHeatmap', input_size=list(INPUT_SIZE), heatmap_size=list(HEATMAP_SIZE)
        ),
        crop=CropRule(INPUT_SIZE),
        normalisation=Normalisation((0.0, 0.0, 0.0), (255.0, 255.0, 255.0), 'bgr'),
        skeleton=skeleton.metainfo(),
        flip=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=False),
    )
    return NetworkDescription(**given | changes)


def make_spot_net(gain=0.5, description=None):
    """Make means of 4 x 4 pixels times ``gain``."""
    width, height = INPUT_SIZE
    columns, rows = HEATMAP_SIZE
    nodes = [
        helper.make_node('AveragePool', ['images'], ['means'], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node('Mul', ['means', 'gain'], ['heatmaps']),
    ]
    graph = helper.make_graph(
        nodes,
        'spots',
        [helper.make_tensor_value_info('images', TensorProto.FLOAT, ['batch', 3, height, width])],
        [helper.make_tensor_value_info('heatmaps', TensorProto.FLOAT, ['batch', 3, rows, columns])],
        [onnx.numpy_helper.from_array(np.float32(gain), 'gain')],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=10)
    helper.set_model_props(model, (description or describe_spots()).to_metadata())
    return model


def write_spot_net(path, **kwargs):
    onnx.save(make_spot_net(**kwargs), path)
    return path


def write_box_net(path):
    """Write a detector: the mean brightness is the score, sides are 20 and 30 pixels away."""
    width, height = 96, 64
    description = describe_spots(
        name='boxes',
        output_names=('maps',),
        codec=dict(type='CenterBox', stride=4),
        crop=CropRule((width, height), 1.0, pad_value=114),
        skeleton={},
        flip={},
        score_thr=0.5,
    )
    distances = np.broadcast_to(np.float32([20, 30, 20, 30])[:, None, None], (4, 16, 24))[None]
    nodes = [
        helper.make_node('ReduceMean', ['images', 'channels'], ['grey'], keepdims=1),
        helper.make_node('AveragePool', ['grey'], ['heat'], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node('Mul', ['heat', 'zero'], ['nothing']),
        helper.make_node('Add', ['nothing', 'distances'], ['sides']),
        helper.make_node('Concat', ['heat', 'sides'], ['maps'], axis=1),
    ]
    shape = ['batch', 3, height, width]
    graph = helper.make_graph(
        nodes,
        'boxes',
        [helper.make_tensor_value_info('images', TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info('maps', TensorProto.FLOAT, ['batch', 5, 16, 24])],
        [
            onnx.numpy_helper.from_array(np.array([1]), 'channels'),
            onnx.numpy_helper.from_array(np.float32(0), 'zero'),
            onnx.numpy_helper.from_array(np.ascontiguousarray(distances), 'distances'),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=10)
    helper.set_model_props(model, description.to_metadata())
    onnx.save(model, path)
    return path


def write_foreign_detector(path, outputs, sides=(64, 96), batch=1):
    """Write a detector of another project: it makes ``outputs``, arrays by name, of any image."""
    shape = [batch, 3, *sides]
    nodes = [
        helper.make_node('Constant', [], [name], value=onnx.numpy_helper.from_array(array))
        for name, array in outputs.items()
    ]
    graph = helper.make_graph(
        nodes,
        'foreign',
        [helper.make_tensor_value_info('images', TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
            )
            for name, array in outputs.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=10)
    onnx.save(model, path)
    return path
