"""Draw the samples that a config feeds to the network."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posenas.cli.args import CommandParser, add_config_options
from posenas.utils import make_folder
from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from posenas.skeletons import Skeleton

__all__ = ['build_parser', 'main']

#: Longer side of a tile, pixels; tiles in a row, samples on a sheet.
_TILE, _COLUMNS, _PER_SHEET = 320, 6, 24


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas browse``."""
    parser = CommandParser('browse', 'Draw the samples that a config feeds to the network.')
    add_config_options(parser)
    parser.add_argument(
        '--phase',
        choices=('train', 'val', 'test'),
        default='train',
        help='whose data (default: %(default)s)',
    )
    parser.add_argument(
        '--mode',
        choices=('transformed', 'original'),
        default='transformed',
        help='crops with joints and targets after the pipeline, or images with the annotated '
        'person before it (default: %(default)s)',
    )
    parser.add_argument(
        '--num',
        type=int,
        default=12,
        metavar='N',
        help='number of samples, evenly spread over the data (default: %(default)s)',
    )
    parser.add_argument(
        '--out-dir',
        '--output-dir',
        default='browse',
        metavar='DIR',
        help='folder of the pictures (default: ./%(default)s)',
    )
    parser.add_argument(
        '--not-show', action='store_true', help='accepted for older scripts: no window opens'
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas browse``.

    Raises:
        ConfigError: The config has no data for the phase, or ``--num`` is not positive.
        DataError: The annotation file, or in mode 'original' an image, cannot be read.
    """
    args = build_parser().parse_args(argv)
    if args.num < 1:
        raise ConfigError(f'--num must be at least 1, got {args.num}')
    import mmcv
    import numpy as np

    from posenas.skeletons import Skeleton
    from posenas.visualization import grid

    dataset = _build_dataset(args)
    make_folder(args.out_dir)
    skeleton = Skeleton.from_metainfo(dataset.metainfo)
    draw = _draw_transformed if args.mode == 'transformed' else _draw_original
    num_samples = min(args.num, len(dataset))
    indices = np.linspace(0, len(dataset) - 1, num_samples).round().astype(int).tolist()
    for sheet, start in enumerate(range(0, num_samples, _PER_SHEET)):
        tiles: list[np.ndarray] = []
        captions: list[str] = []
        for index in indices[start : start + _PER_SHEET]:
            name, pictures = draw(dataset, index, skeleton)
            tiles += pictures
            captions += [name, *[''] * (len(pictures) - 1)]
        stem = f'{Path(args.config).stem}_{args.phase}_{args.mode}'
        path = Path(args.out_dir) / f'{stem}_{sheet}.png'
        mmcv.imwrite(mmcv.rgb2bgr(grid(tiles, _COLUMNS, None, captions)), str(path))
        sys.stdout.write(f'{path}\n')
    return 0


def _build_dataset(args: argparse.Namespace) -> Any:  # noqa: ANN401  (any registered dataset)
    """Build the data set of the phase so that samples keep the joints of the crop."""
    from posenas.apis.building import load_checked
    from posenas.datasets.wrappers import pack_crop_joints
    from posenas.engine.randomness import set_dataset_seed
    from posenas.registry import DATASETS

    cfg = load_checked(args.config, args.cfg_options, args.legacy, args.strict)
    loader = cfg.get(f'{args.phase}_dataloader')
    if not loader:
        raise ConfigError(
            f'{args.config} must have {args.phase}_dataloader: choose another --phase'
        )
    pack_crop_joints(loader.dataset)
    dataset = DATASETS.build(loader.dataset)
    set_dataset_seed(dataset, (cfg.get('randomness') or {}).get('seed') or 0)
    return dataset


def _draw_transformed(
    dataset: Any,  # noqa: ANN401
    index: int,
    skeleton: 'Skeleton',
) -> tuple[str, list['np.ndarray']]:
    """Draw the crop with its joints and, where there are any, with its targets."""
    from posenas.visualization import draw_input

    packed = dataset[index]
    sample = packed['data_samples']
    pictures = draw_input(packed['inputs'].numpy(), sample, skeleton, _TILE)
    note = ' unreadable' if 'bad_sample' in sample else ''
    return f'{index}: {Path(sample.img_path).stem}{note}', pictures


def _draw_original(
    dataset: Any,  # noqa: ANN401
    index: int,
    skeleton: 'Skeleton',
) -> tuple[str, list['np.ndarray']]:
    """Draw the person of one sample, with its box, on the whole image."""
    import mmcv

    from posenas.datasets.transforms import LoadImage
    from posenas.visualization import draw_bboxes, draw_poses, enlarge, fit_tile, zoom_points

    info = LoadImage().transform(dataset.get_data_info(index))
    image, zoom = enlarge(mmcv.bgr2rgb(info['img']), _TILE)
    joints = zoom_points(info['keypoints'], zoom)
    image = draw_bboxes(image, zoom_points(info['bbox'].reshape(-1, 2), zoom).reshape(-1, 4))
    image = draw_poses(image, joints, info['keypoints_visible'], skeleton, score_thr=0)
    return f'{index}: {Path(info["img_path"]).stem}', [fit_tile(image, (_TILE, _TILE))]
