"""``posenas demo``: draw people, train a small network on them, show what it finds."""

import argparse
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posenas.cli.args import CommandParser
from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from mmengine.config import Config
    from rich.console import Console

    from posenas.engine import PoseRunner

__all__ = ['build_parser', 'main']

_CONFIG = 's_vipnas_res50_demo_synthetic_128x96'
_SIZE = (320, 240)  # of the pictures: small ones are quick to draw and to read
_PEOPLE = 2  # in a picture on average
_THRESHOLD = 0.1
#: Threads that train at most: the network is too small for more.
_MAX_THREADS = 4
#: Seeds of the splits relative to each other: they share nobody.
_SEEDS = dict(train=0, val=1)
_NUM_PICTURES = 10
_TILE = (400, 300)  # width and height of a picture on the sheet


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas demo``."""
    parser = CommandParser(
        'demo', 'Train a small S-ViPNAS on synthetic people, measure it and draw what it finds.'
    )
    parser.add_argument(
        '--work-dir', help='new or empty folder (default: work_dirs/demo/<date and time>)'
    )
    parser.add_argument('--seed', type=int, default=0, help='of data and training (default: 0)')
    parser.add_argument(
        '--num-images', type=int, default=3000, help='training images (default: %(default)s)'
    )
    parser.add_argument(
        '--num-val-images', type=int, default=300, help='validation images (default: %(default)s)'
    )
    parser.add_argument('--epochs', type=int, help='passes over the images (default: the config)')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas demo``.

    Args:
        argv: Arguments after ``demo``; those of the process when None.

    Returns:
        Exit code 0.
    """
    args = build_parser().parse_args(argv)
    from rich.console import Console

    console = Console()
    start = time.monotonic()
    folder = Path(args.work_dir or Path('work_dirs', 'demo', f'{datetime.now():%Y%m%d_%H%M%S}'))
    cfg = _configure(folder, args.seed, args.epochs)
    counts = dict(train=args.num_images, val=args.num_val_images)
    for split, count in counts.items():
        _draw_people(console, folder / 'data' / split, split, count, args.seed)
    runner, scores = _train(console, cfg)
    baseline = _score_mean_pose(runner)
    with console.status('drawing pictures'):
        _write_results(runner, folder, scores, baseline)
    _print_scores(console, scores, baseline)
    minutes = (time.monotonic() - start) / 60
    console.print(f'{minutes:.1f} minutes. Everything is in [bold]{folder}[/bold]:', soft_wrap=True)
    for name, what in (
        ('predictions.png', 'annotated (left) and found (right) joints of people never seen'),
        ('curves.png', 'loss and scores during training'),
        ('scores.json', 'the scores'),
        ('epoch_*.pth', 'the network: posenas infer IMAGE finds joints with it'),
        ('data', 'the drawn people, in COCO layout'),
    ):
        console.print(f'  {name:16} {what}', highlight=False, soft_wrap=True)
    return 0


def _draw_people(console: 'Console', folder: Path, split: str, count: int, seed: int) -> None:
    """Draw the images of one split."""
    import os

    from rich.progress import Progress

    from posenas.datasets.synthetic import SyntheticSpec, build_synthetic

    spec = SyntheticSpec(
        num_images=count,
        seed=2 * seed + _SEEDS[split],
        size=_SIZE,
        people=_PEOPLE,
        poses='everyday',
    )
    with Progress(console=console) as progress:
        task = progress.add_task(f'drawing people ({split})', total=count)
        build_synthetic(folder, spec, os.cpu_count() or 1, partial(progress.advance, task))


def _configure(folder: Path, seed: int, epochs: int | None) -> 'Config':
    """Read the demo's config and point it to ``folder``."""
    from posenas.apis.model_zoo import find_config
    from posenas.utils.config import load_config

    cfg = load_config(find_config(_CONFIG))
    root = str(folder / 'data') + '/'
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.data_root = root
    for evaluator in (cfg.val_evaluator[0], cfg.test_evaluator[0]):
        evaluator.ann_file = evaluator.ann_file.replace(cfg.data_root, root)
    cfg.data_root = root
    cfg.work_dir, cfg.randomness, cfg.log_level = str(folder), dict(seed=seed), 'ERROR'
    if epochs is not None:
        if epochs < 1:
            raise ConfigError(f'--epochs must be at least 1, got {epochs}')
        cfg.max_epochs = cfg.train_cfg.max_epochs = epochs
        cfg.param_scheduler[1].update(end=epochs, T_max=epochs)
    return cfg


def _train(console: 'Console', cfg: 'Config') -> tuple['PoseRunner', dict[str, float]]:
    """Train with a bar in place of the log.

    Returns:
        The runner and the scores of the last validation.
    """
    import os

    import torch
    from rich.progress import Progress

    from posenas.engine import PoseRunner

    torch.set_num_threads(min(_MAX_THREADS, os.cpu_count() or 1))
    runner = PoseRunner.from_cfg(cfg)
    with Progress(console=console) as progress:
        task = progress.add_task('training', total=None)
        scores: dict[str, float] = {}
        hook = _make_hook(partial(progress.update, task), scores)
        runner.register_hook(hook, priority='VERY_LOW')
        runner.train()
    return runner, scores


def _make_hook(update: Callable[..., object], scores: dict[str, float]) -> Any:  # noqa: ANN401  (mmengine is untyped)
    """Make a hook that moves a progress bar and keeps the latest ``scores``."""
    from mmengine.hooks import Hook

    class ProgressHook(Hook):
        """Report iterations and scores."""

        def before_train(self, runner: 'PoseRunner') -> None:
            """Set the length of the bar."""
            update(total=runner.max_iters)

        def after_train_iter(
            self,
            runner: 'PoseRunner',
            batch_idx: int,
            data_batch: object = None,
            outputs: object = None,
        ) -> None:
            """Advance by one iteration."""
            update(completed=runner.iter + 1)

        def after_val_epoch(self, runner: 'PoseRunner', metrics: dict[str, float]) -> None:
            """Keep the scores and write one beside the bar."""
            scores.update(metrics)
            update(description=f'training, PCK@0.1-box {100 * metrics["PCK"]:.1f}')

    return ProgressHook()


def _score_mean_pose(runner: 'PoseRunner') -> float:
    """Measure PCK of the training set's mean pose in the boxes of the validation set, in [0, 1]."""
    from posenas.evaluation.functional import (
        bbox_size,
        mean_accuracy,
        mean_pose,
        normalised_distances,
        place_pose,
    )

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
    runner: 'PoseRunner', folder: Path, scores: dict[str, float], baseline: float
) -> None:
    """Write pictures, curves and scores into ``folder``."""
    from posenas.utils.atomic_io import write_json
    from posenas.visualization import draw_curves

    _draw_predictions(runner, folder / 'predictions.png')
    draw_curves(
        folder,
        folder / 'curves.png',
        title='S-ViPNAS on synthetic people; dashed: mean pose',
        reference={'PCK': baseline},
    )
    write_json(folder / 'scores.json', dict(network=scores, mean_pose=dict(PCK=baseline)), indent=1)


def _draw_predictions(runner: 'PoseRunner', out_file: Path) -> None:
    """Draw annotated and found joints side by side for some images of the validation set."""
    import cv2
    import numpy as np

    from posenas.apis import inference_topdown, init_model
    from posenas.utils.atomic_io import atomic_write
    from posenas.utils.checkpoint import find_latest_checkpoint
    from posenas.visualization import draw_poses, grid

    model = init_model(runner.cfg, find_latest_checkpoint(runner.work_dir), device='cpu')
    dataset = runner.val_dataloader.dataset
    persons = dataset.persons
    rows = np.unique(persons.image_rows)[:_NUM_PICTURES]
    tiles, captions = [], []
    for row in rows:
        people = persons.select(persons.image_rows == row)
        image = cv2.imread(str(Path(dataset.image_folder, persons.images.name(row))))
        samples = inference_topdown(model, image, people.bboxes)
        found = np.concatenate([sample.pred_instances.keypoints for sample in samples])
        picture = image[..., ::-1].copy()
        labelled = people.visibility > 0
        for joints in (people.keypoints, found):
            tiles.append(draw_poses(picture, joints, labelled, dataset.skeleton))
        captions += ['annotated', 'found']
    sheet = grid(tiles, 4, _TILE, captions)
    with atomic_write(out_file) as file:
        file.write(cv2.imencode('.png', sheet[..., ::-1])[1].tobytes())


def _print_scores(console: 'Console', scores: dict[str, float], baseline: float) -> None:
    """Print the table of scores."""
    from rich.table import Table

    table = Table(title='people of a seed that was not trained on')
    for column in ('', 'PCK@0.1-box', 'AP', 'AP .5', 'AR'):
        table.add_column(column, justify='right' if column else 'left')
    pck = 100 * scores['PCK']
    coco = [f'{100 * scores[f"coco/{name}"]:.1f}' for name in ('AP', 'AP .5', 'AR')]
    table.add_row('network', f'{pck:.1f}', *coco)
    table.add_row('mean pose of the training set', f'{100 * baseline:.1f}', '', '', '')
    table.add_row('difference', f'{pck - 100 * baseline:+.1f}', '', '', '')
    console.print(table)
