"""The demo: draw people, train a small network on them, show what it finds."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.hooks import Hook

from posenas.apis import PoseInferencer, inference_topdown, init_model
from posenas.apis.building import find_and_load
from posenas.datasets.synthetic import SyntheticSpec, build_synthetic
from posenas.engine import PoseRunner
from posenas.evaluation.functional import (
    bbox_size,
    mean_accuracy,
    mean_pose,
    normalised_distances,
    place_pose,
)
from posenas.utils import ConfigError, find_latest_checkpoint, write_json
from posenas.utils.new_folder import check_new_folder
from posenas.utils.timing import use_threads
from posenas.visualization import draw_curves, draw_poses, grid, write_picture

_CONFIG = 's_vipnas_res50_demo_synthetic_128x96'
_SIZE = (320, 240)  # of the pictures: small ones are quick to draw and to read
_PEOPLE = 2  # in a picture on average
_THRESHOLD = 0.1
#: Threads that train at most: the network is too small for more.
_MAX_THREADS = 4
#: Seeds of the splits relative to each other: they share nobody.
SEEDS = dict(train=0, val=1)
_NUM_PICTURES = 10
_TILE = (400, 300)  # width and height of a picture on the sheet


class Bar(Protocol):
    """A progress bar."""

    def advance(self, number: int = 1) -> object:
        """Go on by a number."""

    def update(self, completed: int, total: int, what: str) -> object:
        """Say how far it is, and of what."""


class _NoBar:
    """Shows nothing."""

    def advance(self, number: int = 1) -> None:
        """Do nothing."""

    def update(self, completed: int, total: int, what: str) -> None:
        """Do nothing."""


#: Opens a progress bar for what is said, so many; None if it is unknown.
ShowBar = Callable[[str, int | None], AbstractContextManager[Bar]]


def _show_nothing(what: str, total: int | None) -> AbstractContextManager[Bar]:
    return nullcontext(_NoBar())


@dataclass(frozen=True)
class DemoResult:
    """What :func:`run_demo` made.

    Attributes:
        folder: Holds pictures of predictions and curves, scores, checkpoints and the data.
        num_found: People whom the networks that come with the library find in the first pictures.
        scores: Scores of people of a seed that was not trained on.
        mean_pose: PCK of the training set's mean pose in their boxes, in [0, 1].
    """

    folder: Path
    num_found: int
    scores: dict[str, float]
    mean_pose: float

    @property
    def next_words(self) -> list[str]:
        """The command, without ``posenas``, that finds keypoints in an image never seen."""
        images = sorted(Path(self.folder, 'data', 'val', 'images').iterdir())
        config, weights = self.folder / f'{_CONFIG}.py', find_latest_checkpoint(self.folder)
        return ['infer', str(images[0]), '--config', str(config), '--checkpoint', str(weights)]


def run_demo(
    folder: str | Path | None = None,
    seed: int = 0,
    num_images: int = 3000,
    num_val_images: int = 300,
    epochs: int | None = None,
    show_bar: ShowBar = _show_nothing,
) -> DemoResult:
    """Find people in pictures, train a small S-ViPNAS on others, measure it, draw what it finds.

    Args:
        folder: New or empty folder of everything; None takes ``work_dirs/demo/<date and time>``.
        seed: Seed of data and training.
        num_images: Training images.
        num_val_images: Validation images.
        epochs: Passes over the images; None takes those of the config.
        show_bar: Opens progress bars.

    Raises:
        ConfigError: A number is not positive.
        OutputError: The folder holds something.
    """
    folder = Path(folder or Path('work_dirs', 'demo', f'{datetime.now():%Y%m%d_%H%M%S}'))
    check_new_folder(folder)
    cfg = configure_demo(folder, seed, epochs)
    _draw_people(folder, 'val', seed, num_val_images, show_bar)
    num_found = _find_people(folder)
    _draw_people(folder, 'train', seed, num_images, show_bar)
    with use_threads(min(_MAX_THREADS, os.cpu_count() or 1)):
        with show_bar('training', None) as bar:
            runner, scores = _train(cfg, bar)
        baseline = _score_mean_pose(runner)
        _write_results(runner, folder, scores, baseline)
    return DemoResult(folder, num_found, scores, baseline)


def _draw_people(folder: Path, split: str, seed: int, count: int, show_bar: ShowBar) -> None:
    """Draw the images of one split."""
    spec = SyntheticSpec(
        num_images=count,
        seed=2 * seed + SEEDS[split],
        size=_SIZE,
        people=_PEOPLE,
        poses='everyday',
    )
    with show_bar(f'rendering people ({split})', count) as bar:
        build_synthetic(folder / 'data' / split, spec, os.cpu_count() or 1, bar.advance)


def _find_people(folder: Path) -> int:
    """Draw what the networks that come with the library find into ``found``; returns how many."""
    images = sorted(Path(folder, 'data', 'val', 'images').iterdir())[:_NUM_PICTURES]
    found = PoseInferencer(device='cpu').predict(images, out_dir=folder / 'found')
    return sum(len(people.bboxes) for people in found)


def configure_demo(folder: Path, seed: int = 0, epochs: int | None = None) -> Config:
    """Read the demo's config and point it to ``folder``.

    Raises:
        ConfigError: The number of epochs is not positive.
    """
    cfg = find_and_load(_CONFIG)
    root = str(folder / 'data') + '/'
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.data_root = root
    for evaluator in (cfg.val_evaluator[0], cfg.test_evaluator[0]):
        evaluator.ann_file = evaluator.ann_file.replace(cfg.data_root, root)
    cfg.data_root = root
    cfg.work_dir, cfg.randomness, cfg.log_level = str(folder), dict(seed=seed), 'ERROR'
    if epochs is not None:
        if epochs < 1:
            raise ConfigError(f'epochs must be at least 1, got {epochs}')
        cfg.max_epochs = cfg.train_cfg.max_epochs = epochs
        cfg.param_scheduler[1].update(end=epochs, T_max=epochs)
    return cfg


class _ProgressHook(Hook):
    """Move a progress bar and keep the latest scores.

    Args:
        bar: The bar.
    """

    def __init__(self, bar: Bar) -> None:
        self.scores: dict[str, float] = {}
        self._bar, self._what = bar, 'training'

    def after_train_iter(self, runner: PoseRunner, batch_idx: int, **rest: object) -> None:
        """Advance by one iteration."""
        self._bar.update(runner.iter + 1, runner.max_iters, self._what)

    def after_val_epoch(self, runner: PoseRunner, metrics: dict[str, float]) -> None:
        """Keep the scores and write one beside the bar."""
        self.scores.update(metrics)
        self._what = f'training, PCK@0.1-box {100 * metrics["PCK"]:.1f}'


def _train(cfg: Config, bar: Bar) -> tuple[PoseRunner, dict[str, float]]:
    """Train with a bar in place of the log.

    Returns:
        The runner and the scores of the last validation.
    """
    runner, hook = PoseRunner.from_cfg(cfg), _ProgressHook(bar)
    runner.register_hook(hook, priority='VERY_LOW')
    runner.train()
    return runner, hook.scores


def _score_mean_pose(runner: PoseRunner) -> float:
    """Measure PCK of the training set's mean pose in the boxes of the validation set, in [0, 1]."""
    train, val = (
        loader.dataset.persons for loader in (runner.train_dataloader, runner.val_dataloader)
    )
    pose = mean_pose(train.keypoints, train.visibility > 0, train.bboxes)
    found = place_pose(pose, val.bboxes)
    distances = normalised_distances(
        found, val.keypoints, val.visibility > 0, bbox_size(val.bboxes)
    )
    return mean_accuracy(distances, _THRESHOLD)


def _write_results(
    runner: PoseRunner, folder: Path, scores: dict[str, float], baseline: float
) -> None:
    """Write pictures, curves and scores into ``folder``."""
    _draw_predictions(runner, folder / 'predictions.png')
    draw_curves(
        folder,
        folder / 'curves.png',
        title='S-ViPNAS on synthetic people; dashed: mean pose',
        reference={'PCK': baseline},
    )
    write_json(folder / 'scores.json', dict(network=scores, mean_pose=dict(PCK=baseline)), indent=1)


def _draw_predictions(runner: PoseRunner, out_file: Path) -> None:
    """Draw annotated and found keypoints side by side for some images of the validation set."""
    model = init_model(runner.cfg, find_latest_checkpoint(runner.work_dir), device='cpu')
    dataset = runner.val_dataloader.dataset
    persons = dataset.persons
    rows = np.unique(persons.image_rows)[:_NUM_PICTURES]
    tiles, captions = [], []
    for row in rows:
        people = persons.select(persons.image_rows == row)
        path = Path(dataset.image_folder, persons.images.name(row))
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
        samples = inference_topdown(model, image, people.bboxes)
        found = np.concatenate([sample.pred_instances.keypoints for sample in samples])
        picture = image[..., ::-1].copy()
        labelled = people.visibility > 0
        for joints in (people.keypoints, found):
            tiles.append(draw_poses(picture, joints, labelled, dataset.skeleton))
        captions += ['annotated', 'found']
    write_picture(out_file, grid(tiles, 4, _TILE, captions))
