"""Find keypoints in images, folders and videos, and write what was found."""

import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log
from numpy.typing import ArrayLike

from posenas.apis.boxes import BoxTable
from posenas.apis.building import find_and_load
from posenas.apis.inference import TopdownPipeline, init_model
from posenas.apis.inference_report import InferenceReport
from posenas.apis.live import LiveWindow
from posenas.apis.outputs import DrawOptions, to_instances
from posenas.apis.results import ImageResult
from posenas.apis.sources import list_passed_over, list_sources
from posenas.apis.writing import ResultWriter
from posenas.registry import INFERENCERS
from posenas.runtime.engines import is_exported
from posenas.utils import ConfigError, check_positive
from posenas.utils.run_ahead import StageClock, run_ahead
from posenas.weights import DEFAULT_DETECTOR, SHIPPED, is_shipped, require_visibility

if TYPE_CHECKING:
    from torch import nn

    from posenas.apis.inference_stages import InferenceRun
    from posenas.runtime import DetectorRuntime


@INFERENCERS.register_module(name=['PoseInferencer', 'PoseNASInferencer', 'MMPoseInferencer'])
class PoseInferencer:
    """A model that looks at whatever it is given.

    ``for found in PoseInferencer('body', 'model.pth').predict('photo.jpg', out_dir='out')`` gives
    an :class:`ImageResult` for each image and writes it; calling the inferencer gives the same in
    MMPose's form. Nothing is downloaded but what an address asks for, and no code in a checkpoint
    is run.

    Reading, detection, cropping, keypoints, following, drawing and writing overlap, each in a
    thread; ten batches of images are in memory at most, however many there are.

    Args:
        pose2d: Config file, name of a model, or a loaded config; None for an exported network, or
            without weights for the network that comes with the library.
        pose2d_weights: Checkpoint file, or its http(s) address, or an exported network; None as in
            :func:`init_model`.
        device: Where to compute; None takes the first GPU, else the CPU.
        cfg_options: Settings that replace those of the config.
        sha256: See :func:`init_model`.
        trust_download: Likewise.
        det_model: Config or name of the person detector; None takes that of ``det_weights``, or
            beside a pose network that comes with the library the detector that does; 'whole_image'
            takes the image for one person where boxes are not given, as None does elsewhere.
        det_weights: Its checkpoint, or an exported detector.
        det_cat_ids: Ignored: our detectors find people alone.
        scope: Ignored: names are ours.
        visibility: File of :func:`posenas.apis.visibility.calibrate_visibility`; results then say
            how likely each keypoint is visible. 'shipped' takes that of a network that comes with
            the library.
        det_layout: See :func:`posenas.apis.init_detector`.

    Attributes:
        model: The model.
        detector: The detector or None.
        report: What became of the inputs of the last call, see :class:`InferenceReport`.

    Raises:
        ConfigError: Config or device do not exist, or the config cannot mean anything.
        CheckpointError: A checkpoint cannot be read safely or does not fit the model.
    """

    def __init__(
        self,
        pose2d: str | Path | Config | None = None,
        pose2d_weights: str | Path | None = None,
        device: str | torch.device | None = None,
        cfg_options: dict | None = None,
        sha256: str | None = None,
        trust_download: bool = False,
        det_model: str | Path | Config | None = None,
        det_weights: str | Path | None = None,
        det_cat_ids: int | Sequence[int] | None = None,
        scope: str | None = None,
        visibility: str | Path | None = None,
        det_layout: str | None = None,
    ) -> None:
        is_default = (det_model, det_weights) == (None, None)
        is_whole = det_weights is None and det_model in ('whole_image', 'whole-image')
        if is_default and (pose2d_weights is not None or not is_shipped(pose2d)):
            is_whole = True
        own = None if not is_whole and is_exported(pose2d_weights) else device  # the detector's
        self.model = init_model(pose2d, pose2d_weights, own, cfg_options, sha256, trust_download)
        self.detector = None
        if not is_whole:
            self.detector = _init_detector(det_model, det_weights, device, det_layout)
        self.report = InferenceReport((), BoxTable(None, ()))
        self._pipeline = TopdownPipeline(self.model.cfg, self.model.dataset_meta)
        self._marker = None
        if visibility is not None:
            if visibility == SHIPPED:
                visibility = require_visibility(pose2d, pose2d_weights)
            from posenas.apis.inference_stages import find_kept_skeleton
            from posenas.apis.visibility import VisibilityMarker

            names = find_kept_skeleton(self.model).joint_names
            self._marker = VisibilityMarker(self.model, names, visibility)
        self._lock = threading.Lock()
        self._runs: weakref.WeakSet[InferenceRun] = weakref.WeakSet()

    @property
    def bad_inputs(self) -> list[tuple[str, str]]:
        """(path, reason) of each input of the last call that could not be read."""
        return self.report.bad_inputs

    def stop(self) -> None:
        """Let all calls in progress end soon: nothing more is read, what was read is finished."""
        for run in list(self._runs):
            run.stopped.set()

    def __call__(
        self,
        inputs: Any,  # noqa: ANN401  (checked by list_sources)
        bboxes: ArrayLike | Mapping[str, Any] | None = None,
        bbox_format: str = 'xyxy',
        batch_size: int = 1,
        return_vis: bool = False,
        return_datasamples: bool = False,
        show: bool = False,
        wait_time: float = 0,
        **options: Any,
    ) -> Iterator[dict[str, list]]:
        """Look at the inputs and return what is found in MMPose's form, batch by batch.

        Args:
            inputs: As of :meth:`predict`.
            bboxes: Likewise.
            bbox_format: Likewise.
            batch_size: Images at once, and in one result.
            return_vis: Whether results hold pictures.
            return_datasamples: Whether predictions are data samples instead of plain values.
            show: Whether a window shows each picture.
            wait_time: Seconds that it stays; 0 waits for a key.
            **options: As of :meth:`predict`.

        Returns:
            An iterator of dicts: ``predictions`` has for each image a list of instances, see
            :func:`posenas.apis.outputs.to_instances`; ``visualization`` a picture (H, W, 3) RGB
            for each image, or nothing without ``return_vis``.

        Raises:
            DataError: Inputs or boxes do not exist or are malformed.
            ConfigError: A window is wanted where there is no display.
            OutputError: A file cannot be written.
            ValueError: Another argument has no meaning.
        """
        run, writer = self._prepare(
            inputs, bboxes, bbox_format, batch_size, keep_heatmaps=return_datasamples, **options
        )
        drawn = self._deliver(run, writer, return_vis or show)
        if show:
            drawn = _show(drawn, LiveWindow('PoseInferencer'), wait_time)
        return _in_batches(drawn, batch_size, return_vis, return_datasamples)

    def predict(
        self,
        inputs: Any,  # noqa: ANN401  (checked by list_sources)
        bboxes: ArrayLike | Mapping[str, Any] | None = None,
        bbox_format: str = 'xyxy',
        batch_size: int = 1,
        **options: Any,
    ) -> Iterator[ImageResult]:
        """Look at the inputs and return what is found, image by image.

        An image or video that cannot be read is logged, listed in :attr:`bad_inputs` and left
        out; if it is the only input, it is an error. So are frames of a video that cannot be
        decoded; the others keep their numbers. :attr:`report` accounts for every input.

        Args:
            inputs: Image or video file, folder of those, pattern such as ``photos/*.jpg``, http(s)
                address, ``webcam:0``, array (H, W, 3) uint8 in the order blue, green, red, Pillow's
                image, an iterator of such frames, or a list of any of these.
            bboxes: Person boxes for every image, a list with those of each image, or a dict from
                file name, with its folders or without, to those; None lets the detector find them,
                and without one takes the whole image. Image pixels, (N, 4) or, with scores, (N, 5).
            bbox_format: 'xyxy' or 'xywh'.
            batch_size: Images at once.
            **options: ``rgb``: whether arrays are in the order red, green, blue. ``out_dir``:
                folder that gets ``visualizations`` and ``predictions``; ``vis_out_dir`` and
                ``pred_out_dir``: these folders one by one. ``pred_formats``: some of 'json'
                (MMPose's form), 'coco' and 'csv'. ``bbox_thr``: least score of detected boxes; None
                takes the detector's. ``track``, ``smooth`` and ``detect_every``: see
                :class:`posenas.apis.following.VideoOptions`.
                ``kpt_thr``, ``radius``, ``thickness``, ``draw_bbox``, ``draw_heatmap`` and
                ``skeleton_style``: see :class:`DrawOptions`.

        Raises:
            DataError: Inputs or boxes do not exist or are malformed.
            ConfigError: Options contradict each other.
            OutputError: A file cannot be written.
            ValueError: Another argument has no meaning.
        """
        run, writer = self._prepare(inputs, bboxes, bbox_format, batch_size, **options)
        return (result for result, _ in self._deliver(run, writer, return_vis=False))

    def _prepare(
        self,
        inputs: Any,  # noqa: ANN401
        bboxes: ArrayLike | Mapping[str, Any] | None,
        bbox_format: str,
        batch_size: int,
        keep_heatmaps: bool = False,
        rgb: bool = False,
        out_dir: str | Path | None = None,
        vis_out_dir: str | Path | None = None,
        pred_out_dir: str | Path | None = None,
        pred_formats: Sequence[str] = ('json',),
        bbox_thr: float | None = None,
        track: bool = False,
        smooth: str | None = None,
        detect_every: int | str = 1,
        **drawing: Any,
    ) -> 'tuple[InferenceRun, ResultWriter]':
        """Check the arguments of a call before anything is read."""
        from posenas.apis.detection import PeopleDetector
        from posenas.apis.following import VideoOptions
        from posenas.apis.inference_stages import InferenceRun

        check_positive('batch_size', batch_size)
        unknown = sorted(drawing.keys() - DrawOptions.__dataclass_fields__.keys())
        if unknown:
            raise TypeError(f'options must be arguments of predict, got {", ".join(unknown)}')
        options, video = DrawOptions(**drawing), VideoOptions(track, smooth, detect_every)
        sources = list_sources(inputs, rgb)
        if out_dir is not None:
            vis_out_dir = vis_out_dir or Path(out_dir) / 'visualizations'
            pred_out_dir = pred_out_dir or Path(out_dir) / 'predictions'
        meta = self.model.dataset_meta
        boxes, passed_over = BoxTable(bboxes, sources), list_passed_over(inputs)
        writer = ResultWriter(
            vis_out_dir, pred_out_dir, meta, pred_formats, sources, boxes.image_ids
        )
        report = InferenceReport(sources, boxes, passed_over, options.kpt_thr)
        self.report = report  # calls may be in progress side by side, each with its own
        for name in report.boxes.unused[:3]:
            print_log(f'left out: the boxes of {name} fit no input', logger='current', level=30)
        detector = None
        if bboxes is None and self.detector is not None:
            detector = PeopleDetector(self.detector, bbox_thr)
        run = InferenceRun(
            self.model,
            self._pipeline,
            detector,
            report,
            bbox_format,
            batch_size,
            options,
            video,
            keep_heatmaps,
            self._lock,
            self._marker,
        )
        self._runs.add(run)
        return run, writer

    def _deliver(
        self, run: 'InferenceRun', writer: ResultWriter, return_vis: bool
    ) -> Iterator[tuple[ImageResult, Any]]:
        """Draw and write each result, and hand it on with its picture."""
        from posenas.models import find_unsettled_norms

        needs_picture = return_vis or writer.vis_dir is not None
        report = run.report
        drawn = ((result, None) for result in run.results())
        if needs_picture:
            drawn = run_ahead(_draw(run.results(), report.clock), _PICTURES_AHEAD)
        with writer, closing(drawn):
            for result, picture in drawn:
                with report.clock.measure('write'):
                    writer.write(result, picture)
                    report.add(result.frame.source, result.samples, needs_picture)
                yield result, picture
                del result, picture
        known = str(find_unsettled_norms(self.model))  # logged when the model was loaded
        for text in report.warnings():
            if text != known:
                print_log(text, logger='current', level=30)


class Pose2DInferencer(PoseInferencer):
    """:class:`PoseInferencer` with the arguments of MMPose's class of this name.

    Args:
        model: As ``pose2d``.
        weights: As ``pose2d_weights``.
        **kwargs: Arguments of :class:`PoseInferencer`.
    """

    def __init__(
        self,
        model: str | Path | Config | None = 'body',
        weights: str | Path | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(model, weights, **kwargs)


#: Pictures that wait to be written.
_PICTURES_AHEAD = 2
#: Names under which other projects would look for the class.
PoseNASInferencer = MMPoseInferencer = PoseInferencer
#: Config of the detector whose weights are given alone.
_DETECTOR = 'center_box_people_576x576'


def _init_detector(
    config: str | Path | Config | None,
    weights: str | Path | None,
    device: str | torch.device | None,
    layout: str | None,
) -> 'nn.Module | DetectorRuntime':
    """Build the detector of these arguments; see :func:`posenas.apis.init_detector`."""
    from posenas.apis.detection import init_detector

    if weights is None and not is_shipped(config or DEFAULT_DETECTOR):
        find_and_load(config)  # a wrong name is reported first
        raise ConfigError('a detector must have weights: give det_weights (--detector)')
    own = config if weights is None else config or _DETECTOR
    return init_detector(own, weights, device, layout=layout)


def _draw(
    results: Iterator[ImageResult], clock: StageClock
) -> Iterator[tuple[ImageResult, np.ndarray]]:
    """Yield results with their pictures."""
    for result in results:
        with clock.measure('draw'):
            picture = result.plot()
        yield result, picture
        del result, picture


def _show(
    drawn: Iterator[tuple[ImageResult, Any]], window: LiveWindow, wait_time: float
) -> Iterator[tuple[ImageResult, Any]]:
    """Show each picture on its way, until the window is closed."""
    with window:
        for result, picture in drawn:
            is_open = window.show(picture, wait_time)
            yield result, picture
            if not is_open:
                return


def _in_batches(
    drawn: Iterator[tuple[ImageResult, Any]],
    batch_size: int,
    return_vis: bool,
    return_datasamples: bool,
) -> Iterator[dict[str, list]]:
    """Yield results in MMPose's form."""
    while batch := list(islice(drawn, batch_size)):
        yield dict(
            visualization=[picture for _, picture in batch] if return_vis else [],
            predictions=[
                list(found.samples) if return_datasamples else to_instances(found.samples)
                for found, _ in batch
            ],
        )
