"""Build a model from a config and run it on images and person boxes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import accumulate, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.logging import print_log
from numpy.typing import ArrayLike
from torch import nn

from posenas.apis.building import build_model
from posenas.apis.crops import find_test_dataset, list_test_steps
from posenas.apis.model_zoo import find_model
from posenas.geometry import parse_bboxes
from posenas.registry import DATASETS, TRANSFORMS
from posenas.runtime.engines import is_exported
from posenas.skeletons import Skeleton, skeleton_from_metainfo
from posenas.structures import PoseDataSample
from posenas.utils import ConfigError, DataError, check_positive
from posenas.utils.images import check_image
from posenas.utils.randomness import Stream, make_generator
from posenas.utils.run_ahead import StageClock
from posenas.weights import DEFAULT_POSE, fill_in

if TYPE_CHECKING:
    from posenas.models import PredictionSpread

#: Entries of a config that inference uses.
_NEEDED_KEYS = ('default_scope', 'codec', 'model', 'test_dataloader', 'val_dataloader')
#: An image file, or the image itself, (H, W, 3) uint8 in the order blue, green, red.
ImageLike = str | Path | np.ndarray


def init_model(
    config: str | Path | Config | None = None,
    checkpoint: str | Path | None = None,
    device: str | torch.device | None = None,
    cfg_options: dict | None = None,
    sha256: str | None = None,
    trust_download: bool = False,
) -> nn.Module:
    """Build a model, load its weights and make it ready to predict.

    Args:
        config: Config file, name of a model, or a loaded config; None for an exported network, or
            without a checkpoint for the network that comes with the library.
        checkpoint: Checkpoint file, ours or as published by MMPose, HRNet, SimpleBaseline, FPD,
            PNFS or PoseNAS, or its http(s) address; or an exported network (.onnx, .xml); None
            takes the weights that come with the library, and where it has none for this model
            leaves the random initial ones, which is logged.
        device: Where to compute; None takes the first GPU, else the CPU.
        cfg_options: Settings that replace those of the config, such as
            ``{'model.test_cfg.flip_test': False}``.
        sha256: SHA-256 of the checkpoint, at least its first 8 digits; None takes those that an
            address states behind ``#sha256=`` or in the name of the file.
        trust_download: Whether an address without a SHA-256 may be loaded.

    Returns:
        The model in evaluation mode, with its config as ``cfg`` and what is known of the keypoints,
        under MMPose's keys, as ``dataset_meta``.

    Raises:
        ConfigError: The config does not exist, cannot mean anything or does not fit the skeleton;
            there is no such device; or an option has no effect on an exported network.
        CheckpointError: The checkpoint cannot be had, read safely or does not fit the model.
    """
    from posenas.models import find_unsettled_norms

    needs_torch = bool(cfg_options) or choose_device(device).type != 'cpu'
    config, checkpoint = fill_in(config, checkpoint, DEFAULT_POSE, needs_torch)
    if is_exported(checkpoint):
        device = _require_cpu(device)
    cfg, model, loaded = build_model(
        config,
        checkpoint,
        cfg_options,
        needed=_NEEDED_KEYS,
        sha256=sha256,
        trust_download=trust_download,
        may_be_exported=True,
    )
    if checkpoint is None:
        _warn_of_random_weights(config)
    elif unsettled := find_unsettled_norms(model):
        print_log(f'{checkpoint}: {unsettled}', logger='current', level=30)
    skeleton = find_skeleton(cfg, loaded)
    _check_skeleton(skeleton, model)
    model.cfg, model.dataset_meta = cfg, skeleton.metainfo()
    return model.to(choose_device(device)).eval()


def inference_topdown(
    model: nn.Module,
    img: ImageLike | Sequence[ImageLike],
    bboxes: ArrayLike | Sequence[ArrayLike | None] | None = None,
    bbox_format: str = 'xyxy',
    batch_size: int = 32,
) -> list[PoseDataSample] | list[list[PoseDataSample]]:
    """Find the keypoints of the people in one image or several.

    Crops of all people in all images go through the network in common batches.

    Args:
        model: Result of :func:`init_model`.
        img: File or array (H, W, 3) uint8 in the order blue, green, red; or a list of those.
        bboxes: Boxes of the people (N, 4) or, with scores, (N, 5), image pixels; None takes the
            whole image as the one box. For a list of images a list with one entry each.
        bbox_format: 'xyxy' for corners, 'xywh' for left, top, width, height.
        batch_size: Crops that go through the network at once.

    Returns:
        A sample per person with ``pred_instances``; for a list of images such a list per image.

    Raises:
        DataError: An image cannot be read, or boxes are malformed.
        ConfigError: The model's config has no test pipeline.
    """
    check_positive('batch_size', batch_size)
    if not isinstance(img, list | tuple):
        return inference_topdown(model, [img], [bboxes], bbox_format, batch_size)[0]
    boxes = [None] * len(img) if bboxes is None else list(bboxes)
    if len(boxes) != len(img):
        raise DataError(f'bboxes must have one entry per image, {len(img)}, got {len(boxes)}')
    pipeline = TopdownPipeline(model.cfg, model.dataset_meta)
    counts: list[int] = []

    def crop_all() -> Iterator[dict[str, Any]]:
        for image, given in zip(img, boxes, strict=True):
            crops = pipeline.crop(pipeline.load(image), given, bbox_format)
            counts.append(len(crops))
            yield from crops

    samples = list(predict_crops(model, crop_all(), batch_size))
    ends = list(accumulate(counts))
    return [samples[end - count : end] for count, end in zip(counts, ends, strict=True)]


class TopdownPipeline:
    """The test pipeline of a config, for images and boxes at hand instead of a data set.

    Args:
        cfg: Config with ``test_dataloader.dataset.pipeline``.
        dataset_meta: What is known of the keypoints; ``flip_indices`` is used.

    Raises:
        ConfigError: There is no such pipeline, or it does not start with LoadImage.
    """

    def __init__(self, cfg: Config, dataset_meta: Mapping[str, Any]) -> None:
        self._load, *self._steps = [TRANSFORMS.build(step) for step in list_test_steps(cfg)]
        self._flip_indices = list(dataset_meta['flip_indices'])

    def load(self, image: ImageLike) -> dict[str, Any]:
        """Read an image.

        Returns:
            A sample with ``img`` and, of a file, ``img_path``.

        Raises:
            DataError: It cannot be read, or an array is no image (H, W, 3) uint8.
        """
        if not isinstance(image, np.ndarray):
            return self._load(dict(img_path=str(image), img_id=0))
        return self._load(dict(img=check_image(image), img_path='', img_id=0))

    def crop(
        self, loaded: Mapping[str, Any], bboxes: ArrayLike | None, bbox_format: str = 'xyxy'
    ) -> 'Crops':
        """Cut the people out of an image, as they are needed.

        Args:
            loaded: Result of :meth:`load`.
            bboxes: As in :func:`inference_topdown`.
            bbox_format: Likewise.

        Returns:
            ``inputs`` and ``data_samples`` of each person, made when they are asked for.

        Raises:
            DataError: The boxes are malformed.
        """
        height, width = loaded['img_shape']
        if bboxes is None:
            bboxes = [[0, 0, width, height, 1]]
        corners, scores = parse_bboxes(bboxes, bbox_format)
        return Crops(loaded, corners, scores, self._steps, self._flip_indices)


class Crops(Sequence):
    """The people of one image, each cut out when it is asked for and not kept.

    Args:
        loaded: Sample with the image.
        corners: Boxes (N, 4) x1, y1, x2, y2, image pixels.
        scores: Of the boxes, (N,).
        steps: Transforms that make a crop of it.
        flip_indices: Keypoint on the other side, for each keypoint.
    """

    def __init__(
        self,
        loaded: Mapping[str, Any],
        corners: np.ndarray,
        scores: np.ndarray,
        steps: Sequence[Callable[[dict], dict]],
        flip_indices: list[int],
    ) -> None:
        self._loaded, self._corners, self._scores = loaded, corners, scores
        self._steps, self._flip_indices = steps, flip_indices

    def __len__(self) -> int:
        return len(self._corners)

    @property
    def corners(self) -> np.ndarray:
        """Boxes of the people (N, 4) x1, y1, x2, y2, image pixels."""
        return self._corners

    @property
    def num_outside(self) -> int:
        """Number of boxes that no pixel of the image lies in."""
        height, width = self._loaded['img_shape']
        left, top, right, bottom = self._corners.T
        return int(((right <= 0) | (bottom <= 0) | (left >= width) | (top >= height)).sum())

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Cut out person ``index``: ``inputs`` and ``data_samples``."""
        if not 0 <= index < len(self):
            raise IndexError(f'index must be below {len(self)}, got {index}')
        sample = dict(
            self._loaded,
            id=index,
            bbox=self._corners[index : index + 1],
            bbox_score=self._scores[index : index + 1],
            flip_indices=self._flip_indices,
            rng=make_generator(Stream.INFERENCE, 0),
        )
        for step in self._steps:
            sample = step(sample)
        return sample


def predict_crops(
    model: nn.Module,
    crops: Iterable[dict[str, Any]],
    batch_size: int = 32,
    spread: 'PredictionSpread | None' = None,
    clock: StageClock | None = None,
) -> Iterator[PoseDataSample]:
    """Run a model on what :meth:`TopdownPipeline.crop` cuts out, ``batch_size`` at a time.

    Memory is that of one batch, however many crops there are.

    Args:
        model: Result of :func:`init_model`.
        crops: People.
        batch_size: Crops that go through the network at once.
        spread: Told of every crop and its prediction.
        clock: Counts the time of the network as its stage 'network'.

    Yields:
        The data sample of each crop, with predictions.
    """
    remaining = iter(crops)
    while batch := list(islice(remaining, batch_size)):
        with torch.no_grad(), nullcontext() if clock is None else clock.measure('network'):
            samples = model.test_step(pseudo_collate(batch))
        if spread is not None:
            spread.add([crop['inputs'] for crop in batch], samples)
        yield from samples


def _warn_of_random_weights(config: str | Path | Config) -> None:
    """Log that predictions mean nothing, and where published weights are."""
    known = None if isinstance(config, Config) else find_model(str(config))
    where = f': download {known.weights} and give its path' if known and known.weights else ''
    print_log(
        'without a checkpoint the weights are random and predictions mean nothing' + where,
        logger='current',
        level=30,
    )


def find_skeleton(cfg: Config, checkpoint: Mapping[str, Any]) -> Skeleton:
    """Read the skeleton that the checkpoint was trained on, else that of the test data set.

    Raises:
        ConfigError: One of them describes none.
    """
    meta = checkpoint.get('meta', {}).get('dataset_meta')
    if isinstance(meta, Mapping) and 'keypoint_name2id' in meta:
        try:
            return Skeleton.from_metainfo(meta)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                f"the checkpoint's dataset_meta must describe a skeleton: {error!r}"
            ) from error
    dataset = find_test_dataset(cfg)
    if dataset.get('metainfo'):
        return skeleton_from_metainfo(dataset['metainfo'])
    found = DATASETS.get(dataset.get('type', 'CocoDataset'))
    if found is None:
        raise ConfigError(
            f'test_dataloader.dataset.type {dataset["type"]!r} must be registered to name the '
            'keypoints: set metainfo of the data set, import its class by custom_imports, or '
            'load a checkpoint that was trained on it'
        )
    describe = getattr(found, 'default_metainfo', lambda settings: found.METAINFO)
    return skeleton_from_metainfo(describe(dataset))


def _check_skeleton(skeleton: Skeleton, model: nn.Module) -> None:
    """Require the model to find as many keypoints as the skeleton has."""
    decoder = getattr(getattr(model, 'head', None), 'decoder', None)
    if decoder is None:
        return
    kept = getattr(model, 'test_cfg', {}).get('output_keypoint_indices')
    num_joints = model.head.out_channels // decoder.channels_per_keypoint
    num_joints = num_joints if kept is None else len(kept)
    if num_joints != skeleton.num_joints:
        raise ConfigError(
            f'the skeleton must have the {num_joints} keypoints that the model finds, '
            f'{skeleton.name!r} has {skeleton.num_joints}: set metainfo of '
            'test_dataloader.dataset, or load a checkpoint that was trained on the data set'
        )


def _require_cpu(device: str | torch.device | None) -> str:
    """Return where exported networks are run."""
    if device is not None and choose_device(device).type != 'cpu':
        raise ConfigError(
            f'device must be cpu for an exported network, whose engine runs there, got {device}: '
            'give the checkpoint that it was made of'
        )
    return 'cpu'


def choose_device(device: str | torch.device | None) -> torch.device:
    """Return the device, the first GPU or the CPU when None."""
    if device is None:
        return torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')
    try:
        chosen = torch.device(device)
        torch.ones(1, device=chosen).cpu()  # 'meta' has no values
    except (AssertionError, RuntimeError) as error:  # NotImplementedError is one
        raise ConfigError(
            f'device must exist on this machine, got {device!r}: cpu does, and cuda:0 where '
            'posenas doctor finds a GPU'
        ) from error
    return chosen
