"""``posenas search run``: from data and a budget to a network that runs."""

import argparse
import sys
from typing import TYPE_CHECKING

from posenas.cli.args import Kind, add_options, count
from posenas.cli.printing import print_lines, print_table
from posenas.cli.reading import check_paths
from posenas.cli.search_options import EXECUTOR_OPTIONS
from posenas.cli.values import number

if TYPE_CHECKING:
    from posenas.experiments import SearchOutcome, SearchPlan

#: Unit of each limit, for the table of the plan.
_UNITS = dict(latency='ms', macs='GMACs', params='million parameters', size='MB')


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Add data, limits, device and extent."""
    options = {
        'data DATA': 'COCO keypoint file, config of dataset init, or name of a shipped config or '
        'data set',
        '--out DIR': dict(required=True, help='folder for all results'),
    }
    add_options(parser, options)
    limits = {
        '--latency MS': dict(type=number(), help='longest time of one image, milliseconds'),
        '--macs G': dict(type=number(), help='largest number of multiply-accumulates, 10^9'),
        '--params M': dict(type=number(), help='largest number of parameters, 10^6'),
        '--size MB': dict(type=number(), help='largest size of float32 weights, 10^6 bytes'),
    }
    add_options(parser.add_argument_group('limits, one or more'), limits)
    extent = {
        '--engine': dict(
            choices=('openvino', 'onnxruntime', 'torch'),
            default='openvino',
            help='engine that will run the network (default: %(default)s)',
        ),
        '--threads N': count(1, 'threads of the network and of this command'),
        '--space NAME': 'space of networks: edge (default), vipnas-res50, vipnas-mbv3, posenas or '
        'fabrics',
        '--hours H': dict(
            type=number(),
            default=8.0,
            help=(
                'time of the whole run, which sets the width of the supernet, epochs and '
                'number of candidates (default: %(default)g)'
            ),
        ),
        '--seeds N': count(1, 'searches in the supernet'),
        '--no-baseline': 'train no random networks',
        '--teacher CONFIG': 'network whose heatmaps teach the derived network',
        '--teacher-checkpoint CHECKPOINT': 'weights of the teacher',
        '--images DIR': 'images of a COCO file (default: searched near the file)',
    }
    add_options(parser, extent | EXECUTOR_OPTIONS)


RUN = Kind(
    'go from data and a budget to an exported network and a report',
    _add_options,
    (
        'Check the data, measure the device, train a supernet, search it within the limits, train '
        'the best network beside a random one of the same cost, export it and write a report. The '
        'command first says how long each stage takes. It skips finished stages; the same command '
        'continues a killed run.'
    ),
)


def run(args: argparse.Namespace) -> None:
    """Run the search of the options.

    Raises:
        ConfigError: The options do not fit together.
        PoseNASError: A stage failed.
    """
    check_paths(args, files=('teacher_checkpoint',), folders=('images',), new_folders=('out',))
    from posenas.apis import run_search

    found = run_search(
        args.data,
        args.out,
        latency=args.latency,
        engine=args.engine,
        threads=args.threads,
        macs=args.macs,
        params=args.params,
        size=args.size,
        space=args.space,
        hours=args.hours,
        seeds=args.seeds,
        with_baseline=not args.no_baseline,
        teacher=args.teacher,
        teacher_checkpoint=args.teacher_checkpoint,
        images=args.images,
        executor=args.executor,
        address=args.address,
        show_plan=_print_plan,
        announce=lambda name: sys.stderr.write(f'stage {name}\n'),
    )
    _print_outcome(found)


def _print_plan(plan: 'SearchPlan') -> None:
    """Print what will be done and how long it takes."""
    rows = [(stage, f'{minutes:.1f}') for stage, minutes in plan.minutes.items()]
    rows.append(('all', f'{sum(plan.minutes.values()):.1f}'))
    numbers = ', '.join(f'{name.replace("_", " ")} {n}' for name, n in plan.numbers.items())
    limits = plan.arguments['limits'].items()
    within = ', '.join(f'{name} at most {value:g} {_UNITS[name]}' for name, value in limits)
    print_lines(
        f'space {plan.arguments["space"]}, supernet {plan.width}, {within or "no limit"}', numbers
    )
    print_table(('stage', 'minutes'), rows, left=('stage',), has_total=True)
    total, hours = sum(plan.minutes.values()) / 60, plan.arguments['hours']
    if total > hours:
        print_lines(f'the smallest plan takes {total:.2g} hours here, more than {hours:g}')
    sys.stdout.flush()


def _print_outcome(found: 'SearchOutcome') -> None:
    """Print what was found, and what each stage took."""
    columns, rows = found.cost_table
    print_table(columns, rows, left=('stage',), has_total=True)
    networks = [
        (
            f'{n.kind} (chosen)' if place == 0 else n.kind,
            n.seed,
            *(f'{value:.4g}' for value in n.scores.values()),
            f'{n.costs["latency"]:.3f}' if 'latency' in n.costs else '-',
            f'{n.latency:.3f}',
        )
        for place, n in enumerate(found.networks)
    ]
    scores = found.networks[0].scores
    print_table(
        ('network', 'seed', *scores, 'predicted ms', 'measured ms'), networks, left=('network',)
    )
    print_lines(f'wrote {", ".join(map(str, found.files))}', f'report: {found.page}')
