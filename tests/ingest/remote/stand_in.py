"""A host of files on loopback that behaves as badly as hosts do."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Respond = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """A request as the host gets it; the host decides how it is answered."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        """Note the request, and answer it as the address wants."""
        self.server.host.requests.append((self.path, dict(self.headers)))
        self.server.host.answers[self.path](self)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def send_file(
        self, body: bytes, *, cut: int | None = None, pause: float = 0, tag: str = '"1"',
        ranges: bool = True, length: int | None = None,
    ) -> None:  # fmt: skip
        """Send a file from where it is asked for; `cut` ends the connection after so many bytes."""
        begin = 0
        asked = self.headers.get("Range", "")
        if ranges and asked and self.headers.get("If-Range") in (None, tag):
            begin = int(asked.removeprefix("bytes=").removesuffix("-"))
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
        if tag:
            self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(body) - begin if length is None else length))
        self.end_headers()
        part = body[begin:] if cut is None else body[begin : begin + cut]
        self.wfile.write(part)
        self.wfile.flush()
        if cut is not None or length is not None:
            time.sleep(pause)
            self.close_connection = True

    def send_status(self, status: int, **headers: str) -> None:
        """Send a status without a body."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", "0")
        self.end_headers()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    host: "Host"


@dataclass(slots=True)
class Host:
    """The host: its address, how each path is answered, and what it was asked."""

    url: str = ""
    answers: dict[str, Respond] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def answer(self, path: str, *turns: Respond) -> str:
        """Answer a path by one turn after the other, the last for ever; return its address."""
        left = list(turns)
        self.answers[path] = lambda request: (left.pop(0) if len(left) > 1 else left[0])(request)
        return self.url + path


@contextmanager
def run_host() -> Iterator[Host]:
    """Run a host for as long as the block."""
    host = Host()
    server = _Server(("127.0.0.1", 0), Request)
    server.host = host
    host.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def digest_of(body: bytes, algorithm: str = "sha256") -> str:
    """The checksum of a body in hexadecimal digits."""
    return hashlib.new(algorithm, body).hexdigest()
