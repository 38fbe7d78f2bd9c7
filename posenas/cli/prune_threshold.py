"""Prune neural fabrics by leaving out small weights, and say what that costs."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from posenas.cli.args import CommandParser, pin
from posenas.cli.networks import describe_size, load_network, make_parser, report
from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from mmengine.config import Config

    from posenas.apis.building import LoadedModel

__all__ = ['build_parser', 'main']


def build_parser() -> CommandParser:
    """Return the parser of ``posenas prune-threshold``."""
    parser = make_parser(
        'prune-threshold',
        'Leave out of neural fabrics what has little weight; outputs change, by how much is '
        'measured. posenas prune leaves out only what changes nothing.',
    )
    parser.add_argument(
        '--threshold',
        type=float,
        required=True,
        metavar='W',
        help='mixing weights below it, in 0..1, count as zero; the rest of their row grows',
    )
    parser.add_argument(
        '--no-eval', action='store_true', help='compare outputs only, not the scores of validation'
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas prune-threshold``; returns its exit code.

    Raises:
        ConfigError: The network has no fabrics, or there are no images to measure it on.
        CheckpointError: The weights are not those of the network.
    """
    args = build_parser().parse_args(argv)
    if not 0 < args.threshold < 1:
        raise ConfigError(f'--threshold must lie between 0 and 1, got {args.threshold}')
    args.checkpoint = pin(args, args.checkpoint)
    network = load_network(args)
    from posenas.apis.networks import read_batches, write_derived
    from posenas.apis.pruning import measure_change
    from posenas.search.derived_network import compare_outputs
    from posenas.search.fabrics.prune import prune_network

    batches = list(read_batches(network, args.images or (), args.num_images))
    found = prune_network(network.model, network.plain_cfg, args.threshold)
    written = write_derived(network, found, args.out, args.name)
    change = compare_outputs(network.model, written, batches)
    report(
        [
            f'change of the output on {len(batches)} images: {change.largest:.1e} of its range at '
            f'most, {change.mean:.1e} on average',
            *describe_size(measure_change(network, written, batches[0])),
        ]
    )
    if not args.no_eval:
        report(_compare_scores(network, args.checkpoint, Path(args.out)))
    report([f'wrote {args.out}: genotype {found[2].id}'])
    return 0


def _compare_scores(network: 'LoadedModel', checkpoint: str, folder: Path) -> list[str]:
    """Validate both networks and write a line for each score."""
    from posenas.utils.config import load_config

    name = folder.absolute().name
    before = _validate(network.cfg, checkpoint)
    after = _validate(load_config(folder / f'{name}.py'), folder / f'{name}.pth')
    return [
        f'{key}: {before[key]:.4f} before, {after[key]:.4f} after, {after[key] - before[key]:+.4f}'
        for key in sorted(before.keys() & after.keys())
    ]


def _validate(cfg: 'Config', checkpoint: str | Path) -> dict[str, float]:
    """Return the scores of the validation set."""
    from mmengine.config import Config

    from posenas.engine.runner import PoseRunner

    cfg = Config(cfg.to_dict(), format_python_code=False)  # the runner writes it down
    with TemporaryDirectory() as work_dir:
        cfg.work_dir, cfg.launcher, cfg.resume = work_dir, 'none', False
        cfg.load_from = str(checkpoint)
        cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator
        cfg.test_cfg = cfg.get('test_cfg') or {}
        runner = PoseRunner.from_cfg(cfg)
        runner.strict_load = True
        scores = runner.test()
    return {key: value for key, value in scores.items() if isinstance(value, float)}
