"""What stays behind after many calls: memory, files, threads, processes, shared memory."""

import gc
import os
import resource
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from registry_cases import tiny_experiment
from tiny_data import WIDTH

from faults.children import DONE, do
from faults.outcome import Outcome
from posenas.apis import PoseInferencer
from posenas.engine import PoseRunner

#: Share of the calls that are left out before measuring, and the growth that is allowed.
_WARM_UP, _GROWTH = 0.2, 0.01
#: Boxes of the second measurement: what one more box may cost is told by the difference.
_FEW_BOXES = 100
#: Size of the crops of that measurement, (width, height), and bytes that one person's result takes.
_CROP, _RESULT = (192, 256), 16384


def measure() -> dict[str, int]:
    """Return what this process holds."""
    gc.collect()
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    children = Path(f'/proc/self/task/{os.getpid()}/children').read_text().split()
    shared = Path('/dev/shm')  # noqa: S108  (counted)
    return dict(
        memory=pages * resource.getpagesize(),
        files=len(os.listdir('/proc/self/fd')),
        threads=threading.active_count(),
        system_threads=len(os.listdir('/proc/self/task')),
        processes=len(children),
        segments=len(list(shared.iterdir())) if shared.is_dir() else 0,
    )


def _repeat(call: Callable[[], object], count: int) -> str | None:
    """Call ``count`` times; print the figures; return what grew after the warm-up."""
    warm = max(2, round(count * _WARM_UP))
    for _ in range(warm):
        call()
    before = measure()
    for _ in range(count - warm):
        call()
    after = measure()
    growth = after['memory'] / before['memory'] - 1
    figures = f'memory {before["memory"] / 2**20:.1f} to {after["memory"] / 2**20:.1f} MiB'
    print(f'FIGURES {figures} ({100 * growth:+.2f} %)')
    more = [f'{key} {before[key]} to {after[key]}' for key in after if after[key] > before[key]]
    more = [text for text in more if not text.startswith('memory')]
    return ', '.join(more + [figures] * (growth >= _GROWTH)) or None


def _in_child(what: str, folder: Path, work: Callable[[], str | None]) -> Outcome:
    """Measure in a process of its own."""
    outcome, log = Outcome(what), folder / 'log.txt'

    def tell() -> None:
        print(f'SAID {work() or ""}')

    code = do(tell, log)
    lines = log.read_text().splitlines()
    said = [line.removeprefix('SAID ').strip() for line in lines if line.startswith('SAID')]
    figures = [line.removeprefix('FIGURES ') for line in lines if line.startswith('FIGURES')]
    outcome.figures = '; '.join(figures)
    outcome.note(said[0] or None if code == DONE else f'exit {code}: {" ".join(lines[-5:])}')
    return outcome


def _train_tiny(folder: Path) -> tuple[object, str]:
    folder.mkdir(parents=True)
    cfg = tiny_experiment(folder)
    PoseRunner.from_cfg(cfg).train()
    return cfg, str(folder / 'work' / 'epoch_1.pth')


def try_inferencer(folder: Path, num_calls: int) -> list[Outcome]:
    """Call one inferencer again and again."""

    def work() -> str | None:
        torch.set_num_threads(1)
        inferencer = PoseInferencer(*_train_tiny(folder / 'data'), device='cpu')
        image = str(folder / 'data' / '001.jpg')
        made = folder / 'predictions'
        return _repeat(lambda: list(inferencer(image, pred_out_dir=str(made))), num_calls)

    folder.mkdir()
    return [_in_child(f'{num_calls} calls of an inferencer', folder, work)]


def try_cycles(folder: Path, num_cycles: int) -> list[Outcome]:
    """Train and validate for many epochs, with workers that are started anew in each."""

    def work() -> str | None:
        torch.set_num_threads(1)
        (folder / 'data').mkdir()
        cfg = tiny_experiment(folder / 'data')
        cfg.train_cfg.max_epochs = num_cycles
        for loader in (cfg.train_dataloader, cfg.val_dataloader):
            loader.num_workers, loader.persistent_workers = 1, False
        cfg.default_hooks = dict(
            checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=1)
        )
        steps: list[dict[str, int]] = []
        cfg.custom_hooks = [dict(type='MeasureHook')]
        runner = PoseRunner.from_cfg(cfg)
        hook = next(hook for hook in runner.hooks if type(hook).__name__ == 'MeasureHook')
        hook.steps = steps
        runner.train()
        return _judge(steps)

    folder.mkdir()
    return [_in_child(f'{num_cycles} epochs of training and validation', folder, work)]


def _judge(steps: list[dict[str, int]]) -> str | None:
    """Compare the last epoch with the one after the warm-up."""
    before, after = steps[max(1, round(len(steps) * _WARM_UP))], steps[-1]
    growth = after['memory'] / before['memory'] - 1
    figures = f'memory {before["memory"] / 2**20:.1f} to {after["memory"] / 2**20:.1f} MiB'
    print(f'FIGURES {figures} ({100 * growth:+.2f} %)')
    more = [f'{key} {before[key]} to {after[key]}' for key in after if after[key] > before[key]]
    more = [text for text in more if not text.startswith('memory')]
    return ', '.join(more + [figures] * (growth >= _GROWTH)) or None


def _enlarge_crops(cfg: object) -> None:
    """Let a crop be much larger than the result of a person."""
    codec = cfg.model.head.decoder
    codec.input_size, codec.heatmap_size = _CROP, (_CROP[0] // 4, _CROP[1] // 4)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        for step in loader.dataset.pipeline:
            if step.type == 'TopdownAffine':
                step.input_size = _CROP
            if step.type == 'GenerateTarget':
                step.encoder = codec


def try_boxes(folder: Path, num_boxes: int) -> list[Outcome]:
    """Infer one image with a few boxes and with very many; memory must follow the batch."""

    def work() -> str | None:
        torch.set_num_threads(1)
        cfg, checkpoint = _train_tiny(folder / 'data')
        _enlarge_crops(cfg)
        inferencer = PoseInferencer(cfg, checkpoint, device='cpu')
        image = str(folder / 'data' / '001.jpg')
        rng, peaks = np.random.default_rng(0), []
        for count in (_FEW_BOXES, num_boxes):
            corners = rng.uniform(0, WIDTH / 2, (count, 2))
            boxes = np.concatenate([corners, corners + WIDTH / 3], axis=1)
            found = next(iter(inferencer(image, bboxes=boxes)))
            if len(found['predictions'][0]) != count:
                return f'{len(found["predictions"][0])} people for {count} boxes'
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        crops = num_boxes * 3 * _CROP[0] * _CROP[1] / 2**20
        print(f'FIGURES peak {peaks[0]:.0f} MiB with {_FEW_BOXES} boxes, {peaks[1]:.0f} with all')
        print(f'FIGURES all crops at once are {crops:.0f} MiB as bytes, four times that as floats')
        grew, allowed = peaks[1] - peaks[0], 20 + num_boxes * _RESULT / 2**20
        return None if grew < allowed else f'{grew:.0f} MiB more for {num_boxes} boxes'

    folder.mkdir()
    return [_in_child(f'{num_boxes} boxes in one image: memory bounded by the batch', folder, work)]
