"""Find keypoints in images, folders and videos."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from posenas.cli.args import CommandParser, add_download_options, add_options, count
from posenas.cli.printing import print_lines, show_bar
from posenas.cli.reading import check_paths, require_with
from posenas.cli.values import COUNT, SHARE, SIDE
from posenas.utils import ConfigError, DataError
from posenas.utils.outputs import OUTPUTS, hide_outputs
from posenas.weights import SHIPPED

if TYPE_CHECKING:
    from posenas.apis import PoseInferencer
    from posenas.apis.live import LiveWindow
    from posenas.apis.results import ImageResult

#: Options of pictures; what they draw by default is theirs.
_DRAWING = ('radius', 'thickness', 'draw_bbox', 'draw_heatmap')


def _interval(text: str) -> int | str:
    return text if text == 'auto' else COUNT(text)


_OUTPUT = {
    '--out --out-dir DIR': dict(
        default=f'{OUTPUTS}/infer',
        help='folder that gets visualizations/ and predictions/ (default: %(default)s)',
    ),
    '--format': dict(
        nargs='+',
        choices=('json', 'coco', 'csv'),
        help="format of predictions: MMPose's JSON, COCO results, a table (default: json)",
    ),
    '--no-pictures': 'write predictions only',
}
_PEOPLE = {
    '--det-model CONFIG|NAME': (
        'config of the person detector (default: the detector of this library)'
    ),
    '--detector --det-weights FILE|none': (
        'trained weights of the detector, or an exported '
        'detector, which finds people where --boxes gives '
        'none (default: none, one person in each image; with '
        'the network that comes with the library, its '
        'detector)'
    ),
    '--det-layout': dict(
        choices=('yolox', 'rtmdet'),
        help=(
            'inputs and outputs of a .onnx or .xml file of another project (default: as '
            'posenas export writes them)'
        ),
    ),
    '--bbox-thr SCORE': dict(type=SHARE, help="lowest score of a box (default: the detector's)"),
    '--visibility FILE.json': dict(
        nargs='?',
        const=SHIPPED,
        help=(
            'also tell how likely keypoints are visible, by a file of posenas visibility '
            '(default without FILE: that of the network that comes with the library)'
        ),
    ),
    '--detect-every N|auto': dict(
        type=_interval,
        default=1,
        help=(
            'detect in every N-th frame of a video, and take boxes from poses in other '
            'frames; auto chooses N by measured cost (default: 1)'
        ),
    ),
    '--track': 'follow people through videos (track_id)',
    '--smooth': dict(
        choices=('online', 'offline'),
        help=(
            'smooth keypoints in videos: online by earlier frames, offline by frames before '
            'and after (default: no smoothing)'
        ),
    ),
}
_DRAW = {
    '--kpt-thr SCORE': dict(
        type=SHARE,
        default=0.3,
        help='draw keypoints with a score above this, visible or not (default: 0.3)',
    ),
    '--show': 'show pictures in a window; q ends',
    '--compare FILE': (
        'weights of another network; write pictures with both side by side, no predictions'
    ),
    '--compare-config CONFIG|NAME': 'config of the other network (default: --config)',
    '--radius PIXELS': dict(type=SIDE, help='radius of drawn keypoints'),
    '--thickness PIXELS': dict(type=SIDE, help='thickness of drawn limbs'),
    '--draw-bbox': 'draw the boxes',
    '--draw-heatmap': 'draw the heatmaps',
    '--skeleton-style': dict(
        choices=('mmpose', 'openpose'),
        default='mmpose',
        help='style of drawn keypoints and limbs (default: mmpose)',
    ),
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas infer``."""
    from posenas.utils.config import DictAction

    parser = CommandParser(
        'infer', 'Find keypoints in images, folders and videos; write pictures and JSON.'
    )
    options = {
        'inputs INPUT': dict(
            nargs='+',
            help=(
                'image, video, folder, pattern such as photos/*.jpg, http(s) address, or webcam:0'
            ),
        ),
        '--config --model CONFIG': (
            'config file or name of a network (default: the network '
            'that comes with the library); exported networks need none'
        ),
        '--checkpoint CHECKPOINT': (
            'trained weights (file or address), or an exported network '
            '(.onnx, .xml) (default: the weights that come with the '
            'library)'
        ),
        '--boxes FILE.json': (
            'person boxes: {"photo.jpg": [[x1, y1, x2, y2], ...]} or a COCO '
            'annotation file; files of equal names need their folder, such as '
            'cam1/photo.jpg (default: boxes of --detector)'
        ),
        **_OUTPUT,
        '--device': dict(help='cpu, cuda:0, ... (default: a GPU if there is one)'),
        '--batch-size N': count(8, 'images at once'),
        '--cfg-options KEY=VALUE': dict(
            nargs='+',
            action=DictAction,
            help='override settings of the config, such as model.test_cfg.flip_test=False',
        ),
        **_PEOPLE,
        **_DRAW,
    }
    add_options(parser, options)
    add_download_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas infer``.

    Returns:
        0; inputs that could not be read are logged and counted. 128 and the number of the signal
        that ended it: what was read by then is finished, and every file is whole.

    Raises:
        ConfigError: Config, model or device do not exist.
        CheckpointError: The checkpoint cannot be read safely or does not fit the model.
        DataError: Inputs or boxes are missing or malformed, or no input could be read.
    """
    args = build_parser().parse_args(argv)
    _check_options(args)
    files = ['boxes', 'detector', 'compare']
    files += ['visibility'] if args.visibility != SHIPPED else []
    check_paths(args, files=files, new_folders=('out',))
    boxes, total = _read_boxes(args), _count_images(args)  # before a model is built for them
    from posenas.apis import PoseInferencer

    inferencer = PoseInferencer(
        args.config,
        args.checkpoint,
        args.device,
        args.cfg_options,
        args.sha256,
        args.trust_download,
        args.det_model,
        args.detector,
        visibility=args.visibility,
        det_layout=args.det_layout,
    )
    begin = perf_counter()
    code = _look_at(inferencer, args, boxes, total)
    took = perf_counter() - begin
    hide_outputs()
    report = inferencer.report
    written = 'predictions' if args.no_pictures else 'pictures and predictions'
    written = 'pictures of both' if args.compare is not None else written
    summary = f'{report.summary()}; took {took:.1f} s; {written} are in {args.out}'
    print_lines(summary, *report.lines())
    if code:
        return code
    if not report.num_images:
        raise DataError(f'at least one of {len(report.bad_inputs)} inputs must be readable')
    return 0


def _check_options(args: argparse.Namespace) -> None:
    """Refuse options that nothing would read."""
    _settle_networks(args)
    require_with(args, 'compare', 'compare_config')
    if args.compare is not None and (args.no_pictures or args.format is not None):
        raise ConfigError('--compare writes pictures only: leave out --no-pictures and --format')
    if args.no_pictures and not args.show:
        drawn = [name for name in _DRAWING if getattr(args, name) not in (None, False)]
        if drawn:
            raise ConfigError(
                f'--{drawn[0].replace("_", "-")} needs pictures, got --no-pictures: leave '
                'out one of them'
            )
    args.format = args.format or ['json']


def _settle_networks(args: argparse.Namespace) -> None:
    """Refuse networks without weights; ``--detector none`` becomes MMPose's word for it."""
    from posenas.weights import DEFAULT_POSE, is_shipped

    if args.detector == 'none':
        args.detector, args.det_model = None, args.det_model or 'whole_image'
    if args.checkpoint is None and not is_shipped(args.config):
        raise ConfigError(
            f'{args.config or DEFAULT_POSE} must have weights, got none, and none come with this '
            'copy of the library: give --checkpoint'
        )
    has_default = args.checkpoint is None and args.det_model is None
    if not has_default:
        model = () if args.det_model == 'whole_image' else ('det_model',)
        require_with(args, 'detector', *model, 'bbox_thr', 'det_layout')


def _read_boxes(args: argparse.Namespace) -> dict[str, Any] | None:
    from posenas.apis.boxes import read_boxes

    return None if args.boxes is None else read_boxes(args.boxes)


def _count_images(args: argparse.Namespace) -> int:
    from posenas.apis.sources import list_sources

    return sum(source.count_frames() for source in list_sources(args.inputs))


def _look_at(
    inferencer: 'PoseInferencer', args: argparse.Namespace, boxes: dict[str, Any] | None, total: int
) -> int:
    """Run over all inputs under a progress bar; returns 0, or a code where a signal ended it."""
    from posenas.engine.signals import SignalFlag

    results = _predict(inferencer, args, boxes)
    flag, num_images = SignalFlag(), 0
    flag.install()
    try:
        with ExitStack() as stack:
            window = stack.enter_context(_open_window()) if args.show else None
            bar = stack.enter_context(show_bar('finding keypoints', total or None, unit='images'))
            for found in results:
                num_images += 1
                bar.advance()
                is_closed = window is not None and not window.show(found.plot())
                if flag.received or is_closed:
                    inferencer.stop()
                    bar.update(num_images, total or num_images, 'finishing what was read')
            bar.update(num_images, num_images)
    finally:
        flag.restore()
    return 128 + flag.received if flag.received else 0


def _open_window() -> 'LiveWindow':
    from posenas.apis.live import LiveWindow

    return LiveWindow('posenas infer: q ends')


def _predict(
    inferencer: 'PoseInferencer', args: argparse.Namespace, boxes: dict[str, Any] | None
) -> 'Iterator[ImageResult]':
    """Return the results, which are written as they come."""
    out = Path(args.out)
    names = ('kpt_thr', 'radius', 'thickness', 'draw_bbox', 'draw_heatmap', 'skeleton_style')
    names += ('batch_size', 'bbox_thr', 'track', 'smooth', 'detect_every')
    options = {name: getattr(args, name) for name in names}
    if args.compare is not None:
        pairs = _compare(inferencer, args, dict(options, bboxes=boxes))
        return (first for first, _ in pairs)
    return inferencer.predict(
        args.inputs,
        bboxes=boxes,
        vis_out_dir=None if args.no_pictures else out / 'visualizations',
        pred_out_dir=out / 'predictions',
        pred_formats=args.format,
        **options,
    )


def _compare(
    inferencer: 'PoseInferencer', args: argparse.Namespace, options: dict[str, Any]
) -> 'Iterator[tuple[ImageResult, ImageResult]]':
    from posenas.apis.comparing import PoseInferencer, compare_models

    config = args.compare_config or args.config
    other = PoseInferencer(config, args.compare, args.device, args.cfg_options)
    captions = Path(args.checkpoint or args.config or 'shipped').stem, Path(args.compare).stem
    folder = Path(args.out) / 'comparison'
    return compare_models(inferencer, other, args.inputs, folder, captions, **options)
