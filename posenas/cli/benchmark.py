"""Measure speed against a bound taken in the same run."""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from posenas.cli.args import CommandParser, add_config_options
from posenas.cli.benchmark_distillation import add_distillation_parser, report_distillation
from posenas.cli.benchmark_search import add_search_parser, report_search
from posenas.cli.benchmark_supernet import add_supernet_parser, report_supernet
from posenas.cli.compare import DESCRIPTION, add_plan_options, compare
from posenas.cli.tables import print_table
from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ['build_parser', 'main', 'measure_imports']

#: What any program on mmengine imports; ours imports more.
_FRAMEWORK = 'import torch, mmengine.runner, mmcv.cnn'
_IMPORTS = {
    'nothing': 'pass',
    'posenas': 'import posenas',
    'torch, mmengine.runner, mmcv.cnn': _FRAMEWORK,
    '... and posenas.apis': f'{_FRAMEWORK}; from posenas.apis import init_model',
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas benchmark``."""
    parser = CommandParser(
        'benchmark',
        'Measure speed against a bound taken in the same run, or compare trainings.',
    )
    kinds = parser.add_subparsers(
        dest='what', required=True, metavar='WHAT', parser_class=argparse.ArgumentParser
    )
    data = kinds.add_parser(
        'data',
        help='reading annotations and preparing samples',
        description='Time the data set of a config on one thread. A sample is read, decoded, '
        'augmented, cropped and given its target; the bound is reading, decoding and one warp.',
    )
    add_config_options(data)
    data.add_argument('--split', choices=('train', 'val', 'test'), default='train')
    data.add_argument('--num-samples', type=int, default=200, metavar='N', help='in each run')
    data.add_argument(
        '--annotations-only', action='store_true', help='read annotations, prepare no samples'
    )
    imports = kinds.add_parser(
        'import', help='starting Python', description='Time what starting Python costs.'
    )
    _add_evaluation_parser(kinds)
    add_plan_options(kinds.add_parser('lspet', help='as posenas compare', description=DESCRIPTION))
    networks = _add_forward_parser(kinds), _add_decode_parser(kinds), add_search_parser(kinds)
    trainings = add_distillation_parser(kinds), add_supernet_parser(kinds)
    for kind in (data, imports, *networks, *trainings):
        kind.add_argument(
            '--repeat', type=int, default=5, metavar='N', help='interleaved runs; median counts'
        )
    return parser


def _add_forward_parser(kinds: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add ``posenas benchmark forward``."""
    forward = kinds.add_parser(
        'forward',
        help='networks in evaluation and in fused form',
        description='Time forward passes at the size of the config, with drawn weights, in '
        'milliseconds per image. The two forms and the bound take turns; the bound is the time '
        'of as many multiply-accumulates in dense 3x3 convolutions of 64 channels.',
    )
    forward.add_argument(
        'config',
        nargs='*',
        help='config files or names of networks (default: all but those for drawn people)',
    )
    forward.add_argument('--family', metavar='NAME', help='only these, such as dite-hrnet')
    forward.add_argument(
        '--threads', type=int, nargs='+', default=[1], metavar='N', help='(default: 1)'
    )
    forward.add_argument('--batch', type=int, default=1, metavar='N', help='images (default: 1)')
    forward.add_argument('--json', metavar='FILE', help='also write the figures to FILE')
    return forward


def _add_evaluation_parser(kinds: argparse._SubParsersAction) -> None:
    """Add ``posenas benchmark evaluation``."""
    evaluation = kinds.add_parser(
        'evaluation',
        help='scoring as many results as detected boxes give on COCO val2017',
        description='Time rescoring, OKS-NMS and average precision of drawn results in processor '
        'time; the bound is the bare evaluator.',
    )
    evaluation.add_argument('annotations', help='COCO keypoint file')
    evaluation.add_argument('--num-results', type=int, default=104125, metavar='N')
    evaluation.add_argument(
        '--empty-images', type=int, default=2654, metavar='N', help='images added without persons'
    )
    evaluation.add_argument('--seed', type=int, default=0, metavar='N')
    evaluation.add_argument(
        '--out', metavar='DIR', help='write ground_truth.json and results.json for other evaluators'
    )


def _add_decode_parser(kinds: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add ``posenas benchmark decode``."""
    decode = kinds.add_parser(
        'decode',
        help='reading joints from heatmaps',
        description='Time decoding of 17 maps of 64x48 a person on one thread; the bound is the '
        'forward pass that makes them.',
    )
    decode.add_argument('--num-samples', type=int, default=1000, metavar='N', help='persons')
    decode.add_argument(
        '--network',
        default='s_vipnas_mbv3_coco_256x192',
        metavar='NAME',
        help='(default: %(default)s)',
    )
    return decode


def measure_imports(repeat: int) -> dict[str, float]:
    """Return the median seconds of fresh processes, interleaved, for each set of imports."""
    seconds: dict[str, list[float]] = {name: [] for name in _IMPORTS}
    for _ in range(repeat):
        for name, statement in _IMPORTS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, '-c', statement], check=True)
            seconds[name].append(time.perf_counter() - start)
    return {name: median(values) for name, values in seconds.items()}


def _report_imports(args: argparse.Namespace) -> 'Table':
    from rich.table import Table

    seconds = measure_imports(args.repeat)
    title = f'median of {args.repeat}'
    table = Table('import', 'seconds', 'added', title=title, title_justify='left')
    bound = 0.0
    for name, value in seconds.items():
        table.add_row(name, f'{value:.3f}', f'{value - bound:+.3f}')
        bound = value if name != 'posenas' else bound  # what follows does not contain it
    return table


def _report_data(args: argparse.Namespace) -> 'Table':
    from mmengine.registry import init_default_scope
    from rich.progress import track
    from rich.table import Table

    from posenas.apis.building import load_checked
    from posenas.benchmarks.data import measure_loading, measure_samples
    from posenas.registry import DATASETS

    cfg = load_checked(args.config, args.cfg_options, args.legacy, args.strict)
    init_default_scope('posenas')
    settings = dict(cfg[f'{args.split}_dataloader'].dataset, lazy_init=True)
    dataset, loading = measure_loading(lambda: DATASETS.build(settings))
    table = Table('what', 'figure', title=f'{args.split} set of {args.config}')
    table.add_row('persons', f'{loading.num_persons:,}')
    table.add_row('reading annotations', f'{loading.seconds:.2f} s')
    table.add_row('private memory a worker adds', f'{loading.worker_mb:.1f} MiB')
    if not args.annotations_only:
        cost = measure_samples(
            dataset, args.num_samples, args.repeat, lambda runs: track(runs, 'preparing samples')
        )
        table.add_row('a sample', f'{cost.sample_ms:.2f} ms')
        table.add_row('the bound', f'{cost.bound_ms:.2f} ms')
        table.add_row('sample / bound', f'{cost.ratio:.2f}')
        table.caption = f'{cost.num_samples} samples, median of {cost.num_runs} interleaved runs'
    return table


def _report_forward(args: argparse.Namespace) -> 'Table':
    from rich import box
    from rich.progress import track
    from rich.table import Table

    from posenas.utils.atomic_io import write_json

    rows = []
    for config in track(_list_networks(args), 'timing networks', transient=True):
        rows += _time_network(config, args)
    table = Table(*rows[0], box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = 'right'
    for row in rows:
        table.add_row(*(f'{v:.2f}' if isinstance(v, float) else str(v) for v in row.values()))
    table.caption = f'ms per image, batch of {args.batch}, median of {args.repeat} rounds'
    if args.json:
        write_json(args.json, rows, indent=1)
    return table


def _report_evaluation(args: argparse.Namespace) -> 'Table':
    from rich.table import Table

    from posenas.benchmarks.evaluation import add_empty_images, draw_results, measure_evaluation
    from posenas.evaluation.metrics import CocoMetric
    from posenas.evaluation.stored import read_json
    from posenas.skeletons import skeleton_from_category
    from posenas.utils.atomic_io import write_json

    truth = add_empty_images(read_json(args.annotations), args.empty_images)
    skeleton = skeleton_from_category(truth['categories'][0])
    results = draw_results(truth, args.num_results, skeleton.num_joints, args.seed)
    cost = measure_evaluation(truth, results, skeleton)
    table = Table(
        'what', 'figure', title=f'{len(results):,} results, {len(truth["images"]):,} images'
    )
    table.add_row('rescoring and OKS-NMS', f'{cost.suppression:.2f} s')
    table.add_row('checks', f'{cost.checks:.2f} s')
    table.add_row('the bound: bare evaluator', f'{cost.evaluator:.2f} s')
    table.add_row('total', f'{cost.total:.2f} s')
    table.add_row('total / bound', f'{cost.total / cost.evaluator:.2f}')
    table.add_row('memory of the process', f'{cost.memory_mb:.0f} MiB')
    table.add_row('AP', f'{cost.scores["AP"]:.6f}')
    if args.out:
        metric = CocoMetric()
        metric.dataset_meta = skeleton.metainfo()
        write_json(Path(args.out, 'ground_truth.json'), truth)
        write_json(Path(args.out, 'results.json'), metric.results_of_images(results))
    return table


def _report_decode(args: argparse.Namespace) -> 'Table':
    import torch
    from rich.table import Table

    from posenas.apis.building import build_model
    from posenas.benchmarks.decoding import measure_decoding
    from posenas.benchmarks.forward import measure_forward
    from posenas.utils.timing import draw_weights

    torch.set_num_threads(1)
    seconds = measure_decoding(args.num_samples, args.repeat)
    cfg, model, _ = build_model(args.network)
    draw_weights(model)
    width, height = cfg.codec.input_size
    (cost,) = measure_forward(model, (height, width), [1], 1, args.repeat)
    bound = cost.eval_ms * args.num_samples / 1e3
    table = Table('refinement', 'seconds', 'of the bound', title=f'{args.num_samples:,} persons')
    for name, value in seconds.items():
        table.add_row(name, f'{value:.3f}', f'{value / bound:.4f}')
    table.add_row(f'the bound: {args.network}', f'{bound:.1f}', '1')
    return table


def _list_networks(args: argparse.Namespace) -> list[Path]:
    """Return the configs asked for, or those of all networks for real images.

    Raises:
        ConfigError: A name is unknown, or no network fits.
    """
    from posenas.apis.model_zoo import find_config, list_models
    from posenas.cli.models import is_of_family

    models = [m for m in list_models() if m.config and 'synthetic' not in m.config.parts]
    if args.family:
        models = [model for model in models if is_of_family(model, args.family)]
    configs = [find_config(n) for n in args.config] or [model.config for model in models]
    if not configs:
        raise ConfigError(
            f'--family must name a family of networks for real images, got {args.family!r}: '
            'posenas models lists them'
        )
    return configs


def _time_network(config: Path, args: argparse.Namespace) -> list[dict[str, str | int | float]]:
    """Return one row of the table for each number of threads."""
    from posenas.apis.building import build_model
    from posenas.benchmarks.forward import measure_forward
    from posenas.utils.timing import draw_weights

    cfg, model, _ = build_model(config)
    draw_weights(model)
    width, height = cfg.codec.input_size
    return [
        {
            'network': config.stem,
            'input': f'{height}x{width}',
            'GMACs': cost.macs / 1e9,
            'threads': cost.threads,
            'eval ms': cost.eval_ms,
            'fused ms': cost.fused_ms,
            'eval / fused': cost.ratio,
            'bound ms': cost.bound_ms,
            'fused / bound': cost.fused_ms / cost.bound_ms,
        }
        for cost in measure_forward(model, (height, width), args.threads, args.batch, args.repeat)
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas benchmark``.

    Raises:
        ConfigError: A number is not positive, or the config cannot be used.
    """
    args = build_parser().parse_args(argv)
    for name in ('repeat', 'batch', 'threads', 'num_samples', 'num_results', 'bootstrap'):
        value = getattr(args, name, 1)
        if min(value if isinstance(value, list) else [value]) < 1:
            option = name.replace('_', '-')
            raise ConfigError(f'--{option} must be at least 1, got {value}')
    if args.what == 'lspet':
        return compare(args)
    reports = {
        'data': _report_data,
        'decode': _report_decode,
        'distillation': report_distillation,
        'evaluation': _report_evaluation,
        'forward': _report_forward,
        'import': _report_imports,
        'search': report_search,
        'supernet': report_supernet,
    }
    print_table(reports[args.what](args))
    return 0
