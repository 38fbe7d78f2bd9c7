"""A server for one page, on this machine only."""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from posenas.apis.web_page import SETTINGS
from posenas.utils.errors import ConfigError, OutputError

#: Nobody else can reach it.
HOST = '127.0.0.1'
#: Let the page use several threads, and load what belongs to it only.
_HEADERS = {
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
    'Cache-Control': 'no-cache',
    'X-Content-Type-Options': 'nosniff',
}


class _Handler(SimpleHTTPRequestHandler):
    """Hands out the files of the folder, with the types that browsers ask for."""

    extensions_map: ClassVar[dict[str, str]] = {
        '': 'application/octet-stream',
        '.css': 'text/css',
        '.html': 'text/html',
        '.js': 'text/javascript',
        '.json': 'application/json',
        '.mjs': 'text/javascript',
        '.svg': 'image/svg+xml',
        '.wasm': 'application/wasm',
    }

    def end_headers(self) -> None:
        """Add the headers to every answer."""
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing of single requests."""


class _Server(ThreadingHTTPServer):
    """Says nothing of browsers that hang up."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Tell other errors than a lost connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def open_server(folder: str | Path, port: int = 8000) -> ThreadingHTTPServer:
    """Open a server for the page in a folder; ``serve_forever`` lets it answer.

    Args:
        folder: Result of :func:`posenas.apis.web_page.write_web_page`.
        port: Port on 127.0.0.1; 0 takes a free one.

    Raises:
        ConfigError: There is no page in the folder.
        OutputError: The port is taken.
    """
    if not Path(folder, SETTINGS).is_file():
        raise ConfigError(f'{folder} must hold a page: write it by posenas web --pose FILE.onnx')
    try:
        handler = partial(_Handler, directory=str(folder))
        return _Server((HOST, port), handler)
    except OSError as error:
        raise OutputError(f'port {port} must be free, got: {error}; give another --port') from error
