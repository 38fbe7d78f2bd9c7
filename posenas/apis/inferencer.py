"""Find keypoints in images, folders and videos, and write what was found."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice, starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log
from numpy.typing import ArrayLike
from torch import nn

from posenas.apis.boxes import BoxTable
from posenas.apis.following import BoxFollower
from posenas.apis.inference import Crops, TopdownPipeline, init_model, predict_crops
from posenas.apis.inference_report import InferenceReport
from posenas.apis.outputs import (
    DrawOptions,
    ResultWriter,
    add_heatmaps,
    draw_people,
    to_instances,
)
from posenas.apis.sources import Frame, Source, list_passed_over, list_sources, read_frames
from posenas.registry import INFERENCERS
from posenas.skeletons import Skeleton
from posenas.structures import PoseDataSample
from posenas.utils import ConfigError, DataError, check_positive

if TYPE_CHECKING:
    from posenas.datasets import FrameGap


@INFERENCERS.register_module(name=['PoseInferencer', 'PoseNASInferencer', 'MMPoseInferencer'])
class PoseInferencer:
    """A model that looks at whatever it is given.

    ``next(PoseInferencer('body', 'model.pth')('photo.jpg', out_dir='out'))`` gives the result for
    one photo and writes it. Networks for videos follow people through the frames of a video file by
    the overlap of their boxes. Nothing is downloaded but what an address asks for, and no code in a
    checkpoint is run.

    Args:
        pose2d: Config file, name of a model, or a loaded config; None for an exported network.
        pose2d_weights: Checkpoint file, or its http(s) address, or an exported network. Without one
            the weights are random, which is logged.
        device: Where to compute; None takes the first GPU, else the CPU.
        cfg_options: Settings that replace those of the config.
        sha256: See :func:`init_model`.
        trust_download: Likewise.

    Attributes:
        model: The model.
        report: What became of the inputs of the last call, see :class:`InferenceReport`.

    Raises:
        ConfigError: Config or device do not exist, or the config cannot mean anything.
        CheckpointError: The checkpoint cannot be read safely or does not fit the model.
    """

    def __init__(
        self,
        pose2d: str | Path | Config | None = 'body',
        pose2d_weights: str | Path | None = None,
        device: str | torch.device | None = None,
        cfg_options: dict | None = None,
        sha256: str | None = None,
        trust_download: bool = False,
    ) -> None:
        self.model = init_model(pose2d, pose2d_weights, device, cfg_options, sha256, trust_download)
        self.report = InferenceReport((), BoxTable(None, ()))
        self._pipeline = TopdownPipeline(self.model.cfg, self.model.dataset_meta)
        self._skeleton = _find_skeleton(self.model)

    @property
    def bad_inputs(self) -> list[tuple[str, str]]:
        """(path, reason) of each input of the last call that could not be read."""
        return self.report.bad_inputs

    def __call__(
        self,
        inputs: str | Path | np.ndarray | Sequence[Any],
        bboxes: ArrayLike | Mapping[str, Any] | None = None,
        bbox_format: str = 'xyxy',
        batch_size: int = 1,
        return_vis: bool = False,
        return_datasamples: bool = False,
        out_dir: str | Path | None = None,
        vis_out_dir: str | Path | None = None,
        pred_out_dir: str | Path | None = None,
        kpt_thr: float = 0.3,
        radius: int | None = None,
        thickness: int | None = None,
        draw_bbox: bool = False,
        draw_heatmap: bool = False,
        skeleton_style: str = 'mmpose',
    ) -> Iterator[dict[str, list]]:
        """Look at the inputs, one batch of images each time the result is asked for its next.

        An image or video that cannot be read is logged, listed in :attr:`bad_inputs` and left
        out; if it is the only input, it is an error. So are frames of a video that cannot be
        decoded; the others keep their numbers. :attr:`report` counts whatever was left out.

        Args:
            inputs: Image or video file, folder of those, array (H, W, 3) uint8 in the order blue,
                green, red, or a list of any of these.
            bboxes: Person boxes for every image, a list with those of each image, or a dict from
                file name, with its folders or without, to those; None takes the whole image. Image
                pixels, (N, 4) or, with scores, (N, 5).
            bbox_format: 'xyxy' or 'xywh'.
            batch_size: Images at once.
            return_vis: Whether results hold pictures.
            return_datasamples: Whether predictions are data samples instead of plain values.
            out_dir: Folder that gets ``visualizations`` and ``predictions``.
            vis_out_dir: Folder of pictures instead.
            pred_out_dir: Folder of JSON files instead.
            kpt_thr: Keypoints with a greater score are drawn.
            radius: Of drawn keypoints, pixels; None suits the size of each person.
            thickness: Of drawn limbs, pixels; None suits the size of each person.
            draw_bbox: Whether to draw the boxes.
            draw_heatmap: Whether to draw the heatmaps.
            skeleton_style: 'mmpose' or 'openpose'.

        Returns:
            An iterator of dicts: ``predictions`` has for each image a list of instances, see
            :func:`posenas.apis.outputs.to_instances`; ``visualization`` a picture (H, W, 3) RGB
            for each image, or nothing without ``return_vis``.

        Raises:
            DataError: Inputs or boxes do not exist or are malformed.
            OutputError: A file cannot be written.
            ValueError: Another argument has no meaning.
        """
        check_positive('batch_size', batch_size)
        options = DrawOptions(kpt_thr, radius, thickness, draw_bbox, draw_heatmap, skeleton_style)
        sources = list_sources(inputs)
        if out_dir is not None:
            vis_out_dir = vis_out_dir or Path(out_dir) / 'visualizations'
            pred_out_dir = pred_out_dir or Path(out_dir) / 'predictions'
        writer = ResultWriter(vis_out_dir, pred_out_dir, self.model.dataset_meta)
        passed_over = list_passed_over(inputs)
        report = InferenceReport(sources, BoxTable(bboxes, sources), passed_over, kpt_thr)
        self.report = report  # calls may be in progress side by side, each with its own
        for name in report.boxes.unused[:3]:
            print_log(f'left out: the boxes of {name} fit no input', logger='current', level=30)
        batches = self._predict(report, bbox_format, batch_size, draw_heatmap, return_datasamples)
        return self._deliver(report, batches, writer, options, return_vis, return_datasamples)

    def _predict(
        self,
        report: InferenceReport,
        bbox_format: str,
        batch_size: int,
        draw_heatmap: bool,
        keep_heatmaps: bool,
    ) -> Iterator[list[tuple[Frame, list[PoseDataSample], np.ndarray | None]]]:
        """Yield batches of images, each with a sample per person and its heatmap to be drawn."""
        from posenas.models import PredictionSpread, describe_doubts

        spread = PredictionSpread()

        def note_bad(source: Source, error: DataError) -> None:
            if len(report.sources) == 1:
                raise error
            report.bad_inputs.append((str(source.path or source.name), str(error)))
            print_log(f'left out: {error}', logger='current', level=30)

        def note_gap(source: Source, gap: 'FrameGap') -> None:
            if gap.last is not None:
                text = f'left out: {source.path}: {gap} could not be decoded'
                print_log(text, logger='current', level=30)

        frames = read_frames(report.sources, self._pipeline.load, note_bad, note_gap)
        follower = BoxFollower()
        while batch := list(islice(frames, batch_size)):
            crops = [
                self._pipeline.crop(frame.loaded, report.boxes.choose(frame), bbox_format)
                for frame in batch
            ]
            self.model.test_cfg['output_heatmaps'] = draw_heatmap
            named = starmap(partial(_name_people, follower), zip(batch, crops, strict=True))
            samples = predict_crops(self.model, chain.from_iterable(named), spread=spread)
            results = []
            for frame, group in zip(batch, crops, strict=True):
                own = islice(samples, len(group))
                heatmap = None
                if draw_heatmap and len(group):
                    heatmap = np.zeros((1, *frame.loaded['img'].shape[:2]), np.float32)
                    own = _collect_heatmaps(own, heatmap, keep_heatmaps)
                results.append((frame, list(own), heatmap))
            yield results
        report.doubts += describe_doubts(self.model, spread)

    def _deliver(
        self,
        report: InferenceReport,
        batches: Iterator[list[tuple[Frame, list[PoseDataSample], np.ndarray | None]]],
        writer: ResultWriter,
        options: DrawOptions,
        return_vis: bool,
        return_datasamples: bool,
    ) -> Iterator[dict[str, list]]:
        """Draw, write and hand back what was found in each batch."""
        from posenas.models import find_unsettled_norms

        needs_picture = return_vis or writer.vis_dir is not None
        with writer:
            for batch in batches:
                result: dict[str, list] = dict(visualization=[], predictions=[])
                for frame, samples, heatmap in batch:
                    picture = None
                    if needs_picture:
                        image = frame.loaded['img']
                        picture = draw_people(image, samples, self._skeleton, options, heatmap)
                    instances = to_instances(samples)
                    writer.write(frame, picture, instances)
                    name = str(frame.source.path or frame.source.name)
                    report.add(name, samples, needs_picture)
                    result['predictions'].append(samples if return_datasamples else instances)
                    if return_vis:
                        result['visualization'].append(picture)
                yield result
        known = str(find_unsettled_norms(self.model))  # logged when the model was loaded
        for text in report.warnings():
            if text != known:
                print_log(text, logger='current', level=30)


def _name_people(follower: BoxFollower, frame: Frame, people: Crops) -> Iterator[dict[str, Any]]:
    """Yield the crops of a frame; those of a video say who is who, for networks that remember."""
    if not frame.source.is_video:
        yield from people
        return
    tracks = follower.follow(frame.source, people.corners)
    for crop, track in zip(people, tracks, strict=True):
        place = dict(video_id=frame.source.stem, frame_id=frame.index, track_id=track)
        crop['data_samples'].set_metainfo(place)
        yield crop


def _find_skeleton(model: nn.Module) -> Skeleton:
    """Return the skeleton of the keypoints that the predictions of a model keep."""
    skeleton = Skeleton.from_metainfo(model.dataset_meta)
    kept = model.test_cfg.get('output_keypoint_indices')
    try:
        return skeleton if kept is None else skeleton.select(kept)
    except ValueError as error:
        raise ConfigError(f'test_cfg.output_keypoint_indices: {error}') from error


#: Names under which other projects would look for the class.
PoseNASInferencer = MMPoseInferencer = PoseInferencer


def _collect_heatmaps(
    samples: Iterator[PoseDataSample], canvas: np.ndarray, keep: bool
) -> Iterator[PoseDataSample]:
    """Lay the heatmaps of people over ``canvas``; unless ``keep``, people lose theirs."""
    for sample in samples:
        add_heatmaps(canvas, sample)
        if not keep:
            del sample.pred_fields
        yield sample
