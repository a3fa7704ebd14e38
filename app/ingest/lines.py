"""Lines of bounded length, and the records of delimited text. Every line ends up in a row."""

import csv
from collections import deque
from collections.abc import Iterator

from msgspec import Struct

from app.ingest.given import RejectedError
from app.ingest.opened import UTF16, Stream, UnreadableError

MOST = 1 << 20
"""Bytes of a line, and of a record that runs over several lines."""
MOST_LINES = 100_000
"""Lines that a record of delimited text may run over, empty ones counted."""
SHOWN = 300
BOM = b"\xef\xbb\xbf"

csv.field_size_limit(MOST)


class CutError(RejectedError):
    """A line of which only the beginning is kept: it cannot be mended where it stands."""


class Line(Struct, frozen=True, gc=False):
    """A line without its end; `wrong` says why it cannot be read."""

    number: int
    body: bytes
    wrong: RejectedError | None = None


class Record(Struct, frozen=True, gc=False):
    """The cells of a row of delimited text."""

    number: int
    cells: list[str]
    raw: str
    wrong: RejectedError | None = None


def lines(stream: Stream, *, blank: bool = False) -> Iterator[Line]:
    """The lines of a stream, empty ones only where `blank`; CR, LF and CRLF may be mixed."""
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
    """A line with a NUL, whole if it can be mended: as a reject it takes several times its size."""
    why = "the line holds a NUL byte"
    if len(part) > MOST // 8:
        return Line(number, part[:SHOWN], CutError("", why))
    return Line(number, part, RejectedError("", why))


def _next(stream: Stream, carried: bytes) -> bytes:
    """The next line, of which some may have been read."""
    if carried.endswith(b"\n"):
        return carried
    return carried + stream.readline(MOST + 1 - len(carried))


def _after(stream: Stream) -> bytes:
    """What was read of the next line in looking for the end of this one."""
    while more := stream.readline(1 << 16):
        end = more.find(b"\r")
        if end >= 0:
            rest = more[end + 1 :]
            return b"" if rest == b"\n" else rest
        if more.endswith(b"\n"):
            break
    return b""


def _begun(body: bytes) -> bytes:
    """The first line without a mark; UTF-16 and UTF-32 are refused as a whole."""
    if body.startswith(UTF16) or 4 * body[:40].count(0) > len(body[:40]):
        raise UnreadableError("is UTF-16 or UTF-32; save it as UTF-8 and load it again")
    return body.removeprefix(BOM)


def text(line: Line) -> str:
    """A line as text; raises `RejectedError` where it is not UTF-8."""
    try:
        return line.body.decode()
    except UnicodeDecodeError as wrong:
        reason = f"is not UTF-8: byte {line.body[wrong.start]:#04x} at {wrong.start}"
        raise RejectedError("", reason) from wrong


def shown(body: bytes) -> str:
    """Bytes as text that can be told, whatever they are."""
    return body.decode("utf-8", "replace").replace("\x00", "\ufffd")


def unquoted(stream: Stream, separator: str) -> Iterator[Record]:
    """Records of text that has no quoting at all."""
    for line in lines(stream):
        try:
            if line.wrong is not None:
                raise line.wrong
            body = text(line)
            yield Record(line.number, body.split(separator), body)
        except RejectedError as wrong:
            yield Record(line.number, [], shown(line.body), wrong)


def quoted(stream: Stream, separator: str) -> Iterator[Record]:
    """Records of text whose cells may be quoted and run over several lines.

    A quote that is never closed takes only the line on which it was opened with it.
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
    """Whether a quoted cell is still open at the end of the text."""
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
    """A record with the lines it runs over; the lines go back to `waiting` if it never closes."""
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
