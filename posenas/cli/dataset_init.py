"""``posenas dataset init``: from an annotation file to a config that trains."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from posenas.utils.errors import ConfigError, DataError

if TYPE_CHECKING:
    from posenas.datasets.inspection.skeleton_proposal import Proposal
    from posenas.datasets.persons import PersonTable
    from posenas.skeletons import Skeleton

__all__ = ['add_init', 'init_dataset']

#: Base of a new config: trained from scratch on small crops.
_MODEL = 's_vipnas_res50_lspet_128x96'
#: Least number of batches in an epoch; small data sets get smaller batches for it.
_LEAST_BATCHES = 10
#: Persons in the picture, in so many columns, each so many pixels high.
_SHOWN, _COLUMNS, _HEIGHT = 8, 4, 320


def add_init(kinds: argparse._SubParsersAction) -> None:
    """Add ``init`` to the kinds of ``posenas dataset``."""
    parser = kinds.add_parser(
        'init',
        help='a config that trains on your own annotation file',
        description='Read a COCO keypoint file, propose what it does not say of its joints, write '
        'a config, and print and draw the proposal.',
    )
    parser.add_argument('file', help='COCO keypoint file (.json)')
    parser.add_argument('--val', metavar='FILE', help='the same for validation')
    parser.add_argument(
        '--images', metavar='DIR', help='folder of the images (default: searched near the file)'
    )
    parser.add_argument(
        '--val-images', metavar='DIR', help='folder of the validation images, likewise'
    )
    parser.add_argument(
        '--val-share',
        type=float,
        default=0.1,
        metavar='S',
        help='without --val: share of the images to validate on, drawn at random and written to '
        'two files beside the config (default: %(default)s)',
    )
    parser.add_argument('--seed', type=int, default=0, help='of that draw (default: 0)')
    parser.add_argument(
        '--out', metavar='CONFIG', help='config to write (default: configs/NAME.py)'
    )
    parser.add_argument(
        '--model',
        default=_MODEL,
        metavar='CONFIG',
        help='network and training to start from, as posenas models lists them '
        '(default: %(default)s)',
    )
    parser.add_argument(
        '--name', help='of the data set (default: that of the file, or of the config)'
    )


def init_dataset(args: argparse.Namespace) -> None:
    """Write the config and, where images are found, a picture; print what was proposed.

    Raises:
        ConfigError: The model cannot be adapted, or an option means nothing.
        DataError: A file is malformed or has no persons.
    """
    from posenas.apis.model_zoo import find_config
    from posenas.datasets.custom import CustomConfig, write_config_text
    from posenas.datasets.inspection.skeleton_proposal import propose_skeleton
    from posenas.utils.atomic_io import write_text

    if not 0 < args.val_share < 1:
        raise ConfigError(f'--val-share must lie between 0 and 1, got {args.val_share}')
    name = args.name or Path(args.out or args.file).stem
    out = Path(args.out or Path('configs', f'{name}.py'))
    if out.suffix != '.py':
        raise ConfigError(f'--out must be a config file ending in .py, got {out}')
    base = find_config(args.model)
    persons, given = _read_persons(args.file)
    base_batch = _check_base(args.model, given.num_joints)
    proposal = propose_skeleton(persons, given, name)
    images = _find_images(args.file, args.images, persons)
    if args.val:
        files, val_images = (args.file, args.val), _find_val_images(args, given)
        share = 1.0
    else:
        files, val_images = _split(args, out), images
        share = 1 - args.val_share
    small = max(2, int(share * len(persons)) // _LEAST_BATCHES)
    config = CustomConfig(
        base=_base_path(base, out),
        skeleton=proposal.skeleton,
        train_file=_start_path(files[0]),
        val_file=_start_path(files[1]),
        train_images=_start_path(images),
        val_images=_start_path(val_images),
        batch_size=small if small < base_batch else None,
        comments=_comments(args, proposal),
    )
    write_text(out, write_config_text(config))
    picture = _draw(out.with_suffix('.jpg'), images, persons, proposal.skeleton)
    _print(proposal, len(persons), out, picture)


def _check_base(model: str, num_joints: int) -> int:
    """Return the batch size of a config that one for ``num_joints`` joints can start from."""
    from posenas.apis.building import load_checked

    cfg = load_checked(model)
    lacking = [key for key in ('train_pipeline', 'val_pipeline') if key not in cfg]
    if lacking or 'out_channels' not in (cfg.model.get('head') or {}):
        raise ConfigError(
            f'--model must have a head with out_channels, and train_pipeline and val_pipeline, '
            f'{model} has not: choose another, such as {_MODEL}'
        )
    joints = cfg.model.head.out_channels
    if 'parts' in cfg.model.head and joints != num_joints:
        raise ConfigError(
            f'--model {model} divides its {joints} joints into parts of the body, which the '
            f'{num_joints} joints of the data do not have: choose another, such as {_MODEL}'
        )
    return cfg.train_dataloader.batch_size


def _read_persons(file: str) -> tuple['PersonTable', 'Skeleton']:
    """Return the persons of an annotation file and what it says of their joints."""
    from posenas.datasets.annotations import read_coco_file
    from posenas.skeletons import make_skeleton

    coco = read_coco_file(file)
    skeleton = coco.skeleton
    if skeleton is None:
        records = coco.annotations.records if coco.annotations else []
        lengths = {len(r['keypoints']) for r in records if isinstance(r.get('keypoints'), list)}
        num_joints = max(lengths, default=0) // 3
        if not num_joints:
            raise DataError(f'{file}: annotations must have keypoints, none has')
        skeleton = make_skeleton('unnamed', [f'joint_{i}' for i in range(num_joints)])
    persons, _ = coco.persons(skeleton.num_joints, '1.x')
    if not len(persons):
        raise DataError(f'{file}: at least one person must have labelled joints and a box')
    return persons, skeleton


def _find_images(file: str, given: str | None, persons: 'PersonTable') -> str:
    from posenas.datasets.custom import find_image_folder

    if given:
        return given
    names = [persons.images.name(row) for row in persons.image_rows[:3]]
    return str(find_image_folder(file, names) or Path(file).parent)


def _find_val_images(args: argparse.Namespace, given: 'Skeleton') -> str:
    """Return the folder of the validation images, whose file must have the same joints."""
    persons, skeleton = _read_persons(args.val)
    if skeleton.joint_names != given.joint_names:
        raise DataError(
            f'{args.val} must have the joints of {args.file}, {given.joint_names}, got '
            f'{skeleton.joint_names}'
        )
    return _find_images(args.val, args.val_images, persons)


def _split(args: argparse.Namespace, out: Path) -> tuple[str, str]:
    from posenas.datasets.custom import split_content
    from posenas.utils.atomic_io import write_json
    from posenas.utils.columns import read_json

    files = []
    parts = split_content(read_json(args.file), args.val_share, args.seed)
    for part, content in zip(('train', 'val'), parts, strict=True):
        files.append(str(out.with_name(f'{out.stem}_{part}.json')))
        write_json(files[-1], content)
    return files[0], files[1]


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


def _comments(args: argparse.Namespace, proposal: 'Proposal') -> list[str]:
    lines = [
        f'Written by posenas dataset init for {Path(args.file).name}; edit it as you like.',
        'swap names the joint that a joint becomes in a mirrored image.',
    ]
    return lines + [f'To check: {doubt}.' for doubt in proposal.doubts]


def _draw(path: Path, folder: str, persons: 'PersonTable', skeleton: 'Skeleton') -> Path | None:
    """Draw the persons with the most labelled joints; None if their images are not there."""
    import cv2
    import numpy as np

    from posenas.datasets.transforms.loading import decode_image, read_bytes
    from posenas.utils.atomic_io import atomic_write
    from posenas.visualization import draw_keypoint_numbers, draw_poses, enlarge, grid, zoom_points

    counts = (persons.visibility > 0).sum(axis=1)
    rows = np.argsort(-counts, kind='stable')[:_SHOWN]
    tiles = []
    for row in rows:
        file = str(Path(folder, persons.images.name(persons.image_rows[row])))
        if not Path(file).is_file():
            continue
        image = cv2.cvtColor(decode_image(file, read_bytes(file)), cv2.COLOR_BGR2RGB)
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
    sheet = cv2.cvtColor(grid(tiles, _COLUMNS, (_HEIGHT, _HEIGHT)), cv2.COLOR_RGB2BGR)
    with atomic_write(path) as file:
        file.write(cv2.imencode('.jpg', sheet)[1].tobytes())
    return path


def _print(proposal: 'Proposal', num_persons: int, out: Path, picture: Path | None) -> None:
    from rich.console import Console
    from rich.table import Table

    from posenas.cli.tables import print_table

    skeleton = proposal.skeleton
    table = Table('', 'joint', 'partner', 'how it is known', 'sigma', 'how it is known')
    for joint, name in enumerate(skeleton.joint_names):
        partner = skeleton.flip_indices[joint]
        table.add_row(
            str(joint),
            name,
            skeleton.joint_names[partner] if partner != joint else '-',
            proposal.pair_sources[joint],
            f'{skeleton.sigmas[joint]:g}',
            proposal.sigma_sources[joint],
        )
    print_table(table)
    console = Console(soft_wrap=True, highlight=False)
    console.print(f'{num_persons} persons; {len(skeleton.limbs)} limbs: {proposal.limb_source}')
    for doubt in proposal.doubts:
        console.print(f'[yellow]to check[/yellow] {doubt}')
    console.print(f'picture: {picture}' if picture else 'no picture: the images were not found')
    console.print(f'config: {out}; train it: posenas train {out}')
