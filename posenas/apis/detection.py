"""Find people in photos with a detector of this library."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from torch import nn

from posenas.apis.building import build_model
from posenas.apis.inference import ImageLike, TopdownPipeline, choose_device, predict_crops
from posenas.models import PersonDetector
from posenas.runtime import DetectorRuntime
from posenas.runtime.engines import is_exported
from posenas.skeletons import get_skeleton
from posenas.utils import ConfigError, check_positive, check_probability
from posenas.weights import DEFAULT_DETECTOR, fill_in

#: Entries of a config that detection uses.
_NEEDED_KEYS = ('default_scope', 'codec', 'model', 'test_dataloader', 'val_dataloader')


class DetectedPeople(NamedTuple):
    """The people found in one photo.

    Attributes:
        bboxes: Corners (N, 4) float32, pixels of the photo, within it.
        scores: (N,) float32 in [0, 1], best first.
    """

    bboxes: np.ndarray
    scores: np.ndarray


def init_detector(
    config: str | Path | Config | None = None,
    checkpoint: str | Path | None = None,
    device: str | torch.device | None = None,
    cfg_options: dict | None = None,
    layout: str | None = None,
) -> nn.Module | DetectorRuntime:
    """Build a person detector, load its weights and make it ready to predict.

    Args:
        config: Config file, name of a model, or a loaded config; an exported network needs none,
            and without a checkpoint None stands for the detector that comes with the library.
        checkpoint: Checkpoint file, or an exported detector (.onnx, .xml); None takes the weights
            that come with the library, and where it has none for this model leaves the random
            initial ones.
        device: Where to compute; None takes the first GPU, else the CPU.
        cfg_options: Settings that replace those of the config.
        layout: What an exported detector of another project takes and makes, one of
            :data:`posenas.runtime.DETECTOR_LAYOUTS`.

    Returns:
        The detector in evaluation mode, with its config as ``cfg``; or the exported one.

    Raises:
        ConfigError: The config does not exist or describes no detector, or there is no such device.
        CheckpointError: The checkpoint cannot be read safely or does not fit the detector.
    """
    needs_torch = bool(cfg_options) or choose_device(device).type != 'cpu'
    config, checkpoint = fill_in(config, checkpoint, DEFAULT_DETECTOR, needs_torch)
    if is_exported(checkpoint):
        return DetectorRuntime(checkpoint, layout=layout)
    if layout is not None:
        raise ConfigError(f'layout must be None for checkpoints, got {layout!r} for {checkpoint}')
    cfg, model, _ = build_model(config, checkpoint, cfg_options, needed=_NEEDED_KEYS)
    if not isinstance(model, PersonDetector):
        raise ConfigError(
            f'the model of a detector must be a PersonDetector, got {type(model).__name__}: use '
            'init_model for networks that find keypoints'
        )
    model.cfg, model.dataset_meta = cfg, get_skeleton('coco').metainfo()
    return model.to(choose_device(device)).eval()


class PeopleDetector:
    """A detector with its pipeline, ready for image after image.

    Args:
        model: Result of :func:`init_detector`.
        score_thr: Least score of a box; None takes the detector's, ``test_cfg.default_thr``.

    Raises:
        ValueError: The least score is no share.
    """

    def __init__(self, model: nn.Module | DetectorRuntime, score_thr: float | None = None) -> None:
        if score_thr is not None:
            check_probability('score_thr', score_thr)
        self.model = model
        if isinstance(model, DetectorRuntime):
            self.score_thr = model.description.score_thr if score_thr is None else score_thr
            return
        self.score_thr = model.test_cfg.get('default_thr', 0.3) if score_thr is None else score_thr
        self._pipeline = TopdownPipeline(model.cfg, model.dataset_meta)

    def __call__(
        self, images: Sequence[ImageLike], batch_size: int = 8
    ) -> Iterator[DetectedPeople]:
        """Yield the people in each image; see :func:`detect_people`."""
        if isinstance(self.model, DetectorRuntime):
            for people in self.model(images, self.score_thr):
                yield DetectedPeople(people.bboxes, people.scores)
            return
        pipeline = self._pipeline
        inputs = (pipeline.crop(pipeline.load(image), None)[0] for image in images)
        for sample in predict_crops(self.model, inputs, batch_size):
            found = sample.pred_instances
            chosen = found.bbox_scores >= self.score_thr
            yield DetectedPeople(found.bboxes[chosen], found.bbox_scores[chosen])


def detect_people(
    model: nn.Module | DetectorRuntime,
    img: ImageLike | Sequence[ImageLike],
    score_thr: float | None = None,
    batch_size: int = 8,
) -> DetectedPeople | list[DetectedPeople]:
    """Find the people in one photo or several.

    Args:
        model: Result of :func:`init_detector`.
        img: File or array (H, W, 3) uint8 in the order blue, green, red; or a list of those.
        score_thr: Least score of a box; None takes the detector's, ``test_cfg.default_thr``.
        batch_size: Photos that go through the network at once.

    Returns:
        The people found; for a list of photos one entry each.

    Raises:
        DataError: A photo cannot be read.
    """
    check_positive('batch_size', batch_size)
    if not isinstance(img, list | tuple):
        return detect_people(model, [img], score_thr, batch_size)[0]
    return list(PeopleDetector(model, score_thr)(img, batch_size))
