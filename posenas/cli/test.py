"""Measure a checkpoint on the test set of a config."""

import argparse
import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmengine.config import Config

from posenas.cli.args import (
    CommandParser,
    add_config_options,
    add_download_options,
    add_draw_options,
    add_launch_options,
    add_options,
    apply_draw_options,
    export_local_rank,
    load_experiment,
    pin,
)
from posenas.cli.printing import show_screen
from posenas.cli.published_options import (
    add_published_options,
    apply_published_options,
    choose_gpu,
    find_checkpoint,
    log_cost,
)
from posenas.cli.published_testing import apply_test_options
from posenas.cli.published_words import parse_published
from posenas.cli.reading import check_data_paths, check_paths
from posenas.cli.training import choose_config
from posenas.utils.errors import ConfigError
from posenas.utils.telling import tell

if TYPE_CHECKING:
    from posenas.cli.printing import Screen
    from posenas.engine.runner import PoseRunner

#: Options that have no effect on an exported network.
_NOT_EXPORTED = ('fuse_conv_bn', 'param_flop', 'gpus', 'gpu_ids')
_RESULT_SUFFIXES = ('.json', '.yaml', '.yml', '.pkl', '.pickle')


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas test``."""
    parser = CommandParser('test', 'Measure a checkpoint on the test set of a config.')
    add_config_options(parser, is_optional=True)
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help=(
            'checkpoint (file or http(s) address, ours or published), or an exported network '
            '(default: the best of the work dir)'
        ),
    )
    add_launch_options(parser)
    add_published_options(parser, 'test')
    _add_output_options(parser)
    _add_metric_options(parser)
    parser.add_argument(
        '--fuse-conv-bn',
        action='store_true',
        help=(
            'use the fused form: fold batch norms into convolutions, and check that outputs '
            'stay the same'
        ),
    )
    add_draw_options(parser)
    parser.add_argument(
        '--badcase', action='store_true', help='draw only the samples with the worst predictions'
    )
    add_download_options(parser)
    return parser


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    options = {
        '--out FILE': 'save predictions (.json, .yaml, .pkl): per batch preds (N, K, 3), boxes '
        '(N, 6: centre, scale / 200, area, score), image_paths and bbox_ids',
        '--out-metrics FILE.json': 'save the scores',
        '--report FILE.html': 'save a page with scores, curves, kinds of errors, best and worst '
        'people',
        '--dump FILE.pkl': 'save complete data samples',
    }
    add_options(parser, options)


def _add_metric_options(parser: argparse.ArgumentParser) -> None:
    scores = parser.add_mutually_exclusive_group()
    scores.add_argument(
        '--eval',
        nargs='+',
        metavar='METRIC',
        help=(
            'metrics instead of those of the config: mAP, PCK, PCKh, tPCK as the data set '
            'defines them, or names of metric classes'
        ),
    )
    scores.add_argument('--no-eval', action='store_true', help='predict without scoring')
    options = {
        '--format-only': (
            'write result files for an evaluation server to the work dir, without scoring'
        ),
        '--gpu-collect': 'gather results of processes over the GPUs',
        '--tmpdir DIR': 'shared folder to gather results through',
    }
    add_options(parser, options)


def configure(args: argparse.Namespace, cfg: Config) -> None:
    """Write the options of the command line into ``cfg``.

    Raises:
        ConfigError: An option does not fit the config.
    """
    cfg.load_from, cfg.resume = args.checkpoint, False
    metrics = [*map(partial(_name_results, cfg), _choose_metrics(args, cfg))]
    metrics += _build_writers(args, cfg)
    if not metrics:
        raise ConfigError('--no-eval leaves nothing to do: add --out FILE or --dump FILE')
    for metric in metrics:
        if args.gpu_collect:
            metric['collect_device'] = 'gpu'
        elif args.tmpdir:
            metric.update(collect_device='cpu', collect_dir=args.tmpdir)
    cfg.test_evaluator = metrics
    if args.badcase:
        apply_draw_options(args, cfg, 'badcase', 'BadCaseAnalysisHook')
    elif args.show or args.show_dir:
        apply_draw_options(args, cfg, 'visualization', 'PoseVisualizationHook')


def _choose_metrics(args: argparse.Namespace, cfg: Config) -> list[dict[str, Any]]:
    """Return the configs of the metrics that the options leave or ask for."""
    evaluator = cfg.get('test_evaluator') or []
    if isinstance(evaluator, dict):
        evaluator = evaluator.get('metrics', evaluator)
    configured = [dict(m) for m in (evaluator if isinstance(evaluator, list) else [evaluator])]
    if args.no_eval:
        return []
    if args.eval:
        from posenas.convert import choose_metrics
        from posenas.datasets.wrappers import list_parts

        configured = choose_metrics(args.eval, list_parts(cfg.test_dataloader.dataset), configured)
    return _formats(configured, cfg) if args.format_only else configured


def _formats(metrics: list[dict[str, Any]], cfg: Config) -> list[dict[str, Any]]:
    """Return the metrics that can write result files, set to only do that."""
    from posenas.convert import metric_parameters

    writers = [metric for metric in metrics if 'format_only' in metric_parameters(metric)]
    if not writers:
        raise ConfigError(
            '--format-only needs a metric that writes result files, got '
            f'{[metric["type"] for metric in metrics]}: add --eval mAP, or on MPII set pred_file '
            'of MpiiPCKAccuracy'
        )
    return [metric | dict(format_only=True) for metric in writers]


def _name_results(cfg: Config, metric: dict[str, Any]) -> dict[str, Any]:
    """Let a metric that only writes results write them to the work dir, unless it says where."""
    prefix = str(Path(cfg.work_dir) / 'results')
    return dict(outfile_prefix=prefix) | metric if metric.get('format_only') else metric


def _build_writers(args: argparse.Namespace, cfg: Config) -> list[dict[str, Any]]:
    """Return the configs of the metrics that only write files."""
    writers: list[dict[str, Any]] = []
    if args.out:
        if Path(args.out).suffix not in _RESULT_SUFFIXES:
            raise ConfigError(f'--out must end with one of {_RESULT_SUFFIXES}, got {args.out}')
        batch_size = cfg.test_dataloader.batch_size
        writers.append(dict(type='ResultFile', out_file=args.out, batch_size=batch_size))
    if args.dump:
        if Path(args.dump).suffix not in ('.pkl', '.pickle'):
            raise ConfigError(f'--dump must end with .pkl or .pickle, got {args.dump}')
        writers.append(dict(type='DumpResults', out_file_path=args.dump))
    return writers


def _without_ema(cfg: Config) -> list[dict[str, Any]]:
    """Return the hooks less averaging: a checkpoint's ``state_dict`` is the average already."""
    return [hook for hook in cfg.get('custom_hooks') or [] if hook['type'] != 'EMAHook']


def _fuse(runner: 'PoseRunner', checkpoint: str) -> None:
    """Load the checkpoint, then fold batch normalisation into the convolutions before it."""
    from mmengine.model import is_model_wrapper

    from posenas.engine.fusion import fuse_conv_bn

    runner.load_checkpoint(checkpoint, strict=True)
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    width, height = model.head.decoder.input_size
    change = fuse_conv_bn(model, (height, width))
    tell(f'fused convolutions change the output by {change:.1e} of its range')


def _test_with_report(args: argparse.Namespace, runner: 'PoseRunner') -> dict[str, float]:
    """Run the test and write a page about it."""
    from posenas.apis.score_report import report_test

    scores, page = report_test(runner, args.report, str(args.config), str(args.checkpoint))
    if page:
        tell(f'the report is in {page}')
    return scores


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas test``.

    Raises:
        ConfigError: Options and config do not fit together.
        CheckpointError: The checkpoint cannot be read safely or does not fit the network.
    """
    args = parse_published(build_parser(), argv)
    export_local_rank(args)
    with show_screen() as screen:
        cfg = load_experiment(args)
        apply_published_options(args, cfg, 'test')
        apply_test_options(args, cfg)
        args.checkpoint = args.checkpoint or find_checkpoint(args.config, cfg.work_dir)
        args.checkpoint = pin(args, args.checkpoint, may_be_exported=True)
        configure(args, cfg)
        new_files = ('out', 'out_metrics', 'dump', 'report')
        check_paths(args, new_files=new_files, new_folders=('show_dir',))
        check_data_paths(cfg, 'test')
        _check_exported(args, cfg)
        choose_gpu(args)
        _run(args, cfg, screen)
    return 0


def _check_exported(args: argparse.Namespace, cfg: Config) -> None:
    """Refuse options that would have no effect on an exported network.

    Raises:
        ConfigError: There is such an option.
    """
    from posenas.apis.building import require_effect

    changes = args.cfg_options, args.legacy, args.strict
    given = [option for option in _NOT_EXPORTED if getattr(args, option)]
    if require_effect(cfg, args.checkpoint, args.config, *changes) and given:
        raise ConfigError(
            f'--{given[0].replace("_", "-")} has no effect on an exported network, whose layers '
            'are fused and run on the CPU: leave it out, or give the checkpoint that it was made of'
        )


def _run(args: argparse.Namespace, cfg: Config, screen: 'Screen') -> None:
    """Run the test, then write its scores."""
    from posenas.apis.exported import load_exported
    from posenas.engine import PoseRunner, ScreenHook
    from posenas.utils.atomic_io import write_json

    is_exported = load_exported(cfg)
    if is_exported or args.fuse_conv_bn:
        cfg.load_from, cfg.custom_hooks = None, _without_ema(cfg)
    runner = PoseRunner.from_cfg(cfg)
    runner.strict_load = True
    config = choose_config(args, cfg)
    facts = dict(config=config, checkpoint=args.checkpoint)
    runner.register_hook(ScreenHook(screen, partial(_say_next, config, args.checkpoint), facts))
    with runner.traces.removed_on_failure(runner):
        if args.fuse_conv_bn:
            _fuse(runner, args.checkpoint)
        if args.param_flop:
            log_cost(cfg)
        scores = _test_with_report(args, runner) if args.report else runner.test()
    if args.out_metrics and runner.rank == 0:
        write_json(args.out_metrics, scores, indent=2)


def _say_next(config: str, checkpoint: str, image: str | None, work_dir: str) -> str:
    """Return the command that comes after a test: keypoints in one of its images."""
    words = ['posenas', 'infer', image or 'IMAGE', '--config', config, '--checkpoint', checkpoint]
    return shlex.join(words)
