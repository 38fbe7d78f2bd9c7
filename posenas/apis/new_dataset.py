"""From an annotation file of one's own to a config that trains."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.logging import print_log

from posenas.annotations import announce, unnamed_skeleton
from posenas.apis.building import load_checked
from posenas.apis.fine_tuning import Start, write_start
from posenas.apis.model_zoo import find_config
from posenas.apis.new_search import adapt
from posenas.datasets.annotations import NOBODY, CocoFile, read_coco_file
from posenas.datasets.custom import (
    CustomConfig,
    find_image_folder,
    split_content,
    write_config_text,
)
from posenas.datasets.inspection.skeleton_proposal import Proposal, propose_skeleton
from posenas.datasets.orientation import compare_size
from posenas.datasets.persons import PersonTable
from posenas.datasets.transforms.loading import decode_image, read_bytes
from posenas.skeletons import Skeleton
from posenas.utils import ConfigError, DataError, OutputError, write_json, write_text
from posenas.utils.download import check_checkpoint
from posenas.utils.outputs import OUTPUTS
from posenas.utils.schedule import FittedSchedule
from posenas.utils.telling import tell
from posenas.visualization import (
    draw_keypoint_numbers,
    draw_poses,
    enlarge,
    grid,
    write_picture,
    zoom_points,
)
from posenas.weights import find_shipped

#: Base of a new config: trained from scratch on small crops.
DEFAULT_BASE = 's_vipnas_res50_lspet_128x96'
#: Least number of batches in an epoch; small data sets get smaller batches for it.
_LEAST_BATCHES = 10
_RGB = cv2.COLOR_BGR2RGB
#: People in the picture, in so many columns, each so many pixels high.
_SHOWN, _COLUMNS, _HEIGHT = 8, 4, 320


@dataclass(frozen=True)
class DatasetStart:
    """What :func:`init_dataset` made.

    Attributes:
        config: The config that trains.
        picture: Some people with the numbers of their keypoints; None where images were not found.
        num_persons: People in the file that can be trained on.
        left_out: Its other annotations, counted by reason.
        proposal: Skeleton, how each of its parts is known, and what to check.
        schedule: Length of the training; None for a search in a trained supernet.
        start: What its keypoints take from a trained network; None from scratch.
    """

    config: Path
    picture: Path | None
    num_persons: int
    left_out: Mapping[str, int]
    proposal: Proposal
    schedule: FittedSchedule | None = None
    start: Start | None = None


def init_dataset(
    file: str | Path,
    val: str | Path | None = None,
    images: str | Path | None = None,
    val_images: str | Path | None = None,
    val_share: float = 0.1,
    seed: int = 0,
    out: str | Path | None = None,
    model: str | Path = DEFAULT_BASE,
    name: str | None = None,
    supernet: str | Path | None = None,
    start: str | Path | None = None,
    folder: str | Path | None = None,
) -> DatasetStart:
    """Read a COCO keypoint file, propose what it does not say of its keypoints, and write a config.

    Args:
        file: COCO keypoint file (.json).
        val: The same for validation; None splits ``file`` into two files in ``folder``.
        images: Folder of the images; None searches near the file.
        val_images: Folder of the validation images, likewise.
        val_share: Share of the images to validate on where ``file`` is split, in (0, 1).
        seed: Seed of that draw.
        out: Config to write; None takes ``configs/NAME.py``.
        model: Config or name of the network and training to start from, or of a search.
        name: Name of the data set; None takes that of ``out``, or of the file.
        supernet: Checkpoint of a supernet that was trained on the data, for a search in it.
        start: Trained network to start from: weights of ``model``, or the name of a network that
            comes with the library, whose model is then taken.
        folder: Folder of what is written beside the config; None takes one in ``outputs``.

    Raises:
        CheckpointError: The supernet cannot be read, or is of another space or other data.
        ConfigError: The model cannot be adapted, or an argument means nothing.
        DataError: A file is malformed or has no people.
        OutputError: A config of that name, which was not asked for, would be replaced.
    """
    if not 0 < val_share < 1:
        raise ConfigError(f'val_share must be above 0 and below 1, got {val_share}')
    is_chosen = out is not None
    name = name or Path(out or file).stem
    out = Path(out or Path('configs', f'{name}.py'))
    if out.suffix != '.py':
        raise ConfigError(f'out must be a config file ending in .py, got {out}')
    model, start = _find_start(model, start)
    base = find_config(model)
    coco, persons, given, left_out = _read_persons(file)
    cfg = _load_base(model)
    proposal = propose_skeleton(persons, given, name)
    image_folder = _find_images(coco, persons, images)
    place = partial(_place, out, folder)
    if val:
        if os.path.realpath(val) == os.path.realpath(file):
            tell(
                f'{val} is used for training and validation: scores say nothing about other images'
            )
        val_folder = _find_images(*_read_alike(val, file, given), val_images)
        files, share = (file, val), 1.0
    else:
        parts = place('_train.json'), place('_val.json')
        _split(coco, val_share, seed, parts)
        files, val_folder, share = parts, image_folder, 1 - val_share
    num_persons = int(share * len(persons))
    small = max(2, num_persons // _LEAST_BATCHES)
    batch_size = min(small, cfg.train_dataloader.batch_size)
    num_images = int(share * len(persons.images.ids))
    begin = None if start is None else _start_path(place('_start.pth'))
    made = adapt(cfg, proposal.skeleton, num_persons, num_images, batch_size, supernet, begin)
    config = CustomConfig(
        base=_base_path(base, out),
        skeleton=proposal.skeleton,
        train_file=_start_path(files[0]),
        val_file=_start_path(files[1]),
        train_images=_start_path(image_folder),
        val_images=_start_path(val_folder),
        batch_size=batch_size if batch_size < cfg.train_dataloader.batch_size else None,
        settings=made.settings,
        held_out=made.held_out,
        train_pipeline=made.train_pipeline,
        comments=_comments(file, proposal, made.schedule),
    )
    _write(config, out, is_chosen)
    begun = write_start(model, start, proposal.skeleton, begin) if start and begin else None
    picture = _draw(place('.jpg'), image_folder, persons, proposal.skeleton)
    return DatasetStart(out, picture, len(persons), left_out, proposal, made.schedule, begun)


def _find_start(
    model: str | Path, start: str | Path | None
) -> tuple[str | Path, str | Path | None]:
    """Return the model and the weights that a training starts from."""
    shipped = None if start is None else find_shipped(str(start))
    if shipped is not None:
        return shipped.config, shipped.safetensors
    if start is not None:
        check_checkpoint(str(start))
    return model, start


def _write(config: CustomConfig, out: Path, is_chosen: bool) -> None:
    """Write the config; one that the user did not name replaces no other.

    Raises:
        OutputError: It would.
    """
    text = write_config_text(config)
    if not is_chosen and out.is_file() and out.read_text('utf-8', 'replace') != text:
        raise OutputError(
            f'{out} must be new or hold the same config, got a file with other content: remove '
            'it, or give --out'
        )
    write_text(out, text)


def _load_base(model: str | Path) -> Config:
    """Load a config that one for other data can start from."""
    cfg = load_checked(model)
    lacking = [key for key in ('train_pipeline', 'val_pipeline') if key not in cfg]
    head = (cfg.get('model') or {}).get('head') or {}
    if lacking or 'out_channels' not in head or not cfg.get('train_dataloader'):
        raise ConfigError(
            'model must have a head with out_channels, train_dataloader, train_pipeline and '
            f'val_pipeline, got {model} without them: choose another, such as {DEFAULT_BASE}'
        )
    loaders = [cfg.get(f'{part}_dataloader') or {} for part in ('train', 'val')]
    if any((loader.get('sampler') or {}).get('type') == 'VideoSampler' for loader in loaders):
        raise ConfigError(
            f'model must be for single images, got {model} for videos: choose another, such as '
            f'{DEFAULT_BASE}'
        )
    return cfg


def _read_persons(file: str | Path) -> tuple[CocoFile, PersonTable, Skeleton, dict[str, int]]:
    """Return an annotation file, its people, their keypoints and counts of what is left out."""
    coco = read_coco_file(str(file))
    skeleton = coco.skeleton or unnamed_skeleton(coco.file)
    if not skeleton.num_joints:
        raise DataError(f'{file}: annotations must have keypoints, got none with keypoints')
    persons, counts = coco.persons(skeleton.num_joints, '1.x')
    left_out = {why: number for why, number in counts.items() if number}
    if not len(persons):
        reasons = ', '.join(f'{number} {why}' for why, number in left_out.items())
        raise DataError(f'{file}: {NOBODY}, got none (left out: {reasons or "nothing"})')
    return coco, persons, skeleton, left_out


def _find_images(coco: CocoFile, persons: PersonTable, given: str | Path | None) -> str:
    """Return the folder of the images, the given one or one near the file; say what was made."""
    names = [persons.images.name(row) for row in persons.image_rows[:3]]
    found = given or find_image_folder(coco.path, names) or Path(coco.path).parent
    coco.file.locate_images(str(found))
    persons.images = CocoFile(coco.file).images
    announce(coco.path, coco.file.findings)
    return str(found)


def _read_alike(val: str | Path, file: str | Path, given: Skeleton) -> tuple[CocoFile, PersonTable]:
    """Return the validation file and its people, who must have the same keypoints."""
    coco, persons, skeleton, _ = _read_persons(val)
    if skeleton.joint_names != given.joint_names:
        raise DataError(
            f'{val} must have the keypoints of {file}, {given.joint_names}, got '
            f'{skeleton.joint_names}'
        )
    return coco, persons


def _split(coco: CocoFile, val_share: float, seed: int, files: tuple[Path, Path]) -> None:
    """Write the two parts of a file."""
    for path, content in zip(files, split_content(coco.file.content, val_share, seed), strict=True):
        write_json(path, content)


def _place(config: Path, folder: str | Path | None, ending: str) -> Path:
    """Return the path of what is written beside a config; None is a folder in that of outputs."""
    if folder is not None:
        return Path(folder, f'{config.stem}{ending}')
    parts = [part for part in Path(os.path.relpath(config)).parts if part != os.pardir]
    return Path(OUTPUTS, *parts[:-1], f'{config.stem}{ending}')


def _start_path(path: str | Path) -> str:
    """Return a path relative to the current folder where it lies in it, else an absolute one."""
    absolute = Path(os.path.abspath(path))
    here = Path.cwd()
    relative = absolute.relative_to(here) if absolute.is_relative_to(here) else absolute
    return relative.as_posix()


def _base_path(base: Path, out: Path) -> str:
    """Return the base of a config, relative to it where both lie in the same ``configs``."""
    base, folder = base.resolve(), Path(os.path.abspath(out)).parent.resolve()
    if 'configs' in folder.parts and base.is_relative_to(folder):
        return base.relative_to(folder).as_posix()
    return base.as_posix()


def _comments(file: str | Path, proposal: Proposal, schedule: FittedSchedule | None) -> list[str]:
    lines = [
        f'Written by posenas dataset init for {Path(file).name}; edit it as you like.',
        'swap names the keypoint that a keypoint becomes in a mirrored image.',
        'Paths of data start in the current folder, else in the nearest folder above this file.',
    ]
    if schedule is None:
        lines.append('train_cfg.budget.limits are those of the base: change them as you need.')
    else:
        lines.append('posenas train --epochs N scales the whole schedule.')
    return lines + [f'To check: {doubt}.' for doubt in proposal.doubts]


def _draw(path: Path, folder: str, persons: PersonTable, skeleton: Skeleton) -> Path | None:
    """Draw the people with the most labelled keypoints; None if their images are not there."""
    counts = (persons.visibility > 0).sum(axis=1)
    rows = np.argsort(-counts, kind='stable')[:_SHOWN]
    tiles = []
    for row in rows:
        file = str(Path(folder, persons.images.name(persons.image_rows[row])))
        if not Path(file).is_file():
            continue
        image = cv2.cvtColor(_decode(file, persons.images.sizes[persons.image_rows[row]]), _RGB)
        box = persons.bboxes[row]
        margin = 0.15 * (box[2:] - box[:2]).max()
        left, top = np.maximum(box[:2] - margin, 0).astype(int)
        right, bottom = np.ceil(box[2:] + margin).astype(int)
        crop, zoom = enlarge(np.ascontiguousarray(image[top:bottom, left:right]), _HEIGHT)
        points = zoom_points(persons.keypoints[row] - (left, top), zoom)[None]
        levels = persons.visibility[row][None]
        drawn = draw_poses(crop, points, levels, skeleton, score_thr=0)
        tiles.append(draw_keypoint_numbers(drawn, points, levels, score_thr=0))
    if not tiles:
        return None
    write_picture(path, grid(tiles, _COLUMNS, (_HEIGHT, _HEIGHT)))
    return path


def _decode(file: str, stated: np.ndarray) -> np.ndarray:
    """Decode a picture (H, W, 3), and log what training will say of it."""
    content = read_bytes(file)
    image = decode_image(file, content)
    size = tuple(stated.tolist()) if stated.all() else None
    found = compare_size(content, image.shape[1::-1], size)
    if found is not None:
        print_log(f'{file}: {found.text}', logger='current', level=logging.WARNING)
    return image
