"""Find keypoints in images, folders and videos."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from posenas.cli.args import CommandParser, add_download_options
from posenas.cli.printing import print_lines, show_bar
from posenas.cli.reading import check_paths
from posenas.cli.values import COUNT, SHARE, SIDE
from posenas.utils import DataError
from posenas.utils.outputs import OUTPUTS, hide_outputs

if TYPE_CHECKING:
    from posenas.apis import PoseInferencer


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas infer``."""
    from posenas.utils.config import DictAction

    parser = CommandParser(
        'infer', 'Find keypoints in images, folders and videos; write pictures and JSON.'
    )
    parser.add_argument('inputs', nargs='+', metavar='INPUT', help='image, video or folder')
    parser.add_argument(
        '--config',
        '--model',
        metavar='CONFIG',
        help='config file or name of a model (default: an exported network needs none)',
    )
    parser.add_argument(
        '--checkpoint',
        required=True,
        metavar='CHECKPOINT',
        help='trained weights, a file or address; or an exported network (.onnx, .xml)',
    )
    parser.add_argument(
        '--boxes',
        metavar='FILE.json',
        help='person boxes: {"photo.jpg": [[x1, y1, x2, y2], ...]} or a COCO annotation file; '
        'files of one name with their folders, as cam1/photo.jpg '
        '(default: the whole image is one person)',
    )
    parser.add_argument(
        '--out',
        '--out-dir',
        default=f'{OUTPUTS}/infer',
        metavar='DIR',
        help='gets visualizations/ and predictions/ (default: %(default)s)',
    )
    parser.add_argument('--device', help='cpu, cuda:0, ... (default: a GPU if there is one)')
    parser.add_argument(
        '--batch-size', type=COUNT, default=8, metavar='N', help='images at once (default: 8)'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override settings of the config, such as model.test_cfg.flip_test=False',
    )
    _add_draw_options(parser)
    add_download_options(parser)
    return parser


def _add_draw_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--kpt-thr',
        type=SHARE,
        default=0.3,
        metavar='SCORE',
        help='draw keypoints with a greater score (default: 0.3)',
    )
    parser.add_argument('--radius', type=SIDE, metavar='PIXELS', help='of drawn keypoints')
    parser.add_argument('--thickness', type=SIDE, metavar='PIXELS', help='of drawn limbs')
    parser.add_argument('--draw-bbox', action='store_true', help='draw the boxes')
    parser.add_argument('--draw-heatmap', action='store_true', help='draw the heatmaps')
    parser.add_argument('--skeleton-style', choices=('mmpose', 'openpose'), default='mmpose')


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas infer``.

    Returns:
        0; inputs that could not be read are logged and counted.

    Raises:
        ConfigError: Config, model or device do not exist.
        CheckpointError: The checkpoint cannot be read safely or does not fit the model.
        DataError: Inputs or boxes are missing or malformed, or no input could be read.
    """
    args = build_parser().parse_args(argv)
    check_paths(args, files=('boxes',), new_folders=('out',))
    boxes, total = _read_boxes(args), _count_images(args)  # before a model is built for them
    from posenas.apis import PoseInferencer

    inferencer = PoseInferencer(
        args.config,
        args.checkpoint,
        args.device,
        args.cfg_options,
        args.sha256,
        args.trust_download,
    )
    _look_at(inferencer, args, boxes, total)
    hide_outputs()
    report = inferencer.report
    print_lines(
        [
            f'{report.num_images} images, {report.num_people} people: pictures and JSON are in '
            f'{args.out}',
            *report.lines(),
        ]
    )
    if not report.num_images:
        raise DataError(f'at least one of {len(report.bad_inputs)} inputs must be readable')
    return 0


def _read_boxes(args: argparse.Namespace) -> dict[str, Any] | None:
    from posenas.apis.boxes import read_boxes

    return None if args.boxes is None else read_boxes(args.boxes)


def _count_images(args: argparse.Namespace) -> int:
    from posenas.apis.sources import list_sources

    return sum(source.count_frames() for source in list_sources(args.inputs))


def _look_at(
    inferencer: 'PoseInferencer', args: argparse.Namespace, boxes: dict[str, Any] | None, total: int
) -> None:
    """Run over all inputs under a progress bar."""
    results = inferencer(
        args.inputs,
        bboxes=boxes,
        batch_size=args.batch_size,
        out_dir=args.out,
        kpt_thr=args.kpt_thr,
        radius=args.radius,
        thickness=args.thickness,
        draw_bbox=args.draw_bbox,
        draw_heatmap=args.draw_heatmap,
        skeleton_style=args.skeleton_style,
    )
    num_images = 0
    with show_bar('finding keypoints', total or None) as bar:
        for result in results:
            num_images += len(result['predictions'])
            bar.advance(len(result['predictions']))
        bar.update(num_images, num_images)
