"""A web server on this machine for tests of downloads."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Web:
    """Files behind addresses.

    Attributes:
        address: Of the server, such as 'http://127.0.0.1:8000'.
        requests: Paths that were asked for, in order.
    """

    def __init__(self) -> None:
        self.address = ''
        self.requests: list[str] = []
        self._files: dict[str, bytes] = {}

    def publish(self, content: bytes | str | Path, name: str = 'weights.pth') -> tuple[str, str]:
        """Offer a file; ``{digits}`` in its name becomes the first 8 digits of its SHA-256.

        Below ``cut/`` the last bytes never come, below ``broken/`` nor does the end of the chunks.

        Returns:
            Address and SHA-256.
        """
        data = content if isinstance(content, bytes) else Path(content).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        name = name.format(digits=digest[:8])
        self._files[f'/{name}'] = data
        return f'{self.address}/{name}', digest

    def forget(self) -> None:
        """Remove all files."""
        self._files.clear()

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        """Send what a request asks for."""
        self.requests.append(handler.path)
        data = self._files.get(handler.path.partition('?')[0])
        if data is None:
            handler.send_error(404)
            return
        handler.send_response(200)
        if handler.path.startswith('/broken/'):
            handler.send_header('Transfer-Encoding', 'chunked')
            handler.end_headers()
            half = data[: len(data) // 2]
            handler.wfile.write(f'{len(half):x}\r\n'.encode() + half + b'\r\n64\r\n')
            return
        handler.send_header('Content-Length', str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:-10] if handler.path.startswith('/cut/') else data)


@contextmanager
def serve() -> Iterator[Web]:
    """Run a server until the block ends."""
    web = Web()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def do_GET(self) -> None:
            web.answer(self)
            self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
        web.address = f'http://127.0.0.1:{server.server_port}'
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield web
        server.shutdown()
