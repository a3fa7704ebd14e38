"""Compress text answers as far as the reader accepts it (decision 015).

The framework's streams, events and pictures stay as they are: a reader of events must get each at
once, and pictures and Parquet are compressed already.
"""

import gzip
from collections.abc import Callable, Mapping
from functools import lru_cache

import brotli
import zstandard
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette_compress import CompressMiddleware, add_compress_type, remove_compress_type

from app.http.raw_headers import find_header, replace_header

MIN_SIZE = 1000
"""Bytes below which an answer fits into one packet anyway."""
ZSTD_LEVEL, BROTLI_QUALITY, GZIP_LEVEL = 1, 3, 2
"""Fast ones: a page of 67 kB becomes 6 to 8 kB in some 90, 310 and 240 µs."""
remove_compress_type("text/event-stream")
for _kind in (
    "application/problem+json", "application/vnd.vegalite+json", "application/x-ndjson",
    "application/vnd.entente.fields+json", "application/vnd.timelinejs+json",
    "application/vnd.vis-timeline+json", "application/feed+json", "application/schema+json",
    "application/vnd.citationstyles.csl+json",
    "application/x-research-info-systems", "application/x-bibtex", "text/csv",
):  # fmt: skip
    add_compress_type(_kind)

_compress_zstd = zstandard.ZstdCompressor
_CODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    # A compressor of zstd's must not be shared by threads; making one takes 3 µs.
    "zstd": lambda body: _compress_zstd(level=ZSTD_LEVEL).compress(body),
    "br": lambda body: brotli.compress(body, quality=BROTLI_QUALITY),
    "gzip": lambda body: gzip.compress(body, GZIP_LEVEL, mtime=0),
}
"""Content codings, the preferred first."""


@lru_cache(maxsize=64)
def choose_coding(accepted: str) -> str:
    """Return the preferred content coding that `Accept-Encoding` allows; empty for none."""
    refused, named = set[str](), set[str]()
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        value = weight.partition("=")[2].strip() if weight.strip().startswith("q") else "1"
        is_refused = value.rstrip("0").rstrip(".") in ("", "0")
        (refused if is_refused else named).add(name.strip())
    for coding in _CODINGS:
        if coding in named or ("*" in named and coding not in refused):
            return coding
    return ""


def compress_body(body: bytes, coding: str) -> bytes:
    """Compress a body by a content coding that `choose_coding` returned."""
    return _CODINGS[coding](body)


class CompressionMiddleware:
    """Compresses answers, and gives the compressed form of a strong ETag a name of its own.

    A strong ETag stands for exact bytes (RFC 9110, 8.8.3.3), so that of a compressed answer ends in
    `-zstd`, `-br` or `-gzip`; inside, requests have the tag without it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._compressed = CompressMiddleware(
            app,
            minimum_size=MIN_SIZE,
            zstd_level=ZSTD_LEVEL,
            brotli_quality=BROTLI_QUALITY,
            gzip_level=GZIP_LEVEL,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and compress its answer."""
        if scope["type"] != "http":
            await self._compressed(scope, receive, send)
            return
        returned = _strip_codings_of_tags(scope)

        async def send_tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                _mark_strong_tag(message, returned)
                _order_vary(message)
            await send(message)

        await self._compressed(scope, receive, send_tagged)


def _strip_codings_of_tags(scope: Scope) -> bytes:
    """Strip the codings of strong ETags that a request names; return one of them, or nothing."""
    found = b""
    for at, (name, value) in enumerate(scope["headers"]):
        if name not in (b"if-none-match", b"if-match"):
            continue
        for coding in _CODINGS:
            end = b"-" + coding.encode() + b'"'
            if end in value:
                value = value.replace(end, b'"')
                scope["headers"] = [*scope["headers"]]
                scope["headers"][at] = (name, value)
                found = end
    return found


def _order_vary(message: Message) -> None:
    """Write the names in `Vary` once, in one order; what caches keep is compressed for some."""
    # nginx loses the other copies of an address where answers of it name them in another order.
    headers = message["headers"]
    if varies := [value for name, value in headers if name == b"vary"]:
        replace_header(headers, b"vary", _join_varies(b",".join(varies)))


@lru_cache(maxsize=64)
def _join_varies(varies: bytes) -> bytes:
    names = {name.strip() for name in varies.split(b",")}
    if b"Authorization" in names:
        names.add(b"Accept-Encoding")
    return b", ".join(sorted(names))


def _mark_strong_tag(message: Message, returned: bytes) -> None:
    """Add the coding to the strong ETag of an answer: its own, or of a 304 that of the request."""
    headers = message["headers"]
    tag = find_header(headers, b"etag") or b""
    if not tag.startswith(b'"'):
        return
    coding = find_header(headers, b"content-encoding")
    end = b'-%b"' % coding if coding else returned if message["status"] == 304 else b""
    if end:
        marked = tag[:-1] + end
        message["headers"] = [
            (name, marked if name == b"etag" else value) for name, value in message["headers"]
        ]
