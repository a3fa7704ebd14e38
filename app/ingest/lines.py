"""This module reads lines of bounded length, and records of delimited text (CSV and the like).

No line is dropped silently: one that cannot be read becomes a record with an error.
"""

import csv
from collections import deque
from collections.abc import Iterator

from msgspec import Struct

from app.ingest.given import RejectedError
from app.ingest.opened import UTF16, Stream, UnreadableError

MOST = 1 << 20
"""Maximum bytes of a line, and of a record that spans several lines."""
MOST_LINES = 100_000
"""Maximum lines that a record of delimited text may span, including empty ones."""
SHOWN = 300
"""Bytes that are kept of a line that is too long."""
BOM = b"\xef\xbb\xbf"

csv.field_size_limit(MOST)  # the default of 128 KiB is below that of a line


class CutError(RejectedError):
    """A line was truncated, so that it cannot be corrected in a rejects file."""


class Line(Struct, frozen=True, gc=False):
    """A line without its line ending; `wrong` is the error if it cannot be read."""

    number: int
    body: bytes
    wrong: RejectedError | None = None


class Record(Struct, frozen=True, gc=False):
    """A record of delimited text, as cells; `wrong` is the error if it cannot be read."""

    number: int
    cells: list[str]
    raw: str
    wrong: RejectedError | None = None


def lines(stream: Stream, *, blank: bool = False) -> Iterator[Line]:
    """Read the lines of a stream; CR, LF and CRLF may be mixed.

    Empty lines are skipped unless `blank` is set.
    """
    number, carried, readline = 0, b"", stream.readline
    while body := _next(stream, carried) if carried else readline(MOST + 1):
        number += 1
        carried = b""
        if number == 1:
            body = _begun(body)
        if len(body) > MOST:
            if b"\r" in body and not body.endswith(b"\n"):
                cut = body.rindex(b"\r") + 1
                body, carried = body[:cut], body[cut:]
            if len(body) > MOST and not body.endswith((b"\n", b"\r")):
                carried = _after(stream)
                wrong = CutError("", f"the line is longer than {MOST:,} bytes")
                yield Line(number, body[:SHOWN], wrong)
                continue
        body = body.rstrip(b"\r\n")
        if b"\r" not in body and b"\x00" not in body:
            if blank or (body and not body.isspace()):
                yield Line(number, body)
            continue
        for n, part in enumerate(body.split(b"\r")):
            number += n > 0
            if b"\x00" in part:
                yield _of_nul(number, part)
            elif blank or (part and not part.isspace()):
                yield Line(number, part)


def _of_nul(number: int, part: bytes) -> Line:
    """Make a line with the error for a NUL byte; a long line is truncated."""
    # A line full of NULs takes several times its size in a rejects file.
    why = "the line contains a NUL byte"
    if len(part) > MOST // 8:
        return Line(number, part[:SHOWN], CutError("", why))
    return Line(number, part, RejectedError("", why))


def _next(stream: Stream, carried: bytes) -> bytes:
    """Read the next line, of which `carried` was read already."""
    if carried.endswith(b"\n"):
        return carried
    return carried + stream.readline(MOST + 1 - len(carried))


def _after(stream: Stream) -> bytes:
    """Skip the rest of a line that is too long; returns what was read of the next line."""
    while more := stream.readline(1 << 16):
        end = more.find(b"\r")
        if end >= 0:
            rest = more[end + 1 :]
            return b"" if rest == b"\n" else rest
        if more.endswith(b"\n"):
            break
    return b""


def _begun(body: bytes) -> bytes:
    """Strip the byte order mark from the first line.

    Raises `UnreadableFileError` for UTF-16 and UTF-32.
    """
    # Many zero bytes at the beginning mean UTF-16 or UTF-32 without a byte order mark.
    if body.startswith(UTF16) or 4 * body[:40].count(0) > len(body[:40]):
        raise UnreadableError("is UTF-16 or UTF-32; save it as UTF-8 and load it again")
    return body.removeprefix(BOM)


def text(line: Line) -> str:
    """Decode a line as UTF-8; raises `RejectedError` if it is not."""
    try:
        return line.body.decode()
    except UnicodeDecodeError as wrong:
        reason = f"is not UTF-8: byte {line.body[wrong.start]:#04x} at {wrong.start}"
        raise RejectedError("", reason) from wrong


def shown(body: bytes) -> str:
    """Decode bytes for display; invalid bytes and NUL become replacement characters."""
    return body.decode("utf-8", "replace").replace("\x00", "\ufffd")


def unquoted(stream: Stream, separator: str) -> Iterator[Record]:
    """Read records of delimited text in which quotes have no meaning."""
    for line in lines(stream):
        try:
            if line.wrong is not None:
                raise line.wrong
            body = text(line)
            yield Record(line.number, body.split(separator), body)
        except RejectedError as wrong:
            yield Record(line.number, [], shown(line.body), wrong)


def quoted(stream: Stream, separator: str) -> Iterator[Record]:
    """Read records of delimited text whose cells may be quoted and span several lines.

    A quote that is never closed spoils only the line on which it was opened.
    """
    source, waiting = lines(stream, blank=True), deque[Line]()
    while True:
        line = waiting.popleft() if waiting else next(source, None)
        if line is None:
            return
        if line.wrong is None and (not line.body or line.body.isspace()):
            continue
        try:
            if line.wrong is not None:
                raise line.wrong
            body = text(line)
            if not ends_open(body, separator):
                yield Record(line.number, _cells(body, separator), body)
                continue
            joined = _joined(body, separator, source, waiting)
            yield Record(line.number, _cells(joined, separator), joined)
        except RejectedError as wrong:
            yield Record(line.number, [], shown(line.body), wrong)


def _cells(body: str, separator: str) -> list[str]:
    if '"' not in body:
        return body.split(separator)
    try:
        return next(csv.reader([body], delimiter=separator))
    except csv.Error as wrong:
        raise RejectedError("", f"cannot be split into cells: {wrong}") from wrong


def ends_open(body: str, separator: str) -> bool:
    """Return whether a quoted cell is still open at the end of the text."""
    # An even number of quotes means that all are closed: this spares most lines the scan.
    if '"' not in body or body.count('"') % 2 == 0:
        return False
    at = 0
    while at < len(body):
        if body[at] != '"':
            at = body.find(separator, at) + 1
            if at == 0:
                return False
            continue
        at += 1
        while True:
            at = body.find('"', at) + 1
            if at == 0:
                return True
            if body[at : at + 1] != '"':
                break
            at += 1
        at = body.find(separator, at) + 1
        if at == 0:
            return False
    return False


def _joined(body: str, separator: str, source: Iterator[Line], waiting: deque[Line]) -> str:
    """Join a record that spans several lines; raises `RejectedError` if its quote never closes.

    In that case the lines that were read go back to `waiting`.
    """
    taken = list[Line]()
    size, whole, quotes = len(body), [body], body.count('"')
    while size <= MOST and len(taken) < MOST_LINES:
        line = waiting.popleft() if waiting else next(source, None)
        if line is None:
            break
        taken.append(line)
        if line.wrong is not None:
            break
        try:
            whole.append(text(line))
        except RejectedError:
            break
        size += len(line.body)
        quotes += whole[-1].count('"')
        if quotes % 2 == 0 and not ends_open("\n".join(whole), separator):
            return "\n".join(whole)
    waiting.extendleft(reversed(taken))
    raise RejectedError("", "a quote that is opened here is never closed")
