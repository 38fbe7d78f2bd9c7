"""Write, and serve, a page that runs networks in the browser."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from posenas.cli.args import CommandParser, add_options, count
from posenas.cli.printing import print_lines
from posenas.cli.reading import check_paths
from posenas.cli.values import whole

if TYPE_CHECKING:
    from http.server import ThreadingHTTPServer


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas web``."""
    parser = CommandParser(
        'web',
        (
            'Write a page that finds keypoints in photos, videos and the camera. It runs in the '
            'browser; nothing leaves the machine.'
        ),
    )
    options = {
        '--out DIR': dict(default='site', help='folder of the page (default: %(default)s)'),
        '--pose FILE.onnx': (
            'pose network, written by posenas export (default: the network that comes with the '
            'library)'
        ),
        '--detector FILE.onnx': (
            'detector of people, likewise (default: the one that comes with the library; with '
            '--pose the user draws boxes, or the whole picture is one person)'
        ),
        '--runtime DIR': (
            'unpacked npm package onnxruntime-web to copy (default: the page '
            'loads it from a pinned address and checks its hashes)'
        ),
        '--serve': 'serve the page on 127.0.0.1 until Ctrl-C; a page that is there is kept',
        '--port N': count(8000, 'port of --serve; 0 chooses a free one', whole(0, 65535)),
    }
    add_options(parser, options)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas web``; returns its exit code.

    Raises:
        ConfigError: The folder holds other things.
        DataError: A network or the runtime is missing or of another kind.
        OutputError: The page cannot be written, or the port is taken.
    """
    args = build_parser().parse_args(argv)
    check_paths(args, files=('pose', 'detector'), folders=('runtime',))
    from posenas.apis.web_page import SETTINGS

    is_kept = args.serve and args.pose is args.detector is None
    if not (is_kept and Path(args.out, SETTINGS).is_file()):
        _write(args)
    return _serve(args) if args.serve else 0


def _write(args: argparse.Namespace) -> None:
    from posenas.apis import write_web_page

    page = write_web_page(args.out, args.pose, args.detector, args.runtime)
    print_lines(
        f'wrote {page.folder}: {page.num_files} files, {page.num_bytes / 2**20:.1f} MiB; '
        f'networks: {" and ".join(page.networks)}; {page.runtime}',
        *([] if args.serve else [f'open it: posenas web --out {page.folder} --serve']),
    )


def _serve(args: argparse.Namespace) -> int:
    from posenas.apis import open_server

    with open_server(args.out, args.port) as server:
        host, port = server.server_address[:2]
        print_lines(f'open http://{host}:{port}/ in a browser of this machine; Ctrl-C ends')
        _answer(server)
    return 0


def _answer(server: 'ThreadingHTTPServer') -> None:
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print_lines('the page is closed')
