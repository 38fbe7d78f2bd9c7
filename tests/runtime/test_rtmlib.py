"""Exported networks in rtmlib, which knows nothing of us."""

import cv2
import numpy as np
import pytest
from apis.spots import BOXES, draw_spots
from exported_spots import HEATMAP_SIZE, INPUT_SIZE, describe_spots, write_spot_net

from posenas.runtime import CropRule, PoseRuntime


def blurred_spots():
    """Spots as wide as the Gaussians that DARK expects."""
    return cv2.GaussianBlur(draw_spots(), (0, 0), 6)


def test_the_file_runs_unchanged_in_the_vitpose_class_of_rtmlib(tmp_path):
    rtmlib = pytest.importorskip('rtmlib')
    sizes = dict(input_size=list(INPUT_SIZE), heatmap_size=list(HEATMAP_SIZE))
    codec = dict(sizes, type='UDPHeatmap', generation='0.x')
    description = describe_spots(codec=codec, crop=CropRule(INPUT_SIZE, use_udp=True))
    path = write_spot_net(tmp_path / 'net.onnx', description=description)
    runtime = PoseRuntime(path, 'onnxruntime')
    model = rtmlib.ViTPose(str(path), INPUT_SIZE, (0, 0, 0), (255, 255, 255))
    found, scores = model(blurred_spots(), BOXES.tolist())
    for i, box in enumerate(BOXES):
        pixels, center, scale = model.preprocess(blurred_spots(), box)
        (heatmaps,) = model.inference(pixels)
        points, values = runtime.decode([heatmaps])
        # its crops are not UDP, its way back to the image is
        wanted = points[0] / (np.array(INPUT_SIZE) - 1) * scale + center - scale / 2
        np.testing.assert_allclose(found[i], wanted, atol=0.05)
        np.testing.assert_allclose(scores[i], values[0], atol=1e-6)
