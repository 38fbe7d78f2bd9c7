"""Pictures of what a network is fed while it is trained or tested."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from posenas.models import join_frames
from posenas.registry import HOOKS
from posenas.skeletons import Skeleton
from posenas.utils import check_positive

#: Longer side of a tile, pixels; tiles in a row, samples on a sheet.
_TILE, _COLUMNS, _SAMPLES = 320, 6, 12


@HOOKS.register_module()
class InputPicturesHook(Hook):
    """Draw what goes into the network: crops with their keypoints and target maps.

    Sheets lie in ``<folder of the run>/inputs``, named after the phase and the iteration. The
    pipelines have to pack the keypoints of the crop, see
    :func:`posenas.datasets.wrappers.pack_crop_joints`.

    Args:
        interval: Iterations between two sheets.
    """

    def __init__(self, interval: int = 100) -> None:
        check_positive('interval', interval)
        self.interval = interval

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Mapping[str, Any] | None = None
    ) -> None:
        """Draw the batch of a training step."""
        self._draw(runner, runner.train_dataloader, f'train_{runner.iter}', runner.iter, data_batch)

    def before_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Mapping[str, Any] | None = None
    ) -> None:
        """Draw the batch of a test."""
        self._draw(runner, runner.test_dataloader, f'test_{batch_idx}', batch_idx, data_batch)

    @master_only
    def _draw(
        self,
        runner: Runner,
        loader: DataLoader,
        name: str,
        step: int,
        data_batch: Mapping[str, Any] | None,
    ) -> None:
        from posenas.visualization import draw_input, grid, write_picture

        if step % self.interval or not data_batch:
            return
        skeleton = Skeleton.from_metainfo(loader.dataset.metainfo)
        tiles: list[np.ndarray] = []
        captions: list[str] = []
        data_batch = join_frames(data_batch)
        batch = zip(data_batch['inputs'], data_batch['data_samples'], strict=True)
        for inputs, sample in list(batch)[:_SAMPLES]:
            pictures = draw_input(inputs.cpu().numpy(), sample, skeleton, _TILE)
            tiles += pictures
            captions += [Path(sample.img_path).stem, *[''] * (len(pictures) - 1)]
        sheet = grid(tiles, _COLUMNS, None, captions)
        path = Path(runner.work_dir, runner.timestamp, 'inputs', f'{name}.png')
        write_picture(path, sheet)
