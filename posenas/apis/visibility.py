"""Whether keypoints are visible or occluded: fit a calibrator, and apply it to predictions."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from torch import nn
from torch.utils.data import Dataset

from posenas.apis.building import ConfigLike, build_model
from posenas.apis.crops import unwrap_dataset
from posenas.apis.inference import choose_device, find_skeleton, predict_crops
from posenas.codecs import VisibilityCalibrator, read_features
from posenas.evaluation.functional import Reliability, fit_visibility, measure_reliability
from posenas.registry import DATASETS
from posenas.structures import PoseDataSample
from posenas.utils.errors import ConfigError, DataError


class VisibilityMarker:
    """Says of the keypoints of predictions how likely they are visible.

    Args:
        model: Network with heatmaps, ready to predict.
        names: Keypoints that its predictions keep.
        path: File that :func:`calibrate_visibility` wrote.

    Raises:
        DataError: The file is none.
        ConfigError: It belongs to another network, or this one has no heatmaps.
    """

    def __init__(self, model: nn.Module, names: Sequence[str], path: str | Path) -> None:
        self._heatmaps = HeatmapReader(model)
        self._calibrator = VisibilityCalibrator.load(path)
        self._calibrator.check(names, self._heatmaps.flip_test, str(path))

    def mark(
        self, samples: Iterator[PoseDataSample], keeps_heatmaps: bool
    ) -> Iterator[PoseDataSample]:
        """Yield samples with ``keypoint_visibilities`` (1, K); unless kept, heatmaps go."""
        for sample in samples:
            maps = self._heatmaps.read(sample)
            sample.pred_instances.keypoint_visibilities = self._calibrator.predict(maps[None])
            if not keeps_heatmaps:
                del sample.pred_fields
            yield sample


class HeatmapReader:
    """Takes from samples the one heatmap of each keypoint that predictions keep.

    Attributes:
        flip_test: Whether heatmaps are averaged with those of mirrored crops.

    Args:
        model: Network with heatmaps.

    Raises:
        ConfigError: It has none.
    """

    def __init__(self, model: nn.Module) -> None:
        runtime = getattr(model, 'runtime', None)
        codec = model.head.decoder if runtime is None else getattr(runtime, 'codec', None)
        if codec is None or codec.output_names != ('heatmaps',):
            raise ConfigError(
                'visibility needs a network that makes heatmaps, got one that makes '
                f'{getattr(codec, "output_names", "nothing")}'
            )
        self._step = codec.channels_per_keypoint
        kept = model.test_cfg.get('output_keypoint_indices')
        self._kept = slice(None) if kept is None else list(kept)
        default = False if runtime is None else runtime.description.flip.get('flip_test', False)
        self.flip_test = bool(model.test_cfg.get('flip_test', default))

    def read(self, sample: PoseDataSample) -> np.ndarray:
        """Return heatmaps (K, H, W) of a sample that was predicted with ``output_heatmaps``."""
        maps = sample.pred_fields.heatmaps[:: self._step]
        return np.asarray(maps[self._kept].float().cpu().numpy())


@dataclass(frozen=True)
class LabelledKeypoints:
    """Keypoints of people whose labels say whether they are visible; M of K kinds.

    Attributes:
        features: See :func:`posenas.codecs.read_features`, (M, F).
        joints: Which keypoint (M,).
        is_visible: Whether it is labelled as visible, not as occluded (M,).
        images: Number of the image (M,).
        num_people: People they belong to.
    """

    features: np.ndarray
    joints: np.ndarray
    is_visible: np.ndarray
    images: np.ndarray
    num_people: int

    def facts(self, file: str) -> dict[str, Any]:
        """Return what it is, as plain values."""
        return dict(
            file=Path(file).name,
            images=len(np.unique(self.images)),
            people=self.num_people,
            keypoints=len(self.joints),
            visible=float(self.is_visible.mean()),
        )


@dataclass(frozen=True)
class VisibilityReport:
    """What :func:`calibrate_visibility` did.

    Attributes:
        fitted: What it was fitted on, see :meth:`LabelledKeypoints.facts`.
        measured: What it was measured on, likewise.
        reliability: How far its probabilities can be trusted there.
    """

    fitted: Mapping[str, Any]
    measured: Mapping[str, Any]
    reliability: Reliability


def calibrate_visibility(
    config: ConfigLike | None,
    checkpoint: str | Path,
    out: str | Path,
    train: str | Path | None = None,
    val: str | Path | None = None,
    images: str | Path | None = None,
    picture: str | Path | None = None,
    cfg_options: dict | None = None,
    device: str | None = None,
    batch_size: int = 32,
) -> VisibilityReport:
    """Fit how likely keypoints are visible to human labels, and measure it on other photos.

    Args:
        config: As in :func:`build_model`; None for an exported network.
        checkpoint: Its weights, or an exported network.
        out: File to write, which :class:`VisibilityMarker` and the inferencer read.
        train: Labels to fit to, in COCO's layout; None takes those of the training set.
        val: Labels to measure on, of other photos; None takes those of the validation set.
        images: Folder of the photos of both; None takes those of the config.
        picture: Diagram to write, of predicted and observed shares.
        cfg_options: Settings that replace those of the config.
        device: Where to compute; None takes the first GPU, else the CPU.
        batch_size: Crops that go through the network at once.

    Raises:
        ConfigError: The network has no heatmaps, or the config no such data.
        DataError: Labels cannot be read, or do not say which keypoints are occluded.
        CheckpointError: The weights do not fit.
        OutputError: A file cannot be written.
    """
    cfg, model, loaded = build_model(config, checkpoint, cfg_options)
    model = model.to(choose_device(device)).eval()
    reader, skeleton = HeatmapReader(model), find_skeleton(cfg, loaded)
    kept = model.test_cfg.get('output_keypoint_indices')
    names = (skeleton if kept is None else skeleton.select(kept)).joint_names
    found, files = {}, {}
    for split, labels in (('train', train), ('val', val)):
        settings = _choose_labels(cfg, split, labels, images)
        files[split] = settings['ann_file']
        dataset = DATASETS.build(settings)
        found[split] = _collect(model, reader, dataset, len(names), batch_size)
        if not 0 < found[split].is_visible.mean() < 1:
            raise DataError(
                f'{files[split]} must label some keypoints as visible (2) and some as occluded '
                f'(1), {100 * found[split].is_visible.mean():g} % are visible'
            )
    fit, test = found['train'], found['val']
    made = fit_visibility(fit.features, fit.joints, fit.is_visible, names, reader.flip_test)
    reliability = measure_reliability(
        made.predict_features(test.features, test.joints), test.is_visible, test.images
    )
    facts = dict(
        network=Path(cfg.filename or checkpoint).stem,
        fitted=fit.facts(files['train']),
        measured=test.facts(files['val']),
    )
    replace(made, facts=dict(facts, reliability=asdict(reliability))).save(out)
    if picture is not None:
        from posenas.visualization import draw_reliability

        observed = [(each.value, each.low, each.high) for each in reliability.observed]
        draw_reliability(picture, reliability.predicted, observed, reliability.counts)
    return VisibilityReport(facts['fitted'], facts['measured'], reliability)


def _choose_labels(
    cfg: Config, split: str, labels: str | Path | None, images: str | Path | None
) -> dict[str, Any]:
    """Return the config of a data set with the labels of a split, cropped as for tests.

    Raises:
        ConfigError: No labels are given, and the config has none of its own for the split.
    """
    tests = _choose_source(unwrap_dataset(cfg.get('val_dataloader') or cfg.get('test_dataloader')))
    settings = {**deepcopy(dict(tests)), 'test_mode': True, 'bbox_file': None}
    own = unwrap_dataset(cfg.get(f'{split}_dataloader'))
    if labels is not None:
        settings.update(data_root='', ann_file=str(labels))
    elif own.get('ann_file'):
        settings.update(
            {key: own[key] for key in ('data_root', 'ann_file', 'data_prefix') if key in own}
        )
    else:
        raise ConfigError(
            f'the labels of {split} must be one file, got none in the config: give --{split}'
        )
    if images is not None:
        settings.update(data_prefix=dict(img=str(images)))
    return settings


def _choose_source(dataset: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the first source of several that has their common keypoints; a single one as it is."""
    for source in dataset.get('datasets', ()):
        if not source.get('pipeline'):
            return {**source, 'metainfo': dataset['metainfo'], 'pipeline': dataset['pipeline']}
    return dataset


def _collect(
    model: nn.Module, reader: HeatmapReader, dataset: Dataset, num_joints: int, batch_size: int
) -> LabelledKeypoints:
    """Predict all people with labels, and keep what tells visible keypoints.

    Raises:
        DataError: There are none.
    """
    crops = (dataset[index] for index in range(len(dataset)))  # type: ignore[arg-type]
    model.test_cfg['output_heatmaps'] = True
    parts: list[tuple[np.ndarray, ...]] = []
    for sample in predict_crops(model, crops, batch_size):
        levels = np.reshape(sample.metainfo['raw_ann_info']['keypoints'], (-1, 3))[:, 2]
        if len(levels) != num_joints:
            raise ConfigError(
                f'labels must have the {num_joints} keypoints of the network, got {len(levels)}'
            )
        (joints,) = np.nonzero(levels > 0)
        if len(joints) and not sample.metainfo.get('bad_sample', False):
            features = read_features(reader.read(sample)[None])[0, joints]
            images = np.full(len(joints), sample.metainfo['img_id'])
            parts.append((features, joints, levels[joints] == 2, images))
    model.test_cfg['output_heatmaps'] = False
    if not parts:
        raise DataError('the data set must have people with labelled keypoints, got none')
    return LabelledKeypoints(*map(np.concatenate, zip(*parts, strict=True)), num_people=len(parts))
