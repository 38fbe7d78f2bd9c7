"""Drawing of predictions while a network is validated or tested."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
import torch
from mmengine.fileio import get
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmengine.structures import InstanceData

from posenas.registry import HOOKS, METRICS, MODELS
from posenas.structures import PoseDataSample
from posenas.utils import check_choice, check_positive, write_json
from posenas.utils.telling import tell


class _DrawingHook(Hook):
    """What hooks that draw samples share: the picture, its place and its file."""

    def __init__(
        self,
        enable: bool,
        interval: int,
        kpt_thr: float,
        show: bool,
        wait_time: float,
        out_dir: str | None,
        backend_args: Mapping[str, Any] | None,
    ) -> None:
        check_positive('interval', interval)
        self.enable = enable
        self.interval = interval
        self.kpt_thr = kpt_thr
        self.show = show
        self.wait_time = wait_time
        self.out_dir = out_dir
        self.backend_args = backend_args
        self._reset_counts()

    def _reset_counts(self) -> None:
        self._num_drawn = self._num_unmarked = self._num_unreadable = 0
        self._best_unmarked = 0.0

    def _is_readable(self, sample: PoseDataSample) -> bool:
        """Tell whether the image of a sample could be read, and count those that could not."""
        self._num_unreadable += 'bad_sample' in sample
        return 'bad_sample' not in sample

    def _report(self) -> None:
        """Say how many pictures were drawn, which show nothing and why, and begin anew."""
        parts = [f'{type(self).__name__} drew {self._num_drawn} pictures']
        if self._num_unreadable:
            parts.append(f'left out {self._num_unreadable} samples that could not be read')
        if self._num_unmarked:
            parts.append(
                f'{self._num_unmarked} show no keypoint, because none scored above kpt_thr='
                f'{self.kpt_thr:g}: the highest score there is {self._best_unmarked:.3g}'
            )
        if self._num_drawn or self._num_unreadable:
            level = logging.WARNING if self._num_unmarked else logging.INFO
            print_log('; '.join(parts), 'current', level)
        self._reset_counts()

    def _folder(self, runner: Runner) -> Path | None:
        """Return the folder of pictures: ``out_dir``, below the run's own unless absolute."""
        if self.out_dir is None:
            return None
        return Path(runner.work_dir, runner.timestamp, self.out_dir)

    def _draw(
        self, runner: Runner, sample: PoseDataSample, name: str, step: int, **options: Any
    ) -> None:
        """Draw ``sample`` on its image into the file ``name``, or hand it to the back ends.

        Ranks may draw people of the same image, so file names of all but the first end with theirs.
        """
        folder = self._folder(runner)
        self._num_drawn += 1
        best = float(np.max(np.asarray(sample.pred_instances.keypoint_scores)))
        if best <= self.kpt_thr:
            self._num_unmarked += 1
            self._best_unmarked = max(best, self._best_unmarked)
        name = f'{name}_{runner.rank}' if runner.rank else name
        content = get(sample.img_path, backend_args=self.backend_args)
        image = mmcv.imfrombytes(content, channel_order='rgb')
        runner.visualizer.add_datasample(
            name,
            image,
            sample,
            show=self.show,
            wait_time=self.wait_time,
            kpt_thr=self.kpt_thr,
            step=step,
            out_file=None if folder is None else str(folder / f'{name}.jpg'),
            **options,
        )


@HOOKS.register_module()
class PoseVisualizationHook(_DrawingHook):
    """Draw predictions on their images.

    In validation: the first sample of every ``interval``-th iteration, annotation and heatmaps
    beside it where there are any. In testing: every ``interval``-th image with all its people.

    Args:
        enable: Whether to draw at all.
        interval: Iterations in validation, images in testing.
        kpt_thr: Keypoints are drawn if their score is greater.
        show: Whether to open windows.
        wait_time: Seconds that a window stays; 0 waits for a key.
        out_dir: Folder of the pictures, inside the folder of the run unless absolute; by default
            the visualizer's back ends store them.
        backend_args: Where images are read from, as mmengine's fileio takes it.
        once: Whether to draw only the first sample of a validation or test, with its heatmaps.
        epoch_interval: Epochs between two validations that are drawn, with ``once``; the first
            validation after so many epochs is.
    """

    def __init__(
        self,
        enable: bool = False,
        interval: int = 50,
        kpt_thr: float = 0.3,
        show: bool = False,
        wait_time: float = 0.0,
        out_dir: str | None = None,
        backend_args: Mapping[str, Any] | None = None,
        once: bool = False,
        epoch_interval: int = 1,
    ) -> None:
        super().__init__(enable, interval, kpt_thr, show, wait_time, out_dir, backend_args)
        check_positive('epoch_interval', epoch_interval)
        self.once, self.epoch_interval = once, epoch_interval
        self._people: list[PoseDataSample] = []
        self._num_images = 0

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: Sequence[PoseDataSample] | None = None,
    ) -> None:
        """Draw the first of the samples."""
        step = runner.iter + batch_idx
        is_due = step % self.interval == 0
        if self.once:
            is_due = batch_idx == 0 and self._is_due_epoch(runner)
        if self.enable and outputs and is_due:
            self._draw_sample(runner, outputs[0], 'val_img', step)

    def _is_due_epoch(self, runner: Runner) -> bool:
        """Tell whether this validation is the first in a span of ``epoch_interval`` epochs."""
        loop = getattr(runner, '_train_loop', None)  # its config where nothing is trained
        val_interval = getattr(loop, 'val_interval', self.epoch_interval)
        return (runner.epoch - 1) % self.epoch_interval < val_interval

    def _draw_sample(self, runner: Runner, sample: PoseDataSample, name: str, step: int) -> None:
        """Draw one sample with its annotation, its box and its heatmaps."""
        if not self._is_readable(sample):
            return
        self._draw(
            runner,
            sample,
            name if self.out_dir is None else f'{_stem(sample)}_{step}',
            step,
            draw_gt=_is_labelled(sample),
            draw_bbox=True,
            draw_heatmap='pred_fields' in sample,
        )

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: Sequence[PoseDataSample] | None = None,
    ) -> None:
        """Draw the images that are complete; people of one image follow each other."""
        if not self.enable:
            return
        if self.once:
            if batch_idx == 0 and outputs:
                self._draw_sample(runner, outputs[0], 'test_img', 0)
            return
        for sample in filter(self._is_readable, outputs or ()):
            if self._people and sample.img_path != self._people[0].img_path:
                self._draw_image(runner)
            self._people.append(sample)

    def after_test_epoch(self, runner: Runner, metrics: Mapping[str, float] | None = None) -> None:
        """Draw the last image."""
        if self._people:
            self._draw_image(runner)
        self._num_images = 0
        self._report()

    def after_val_epoch(self, runner: Runner, metrics: Mapping[str, float] | None = None) -> None:
        """Say what was drawn."""
        self._report()

    def _draw_image(self, runner: Runner) -> None:
        """Draw one image with the people collected for it."""
        people, self._people = self._people, []
        self._num_images += 1
        if (self._num_images - 1) % self.interval:
            return
        sample = PoseDataSample(metainfo=people[0].metainfo)
        sample.pred_instances = InstanceData.cat([person.pred_instances for person in people])
        name = 'test_img' if self.out_dir is None else f'{_stem(sample)}_{sample.id}'
        self._draw(runner, sample, name, self._num_images, draw_gt=False, draw_bbox=True)


@HOOKS.register_module()
class BadCaseAnalysisHook(_DrawingHook):
    """Draw the test samples that are predicted worst, and list them in ``results.json``.

    Args:
        enable: Whether to look for bad cases at all.
        show: Whether to open windows.
        wait_time: Seconds that a window stays; 0 waits for a key.
        interval: Of the samples that are looked at, every so many-th.
        kpt_thr: Keypoints are drawn if their score is greater.
        out_dir: Folder of the pictures and the list, inside the folder of the run unless
            absolute; ``badcase`` by default.
        backend_args: Where images are read from, as mmengine's fileio takes it.
        metric_type: 'loss', larger is worse, or 'accuracy', smaller is worse.
        metric: Config of the loss, which compares labelled keypoints in image pixels, or of the
            metric.
        metric_key: Score of the metric that counts.
        badcase_thr: Samples from this value on are bad.
    """

    def __init__(
        self,
        enable: bool = False,
        show: bool = False,
        wait_time: float = 0.0,
        interval: int = 50,
        kpt_thr: float = 0.3,
        out_dir: str | None = None,
        backend_args: Mapping[str, Any] | None = None,
        metric_type: str = 'loss',
        metric: Mapping[str, Any] | None = None,
        metric_key: str = 'PCK',
        badcase_thr: float = 5,
    ) -> None:
        super().__init__(
            enable, interval, kpt_thr, show, wait_time, out_dir or 'badcase', backend_args
        )
        check_choice('metric_type', metric_type, ('loss', 'accuracy'))
        config = dict(metric or dict(type='KeypointMSELoss'))
        self.metric_type = metric_type
        self.metric = MODELS.build(config) if metric_type == 'loss' else METRICS.build(config)
        self.metric_key = metric_key
        self.badcase_thr = badcase_thr
        self._num_samples = self._num_rated = 0
        self._found: list[dict[str, Any]] = []

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: Sequence[PoseDataSample] | None = None,
    ) -> None:
        """Draw those samples of the batch that are bad."""
        if not self.enable:
            return
        for sample in outputs or ():
            self._num_samples += 1
            if (self._num_samples - 1) % self.interval or not self._is_readable(sample):
                continue
            self._num_rated += 1
            value = self._rate(runner, sample)
            is_bad = value >= self.badcase_thr
            if self.metric_type == 'accuracy':
                is_bad = value <= self.badcase_thr
            if is_bad:
                name = f'{value:.3f}_{_stem(sample)}_{sample.id}'
                self._draw(runner, sample, name, self._num_samples, draw_bbox=True)
                self._found.append(_describe(sample, value))

    def after_test_epoch(self, runner: Runner, metrics: Mapping[str, float] | None = None) -> None:
        """Write the list, worst first."""
        if not self.enable:
            return
        worst_first = self.metric_type == 'loss'
        found = sorted(self._found, key=lambda case: case['value'], reverse=worst_first)
        suffix = f'_{runner.rank}' if runner.world_size > 1 else ''
        write_json(self._folder(runner) / f'results{suffix}.json', found, indent=1)
        tell(
            f'{len(found)} of {self._num_rated} checked samples are bad, out of '
            f'{self._num_samples} samples (interval={self.interval})'
        )
        self._report()
        self._num_samples = self._num_rated = 0
        self._found = []

    def _rate(self, runner: Runner, sample: PoseDataSample) -> float:
        """Compute loss or score of one sample."""
        if self.metric_type == 'accuracy':
            self.metric.dataset_meta = runner.visualizer.dataset_meta
            scores = self.metric.score([self.metric.extract(sample.to_dict())])
            return float(scores[self.metric_key])
        truth = torch.as_tensor(np.asarray(sample.gt_instances.keypoints, np.float32))
        labelled = torch.as_tensor(np.asarray(sample.gt_instances.keypoints_visible) > 0)
        predicted = torch.as_tensor(np.asarray(sample.pred_instances.keypoints, np.float32))
        predicted = torch.where(labelled[..., None], predicted, truth)
        # as maps of one row (1, K, 1, 2), which is what losses of heatmaps compare
        weights = torch.ones(labelled.shape)
        return float(self.metric(predicted[:, :, None], truth[:, :, None], weights))


def _stem(sample: PoseDataSample) -> str:
    return Path(sample.img_path).stem


def _describe(sample: PoseDataSample, value: float) -> dict[str, Any]:
    """List what identifies a bad case, with annotation and prediction."""
    return dict(
        img=str(sample.img_path),
        id=int(sample.id),
        value=value,
        bboxes=np.asarray(sample.pred_instances.bboxes).tolist(),
        keypoints=np.asarray(sample.gt_instances.keypoints).tolist(),
        keypoints_visible=np.asarray(sample.gt_instances.keypoints_visible).tolist(),
        predicted_keypoints=np.asarray(sample.pred_instances.keypoints).tolist(),
    )


def _is_labelled(sample: PoseDataSample) -> bool:
    """Tell whether a sample has a labelled keypoint or, for a detector, boxes."""
    truth = sample.gt_instances
    return 'is_ignored' in truth or bool(np.any(truth.keypoints_visible))
