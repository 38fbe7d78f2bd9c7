"""``posenas benchmark blocks``."""

import argparse
from dataclasses import asdict

from posenas.cli.args import Kind, count
from posenas.cli.printing import print_table
from posenas.cli.reading import check_paths
from posenas.cli.values import SIDE, WORKERS
from posenas.utils.atomic_io import write_json

BLOCKS = Kind(
    'blocks and heads of small networks in inference engines',
    {
        '--shape H W': dict(
            type=SIDE,
            nargs=2,
            action='append',
            help='height and width of the images; may be repeated (default: 192 144 and 128 96)',
        ),
        '--threads N': count(1, 'threads of an operation', WORKERS),
        '--repeat N': count(100, 'interleaved runs'),
        '--out --json FILE': dict(dest='json', help='also write the figures to FILE'),
    },
    (
        'Time blocks and heads of small networks in every engine, float32, one image, at strides '
        '8, 16 and 32 of the input. All take turns. The time of an empty network is subtracted; '
        'the rate is 10^9 multiply-accumulates per second.'
    ),
)


def report_blocks(args: argparse.Namespace) -> None:
    """Print what ``posenas benchmark blocks`` measures."""
    check_paths(args, new_files=('json',))
    from posenas.benchmarks import benchmark_blocks

    sizes = [(width, height) for height, width in args.shape or ((192, 144), (128, 96))]
    found = benchmark_blocks(sizes, args.repeat, args.threads)
    engines = list(found[0].seconds)
    rows = [
        (
            'x'.join(map(str, cost.input_size[::-1])),
            'x'.join(map(str, cost.shape)),
            cost.name,
            f'{cost.macs / 1e6:.2f}',
            *(
                cell
                for seconds in cost.seconds.values()
                for cell in (f'{1e6 * seconds:.0f}', f'{cost.macs / seconds / 1e9:.1f}')
            ),
        )
        for cost in found
    ]
    columns = ['input', 'features', 'block', '10^6 MACs']
    columns += [f'{engine} {unit}' for engine in engines for unit in ('us', 'rate')]
    caption = f'one image; threads: {args.threads}, lower quartile of {args.repeat} rounds'
    print_table(columns, rows, caption=caption, left=columns[:3], is_plain=True)
    if args.json:
        write_json(args.json, [asdict(cost) for cost in found], indent=1)
