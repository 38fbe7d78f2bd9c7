"""Data of ``posenas search run``: read once, and put into the configs of all its stages."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from posenas.apis import build_dataset, find_config, init_dataset, load_checked
from posenas.apis.building import find_and_load, find_input_size
from posenas.experiments.search_spaces import RunSpace
from posenas.skeletons import SKELETONS
from posenas.utils.atomic_io import write_json, write_text
from posenas.utils.config_check import verify_config
from posenas.utils.config_text import allow_keywords_as_keys
from posenas.utils.errors import ConfigError
from posenas.utils.files import read_json
from posenas.utils.schedule import fit_schedule, set_epochs

#: Share of the training images that architectures are scored on, which no supernet sees.
_HELD_OUT = 0.15
#: Entries of a config that say what the data are.
_DATA = (
    *('codec', 'dataset_type', 'data_mode', 'data_root', 'metainfo', 'train_pipeline'),
    *('val_pipeline', 'train_dataloader', 'val_dataloader', 'test_dataloader', 'val_evaluator'),
    *('test_evaluator', 'custom_imports'),
)
#: Score of architectures that share the weights of a supernet.
SCORE = 'PCK'
_EVALUATOR = dict(type='PCKAccuracy', thr=0.1)


@dataclass(frozen=True)
class SearchData:
    """What a search is run on.

    Attributes:
        cfg: Config with loaders, pipelines, codec and metrics of the data.
        skeleton: Name and keypoints.
        input_size: (width, height) of the crops, pixels.
        num_train: People to train on.
        file: Lists the digests of annotations and images, on which all stages depend.
    """

    cfg: Config
    skeleton: tuple[str, tuple[str, ...]]
    input_size: tuple[int, int]
    num_train: int
    file: Path

    @property
    def num_keypoints(self) -> int:
        """Keypoints of the skeleton."""
        return len(self.skeleton[1])


def read_search_data(
    source: str | Path, folder: Path, images: str | Path | None, threads: int
) -> SearchData:
    """Find and check the data of a search; a COCO file gets a config first.

    Args:
        source: COCO keypoint file (.json), config, such as one of ``dataset init``, or name of a
            shipped config or of a shipped data set.
        folder: Gets what is written of the data.
        images: Folder of the images of a COCO file; None searches near it.
        threads: With one, samples are read by the process that trains.

    Raises:
        ConfigError: There is no such config, or its data cannot be divided.
        DataError: A file is missing or malformed.
    """
    path = Path(source)
    if path.suffix == '.json' and path.is_file():
        source = _adopt_file(path, folder, images)
    elif images is not None:
        raise ConfigError(f'images must be left out unless DATA is a COCO file, got {source}')
    cfg = _load(source)
    for part in ('train', 'val'):
        if 'ann_file' not in (cfg.get(f'{part}_dataloader') or {}).get('dataset', {}):
            raise ConfigError(
                f'{source} must have one data set with annotations in {part}_dataloader: choose '
                'one that posenas dataset init wrote, or a COCO file'
            )
        if threads == 1:
            cfg[f'{part}_dataloader'].update(num_workers=0, persistent_workers=False)
    cfg.test_dataloader = cfg.get('test_dataloader') or cfg.val_dataloader
    if threads == 1:
        cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    train, test = (build_dataset(cfg, part) for part in ('train', 'test'))
    file = folder / 'inputs.json'
    digests = {dataset.ann_file: _digest(dataset) for dataset in (train, test)}
    if not file.is_file() or read_json(file) != digests:
        write_json(file, digests, indent=1)
    named = train.skeleton.name, tuple(train.skeleton.joint_names)
    return SearchData(cfg, named, find_input_size(cfg), len(train), file)


def _adopt_file(path: Path, folder: Path, images: str | Path | None) -> Path:
    """Write the config of a COCO file, unless it was written for the same content."""
    out, note = folder / f'{path.stem}.py', folder / 'source.txt'
    digest = f'{sha256(path.read_bytes()).hexdigest()} {images}'
    parts = [folder / f'{path.stem}_{part}.json' for part in ('train', 'val')]
    is_there = all(file.is_file() for file in (note, out, *parts))
    if not (is_there and note.read_text(encoding='utf-8') == digest):
        init_dataset(path, images=images, out=out, folder=folder)
        write_text(note, digest)
    return out


def _load(source: str | Path) -> Config:
    """Load a config, or a data set that configs are made of."""
    shipped = find_config('tiny_synthetic_128x96').parents[3] / '_base_' / 'datasets'
    named = shipped / f'{source}.py'
    return find_and_load(named) if named.is_file() else load_checked(source)


def _digest(dataset: Any) -> str:  # noqa: ANN401  (a data set)
    """Return the SHA-256 of the annotations of a data set and of its images."""
    digest = sha256(Path(dataset.ann_file).read_bytes())
    persons = dataset.persons
    for row in np.unique(persons.image_rows).tolist():
        image = Path(dataset.image_folder, persons.images.name(row))
        digest.update(sha256(image.read_bytes()).digest() if image.is_file() else b'missing')
    return digest.hexdigest()


def choose_supernets(space: RunSpace, data: SearchData) -> dict[str, Config]:
    """Load the supernets of a space that fit the keypoints, the narrowest first.

    Raises:
        ConfigError: None divides these keypoints into parts of the body.
    """
    loaded = {width: load_checked(name) for width, name in space.supernets.items()}
    if not space.has_parts:
        return loaded
    fitting = {
        name: cfg
        for name, cfg in loaded.items()
        if name in SKELETONS and tuple(SKELETONS[name].joint_names) == data.skeleton[1]
    }
    if not fitting:
        raise ConfigError(
            f'the space must know the parts of the body of the data, it knows {sorted(loaded)}, '
            f'got {data.num_keypoints} keypoints of {data.skeleton[0]!r}: choose another --space'
        )
    return fitting


def compose(base: Config, data: SearchData, num_epochs: int | None, is_supernet: bool) -> Config:
    """Put the data into a config, and fit its schedule to them.

    Args:
        base: Config of a training, a supernet, or a search by gradients.
        data: The data.
        num_epochs: Epochs to train; None takes as many as fit the data.
        is_supernet: Whether a share of the training images is held out, to score architectures.
    """
    cfg = deepcopy(base)
    for key in _DATA:
        cfg.pop(key, None)
        if key in data.cfg:
            cfg[key] = deepcopy(data.cfg[key])
    cfg.model.head.out_channels = data.num_keypoints
    cfg.model.head.decoder = deepcopy(data.cfg.codec)
    hooks = [hook for hook in cfg.get('custom_hooks') or [] if hook.type != 'SubnetScoresHook']
    cfg.custom_hooks = hooks
    cfg.load_from = None
    seen = 1.0
    if is_supernet:
        seen = 1 - _hold_out(cfg)
    batch = cfg.train_dataloader.batch_size
    fit_schedule(cfg, int(seen * data.num_train), batch)
    if num_epochs:
        set_epochs(cfg, num_epochs)
    last = cfg.train_cfg.max_epochs
    cfg.train_cfg.val_interval = last
    if is_supernet:
        cfg.train_cfg.val_begin = last + 1
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=1, max_keep_ckpts=1)
    return cfg


def _hold_out(cfg: Config) -> float:
    """Divide the training images; validate on the part that is not trained on; return its share."""
    dataset = cfg.train_dataloader.dataset
    given = dict(dataset.get('image_subset') or {})
    start, stop = given.get('start', 0), given.get('stop', 1.0)
    if isinstance(stop, float):
        end: float = float(start) + _HELD_OUT * (stop - start)
        given.update(stop=float(stop))
    else:
        end = int(start) + round(_HELD_OUT * (stop - int(start)))
    dataset.image_subset = dict(given, seed=given.get('seed', 0), start=end)
    held = deepcopy(dataset)
    held.image_subset = dict(given, seed=given.get('seed', 0), start=start, stop=end)
    held.update(pipeline=deepcopy(cfg.val_pipeline), test_mode=True)
    loader = {key: value for key, value in cfg.val_dataloader.items() if key != 'dataset'}
    cfg.val_dataloader = dict(loader, dataset=held)
    cfg.val_evaluator = dict(_EVALUATOR)
    return _HELD_OUT


def make_search(
    supernet: Config,
    checkpoint: Path,
    loop: Mapping[str, Any],
    costs: list[dict],
    limits: Mapping[str, Any],
    data: SearchData,
) -> Config:
    """Return the config of a search in a trained supernet.

    Args:
        supernet: Its config.
        checkpoint: Its weights.
        loop: Algorithm and numbers of the loop.
        costs: Costs that are counted.
        limits: Their limits.
        data: The data.
    """
    cfg = deepcopy(supernet)
    cfg.load_from = checkpoint.as_posix()
    cfg.train_cfg = dict(
        type='SearchLoop',
        evaluator=dict(type='SupernetEvaluator'),
        budget=dict(
            costs=costs,
            limits=dict(limits),
            input_size=data.input_size,
            num_keypoints=data.num_keypoints,
        ),
        **loop,
    )
    cfg.train_dataloader.dataset.pipeline = deepcopy(cfg.val_pipeline)
    cfg.custom_hooks = [dict(type='SyncBuffersHook')]
    return cfg


def write_config(cfg: Config, path: Path) -> None:
    """Check a config and write it, unless the file holds it already."""
    allow_keywords_as_keys()  # a genotype has some
    verify_config(cfg)
    text = cfg.pretty_text
    if not path.is_file() or path.read_text(encoding='utf-8') != text:
        write_text(path, text)
