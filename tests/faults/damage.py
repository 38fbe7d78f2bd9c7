"""Images and files that are damaged."""

import copy
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import MMLogger
from registry_cases import tiny_experiment
from tiny_data import write_people

from faults.outcome import Outcome
from posenas.apis import PoseInferencer
from posenas.datasets import CocoDataset
from posenas.engine import PoseRunner
from posenas.utils import PoseNASError, load_checkpoint_file, load_config

#: Seconds within which a damaged file must be refused.
_PROMPT = 5.0
DAMAGES = ('empty', 'truncated', 'text', 'other suffix', 'missing')


def _damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == 'missing':
        path.unlink()
    elif how == 'other suffix':
        path.write_bytes(b'PK\3\4' + content[:200])
    else:
        path.write_bytes(dict(empty=b'', truncated=content[:400], text=b'no image\n')[how])


def try_images(folder: Path, num_images: int) -> list[Outcome]:
    """Train, test and infer where one image in a hundred cannot be read."""
    cfg = _experiment(folder, num_images)
    files = sorted(folder.glob('*.jpg'))
    shutil.copytree(folder, folder.with_name('clean'))
    chosen = np.random.default_rng(0).choice(num_images, max(1, num_images // 100), replace=False)
    bad = sorted(files[i] for i in chosen)
    for number, path in enumerate(bad):
        _damage(path, DAMAGES[number % len(DAMAGES)])
    return [
        _train(cfg, folder, bad),
        _test(cfg, folder, bad),
        _infer(cfg, folder, bad, num_images),
    ]


def _experiment(folder: Path, num_images: int) -> object:
    folder.mkdir()
    cfg = tiny_experiment(folder)
    write_people(folder, num_images=num_images)
    cfg.log_level = 'INFO'
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.batch_size = 8
    return cfg


def _listen(work: Callable[[], object]) -> tuple[object, str]:
    """Do ``work``; return its result and what loggers said."""
    said, original = [], MMLogger.handle
    MMLogger.handle = lambda self, record: said.append(record.getMessage())
    try:
        return work(), '\n'.join(said)
    finally:
        MMLogger.handle = original


def _train(cfg: object, folder: Path, bad: list[Path]) -> Outcome:
    outcome = Outcome(f'training with {len(bad)} damaged images: ends, names each of them')
    cfg = copy.deepcopy(cfg)
    cfg.work_dir = str(folder / 'work')
    _, said = _listen(lambda: PoseRunner.from_cfg(cfg).train())
    for path in bad:
        outcome.note(None if path.name in said else f'{path.name} is not named')
    return outcome


def _score(cfg: object, folder: Path) -> tuple[float, str]:
    cfg = copy.deepcopy(cfg)
    cfg.work_dir = str(folder / 'tested')
    cfg.load_from = str(folder / 'work' / 'epoch_1.pth')
    scores, said = _listen(lambda: PoseRunner.from_cfg(cfg).test())
    return scores, said


def _test(cfg: object, folder: Path, bad: list[Path]) -> Outcome:
    outcome = Outcome('test: the scores are those of the readable images, the count is exact')
    scores, said = _score(cfg, folder)
    told = f'{len(bad)} excluded ({len(bad)} images could not be read)'  # one person each
    outcome.note(None if told in said else f'the log does not say {told!r}')
    annotations = json.loads((folder / 'people.json').read_text())
    lost = {path.name for path in bad}
    ids = {row['id'] for row in annotations['images'] if row['file_name'] in lost}
    for key, name in (('images', 'id'), ('annotations', 'image_id')):
        annotations[key] = [row for row in annotations[key] if row[name] not in ids]
    (folder / 'readable.json').write_text(json.dumps(annotations))
    clean = copy.deepcopy(cfg)
    clean.test_dataloader.dataset.ann_file = str(folder / 'readable.json')
    wanted, _ = _score(clean, folder)
    keys = [key for key in wanted if key in scores and isinstance(wanted[key], float)]
    same = all(abs(wanted[key] - scores[key]) < 1e-9 for key in keys) and keys
    outcome.note(None if same else f'{scores} instead of {wanted}')
    return outcome


def _infer(cfg: object, folder: Path, bad: list[Path], num_images: int) -> Outcome:
    outcome = Outcome('inference on the folder: every readable image has a result')
    inferencer = PoseInferencer(cfg, str(folder / 'work' / 'epoch_1.pth'), device='cpu')
    made = folder / 'predictions'
    _, said = _listen(lambda: list(inferencer(str(folder), pred_out_dir=str(made))))
    missing = [path for path in bad if not path.exists()]
    files = {path.stem for path in made.glob('*.json')}
    wanted = {path.stem for path in folder.glob('*.jpg')} - {path.stem for path in bad}
    outcome.note(None if files == wanted else f'{len(files)} results for {len(wanted)} images')
    for path in set(bad) - set(missing):
        outcome.note(None if path.name in said else f'{path.name} is not named')
    return outcome


def try_files(folder: Path, num_mutations: int) -> list[Outcome]:
    """Read checkpoints, configs and annotations with flipped bytes, cut, or with other types."""
    folder.mkdir()
    cfg = tiny_experiment(folder)
    cfg.dump(folder / 'tiny.json')
    torch.save(dict(state_dict={f'w{i}': torch.rand(50) for i in range(40)}), folder / 'w.pth')
    readers = [
        ('checkpoint', folder / 'w.pth', load_checkpoint_file),
        ('JSON config', folder / 'tiny.json', load_config),
        ('annotations', folder / 'people.json', _read_people),
    ]
    return [_mutate(*reader, num_mutations // len(readers)) for reader in readers]


def _read_people(path: Path) -> None:
    dataset = CocoDataset(str(path), data_prefix=dict(img=str(path.parent)))
    for index in range(len(dataset)):
        dataset.get_data_info(index)


def _mutate(name: str, path: Path, read: Callable[[Path], object], count: int) -> Outcome:
    outcome = Outcome(f'{name} with a mutation: read, or refused by a deliberate error in time')
    content, rng = path.read_bytes(), np.random.default_rng(1)
    changed, refused, slowest = path.with_stem('changed'), 0, 0.0
    for trial in range(count):
        changed.write_bytes(_change(content, rng, trial, path.suffix == '.json'))
        start, message = time.monotonic(), None
        try:
            _listen(lambda: read(changed))
        except PoseNASError as error:
            refused += 1
            message = None if changed.name in str(error) else f'names no file: {error}'
        except Exception as error:
            message = f'trial {trial}: {type(error).__name__}: {error}'
        slowest = max(slowest, time.monotonic() - start)
        if time.monotonic() - start > _PROMPT:
            message = f'trial {trial} took {slowest:.1f} s'
        outcome.note(message)
    outcome.figures = f'{refused} refused, slowest {slowest:.2f} s'
    return outcome


def _change(content: bytes, rng: np.random.Generator, trial: int, is_json: bool) -> bytes:
    """Flip bytes, cut the file, or give a value of JSON another type."""
    if trial % 3 == 0:
        return content[: rng.integers(len(content))]
    if trial % 3 == 1 or not is_json:
        flipped = np.frombuffer(content, np.uint8).copy()
        places = rng.integers(len(content), size=1 if is_json else 20)
        flipped[places] ^= rng.integers(1, 256, len(places)).astype(np.uint8)
        return flipped.tobytes()
    data = json.loads(content)
    holder, key = _choose(data, rng)
    holder[key] = [None, -1, 1e300, '', 'x', [], {}, [[]], True, {'type': 'x'}][rng.integers(10)]
    return json.dumps(data).encode()


def _choose(data: object, rng: np.random.Generator) -> tuple[object, object]:
    """Choose a place in nested containers: the container and the key or index."""
    places, open_ = [], [data]
    while open_:
        holder = open_.pop()
        items = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for key, value in items:
            places.append((holder, key))
            if isinstance(value, dict | list):
                open_.append(value)
    return places[rng.integers(len(places))]
