"""A stand-in for all sources, on loopback: it answers as they do, and as badly as they do.

It has a clock of its own, which its `Date` headers show and its lists go by.
"""

import hashlib
import io
import json
import re
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

SLOT = timedelta(minutes=15)
LISTED_AFTER = timedelta(minutes=4)
Answer = Callable[["Request"], None]


@dataclass(slots=True)
class Fault:
    """What goes wrong at some paths, and how often."""

    pattern: str
    kind: str
    times: int


@dataclass(slots=True)
class Sources:
    """All sources at one address, with what they have and what goes wrong."""

    now: datetime
    skew: timedelta = timedelta(0)
    """How far the clock of the headers is off."""
    objects: dict[str, bytes] = field(default_factory=dict)
    """Files by path."""
    listed: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Size and MD5 of the files of GDELT, as the lists have them."""
    extra_lines: list[str] = field(default_factory=list)
    """Further lines of the list of all files."""
    faults: list[Fault] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    """What answers paths that begin so."""
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def break_next(self, pattern: str, kind: str, times: int = 1) -> None:
        """Let the next answers at paths that match go wrong."""
        self.faults.append(Fault(pattern, kind, times))

    def count_requests(self, pattern: str) -> int:
        """Count the requests at paths that match."""
        return sum(re.search(pattern, path) is not None for path, _ in self.requests)

    def publish(self, at: datetime, stream: str, text: str, *, listed: bool = True) -> str:
        """Publish the file of a slot; return its path."""
        name = f"{at:%Y%m%d%H%M%S}.{stream}.CSV"
        return self.publish_file(f"{name}.zip", pack(name, text), listed=listed)

    def publish_file(self, name: str, body: bytes, *, listed: bool = True) -> str:
        """Publish a file of GDELT under a name."""
        path = f"/gdeltv2/{name}"
        self.objects[path] = body
        if listed:
            self.listed[name] = (len(body), hashlib.md5(body).hexdigest())
        return path

    def render_list(self, suffix: str, *, whole: bool) -> bytes:
        """Render the list of all files, or of the newest slot."""
        limit = f"{self.now - LISTED_AFTER:%Y%m%d%H%M%S}"
        mine = [n for n in self.listed if (".translation." in n) == bool(suffix)]
        names = sorted(n for n in mine if n[:14] <= limit)
        if not whole:
            names = [n for n in names if n[:14] == names[-1][:14]]
        lines = [
            f"{self.listed[n][0]} {self.listed[n][1]} http://data.gdeltproject.org/gdeltv2/{n}"
            for n in names
        ]
        lines = [*(self.extra_lines if whole else []), *lines]
        return "".join(f"{line}\n" for line in lines).encode()


class Request(BaseHTTPRequestHandler):
    """A request as the sources get it."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        """Answer a request for a file or a page."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a form."""
        self._answer()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the sources' own time for `Date`."""
        at = self.server.sources.now + self.server.sources.skew
        if timestamp is not None:
            at = datetime.fromtimestamp(timestamp, UTC)
        return format_datetime(at, usegmt=True)

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the query."""
        return {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}

    def read_form(self) -> dict[str, str]:
        """Read the fields of a form."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        return {k: v[0] for k, v in parse_qs(body).items()}

    def _answer(self) -> None:
        sources = self.server.sources
        sources.requests.append((self.path, dict(self.headers)))
        path = urlsplit(self.path).path
        for fault in sources.faults:
            if fault.times and re.search(fault.pattern, self.path):
                fault.times -= 1
                FAULTS[fault.kind](self, sources.objects.get(path, b"0123456789" * 20))
                return
        for begin, answer in sources.answers.items():
            if path.startswith(begin):
                answer(self)
                return
        matched = re.fullmatch(r"/gdeltv2/(lastupdate|masterfilelist)(-translation)?\.txt", path)
        if matched is not None:
            whole = matched[1] == "masterfilelist"
            self.send_file(sources.render_list(matched[2] or "", whole=whole))
        elif path in sources.objects:
            self.send_file(sources.objects[path])
        else:
            self.send_body(404, b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>")

    def send_file(self, body: bytes) -> None:
        """Send a file whole, its end, or that it is unchanged."""
        tag = f'"{hashlib.md5(body).hexdigest()}"'
        if self.headers.get("If-None-Match") == tag:
            self.send_response(304)
            self.send_header("ETag", tag)
            self.end_headers()
            return
        asked = re.fullmatch(r"bytes=-(\d+)", self.headers.get("Range", ""))
        part = body[-int(asked[1]) :] if asked else body
        self.send_response(206 if asked else 200)
        if asked:
            first = len(body) - len(part)
            self.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def send_body(self, status: int, body: bytes, **headers: str) -> None:
        """Send a status with a body."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_json(self, value: object, status: int = 200) -> None:
        """Send JSON."""
        self.send_body(status, json.dumps(value).encode(), Content_Type="application/json")

    def send_cut(self, body: bytes, stall: float = 0) -> None:
        """Send less than the length that is announced."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        if stall:
            self.server.ended.wait(stall)
        self.close_connection = True

    def send_chunked_cut(self, body: bytes) -> None:
        """Send a chunked body that breaks off."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(body) // 2, body[: len(body) // 2]))
        self.wfile.flush()
        self.close_connection = True


FAULTS: dict[str, Callable[[Request, bytes], None]] = {
    "404": lambda r, _: r.send_body(404, b"no"),
    "403": lambda r, _: r.send_body(403, b"<!DOCTYPE html><p>denied"),
    "500": lambda r, _: r.send_body(500, b"oh"),
    "503": lambda r, _: r.send_body(503, b"", Retry_After="0"),
    "429": lambda r, _: r.send_body(429, b"", Retry_After="0"),
    "429 for a day": lambda r, _: r.send_body(429, b"", Retry_After="86400"),
    "401": lambda r, _: r.send_body(401, b"API token required"),
    "page": lambda r, _: r.send_body(200, b"<!DOCTYPE html><html>Sorry</html>"),
    "empty": lambda r, _: r.send_body(200, b""),
    "challenge": lambda r, _: r.send_body(202, b"", x_amzn_waf_action="challenge"),
    "cut": lambda r, body: r.send_cut(body),
    "stall": lambda r, body: r.send_cut(body, 2),
    "chunked": lambda r, body: r.send_chunked_cut(body),
    "other": lambda r, body: r.send_body(200, body[:-1] + bytes([body[-1] ^ 255])),
    "loop": lambda r, _: r.send_body(302, b"", Location=r.path),
}
"""Kinds of what goes wrong."""
PASSING = ("500", "503", "429", "cut", "chunked", "404", "page", "empty", "other")
"""Those after which a file still comes."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    sources: Sources
    ended: threading.Event


@contextmanager
def run_sources(now: datetime) -> Iterator[Sources]:
    """Run the sources on a free port."""
    with _Server(("127.0.0.1", 0), Request) as server:
        server.sources, server.ended = Sources(now), threading.Event()
        server.sources.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        try:
            yield server.sources
        finally:
            server.ended.set()
            server.shutdown()


def pack(name: str, text: str) -> bytes:
    """Pack a text as the one member of an archive."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(name, text)
    return made.getvalue()


def list_slots(first: datetime, count: int) -> Sequence[datetime]:
    """List slots from one on."""
    return [first + n * SLOT for n in range(count)]
