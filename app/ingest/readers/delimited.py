"""This module reads lines of bounded length, and records of delimited text (CSV and the like).

No line is dropped silently: one that cannot be read becomes a record with an error.
"""

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator

from msgspec import Struct

from app.events.record import RejectedError
from app.ingest.formats.errors import UnreadableFileError
from app.ingest.readers.files import UTF16_MARKS, InputStream

MAX_LINE_BYTES = 1 << 20
"""Maximum bytes of a line, and of a record that spans several lines."""
MAX_RECORD_LINES = 100_000
"""Maximum lines that a record of delimited text may span, including empty ones."""
TRUNCATED_BYTES = 300
"""Bytes that are kept of a line that is too long."""
UTF8_MARK = b"\xef\xbb\xbf"
_SEPARATOR_LINE = re.compile(rb'"?sep=.?"?', re.IGNORECASE)
"""The first line that names the separator for Excel; the rows themselves show it."""

csv.field_size_limit(MAX_LINE_BYTES)  # the default of 128 KiB is below that of a line


class TruncatedLineError(RejectedError):
    """A line was truncated, so that it cannot be corrected in a rejects file."""


class TextLine(Struct, frozen=True, gc=False):
    """A line without its line ending; `wrong` is the error if it cannot be read."""

    number: int
    body: bytes
    wrong: RejectedError | None = None


class DelimitedRecord(Struct, frozen=True, gc=False):
    """A record of delimited text, as cells; `wrong` is the error if it cannot be read."""

    number: int
    cells: list[str]
    raw: str
    wrong: RejectedError | None = None


LineDecoding = Callable[[TextLine], str]
"""A function that decodes a line; it raises `RejectedError`."""


def read_text_lines(stream: InputStream, *, blank: bool = False) -> Iterator[TextLine]:
    """Read the lines of a stream; CR, LF and CRLF may be mixed.

    Empty lines are skipped unless `blank` is set.
    """
    number, carried, readline = 0, b"", stream.readline
    while body := _read_next(stream, carried) if carried else readline(MAX_LINE_BYTES + 1):
        number += 1
        carried = b""
        if number == 1:
            body = _strip_byte_order_mark(body)
        if len(body) > MAX_LINE_BYTES:
            if b"\r" in body and not body.endswith(b"\n"):
                cut = body.rindex(b"\r") + 1
                body, carried = body[:cut], body[cut:]
            if len(body) > MAX_LINE_BYTES and not body.endswith((b"\n", b"\r")):
                carried = _skip_line(stream)
                wrong = TruncatedLineError("", f"the line is longer than {MAX_LINE_BYTES:,} bytes")
                yield TextLine(number, body[:TRUNCATED_BYTES], wrong)
                continue
        body = body.rstrip(b"\r\n")
        if number == 1 and _SEPARATOR_LINE.fullmatch(body):
            continue
        if b"\r" not in body and b"\x00" not in body:
            if blank or (body and not body.isspace()):
                yield TextLine(number, body)
            continue
        for n, part in enumerate(body.split(b"\r")):
            number += n > 0
            if number == 1 and _SEPARATOR_LINE.fullmatch(part):
                continue
            if b"\x00" in part:
                yield _make_nul_line(number, part)
            elif blank or (part and not part.isspace()):
                yield TextLine(number, part)


def _make_nul_line(number: int, part: bytes) -> TextLine:
    """Make a line with the error for a NUL byte; a long line is truncated."""
    # A line full of NULs takes several times its size in a rejects file.
    why = "the line contains a NUL byte"
    if len(part) > MAX_LINE_BYTES // 8:
        return TextLine(number, part[:TRUNCATED_BYTES], TruncatedLineError("", why))
    return TextLine(number, part, RejectedError("", why))


def _read_next(stream: InputStream, carried: bytes) -> bytes:
    """Read the next line, of which `carried` was read already."""
    if carried.endswith(b"\n"):
        return carried
    return carried + stream.readline(MAX_LINE_BYTES + 1 - len(carried))


def _skip_line(stream: InputStream) -> bytes:
    """Skip the rest of a line that is too long; returns what was read of the next line."""
    while more := stream.readline(1 << 16):
        end = more.find(b"\r")
        if end >= 0:
            rest = more[end + 1 :]
            return b"" if rest == b"\n" else rest
        if more.endswith(b"\n"):
            break
    return b""


def _strip_byte_order_mark(body: bytes) -> bytes:
    """Strip the byte order mark from the first line.

    Raises `UnreadableFileError` for UTF-16 and UTF-32.
    """
    # Many zero bytes at the beginning mean UTF-16 or UTF-32 without a byte order mark.
    if body.startswith(UTF16_MARKS) or 4 * body[:40].count(0) > len(body[:40]):
        raise UnreadableFileError(
            "is UTF-16 without its mark, or UTF-32; save it as UTF-8 and load it again"
        )
    return body.removeprefix(UTF8_MARK)


def decode_text_line(line: TextLine) -> str:
    """Decode a line as UTF-8; raises `RejectedError` if it is not."""
    try:
        return line.body.decode()
    except UnicodeDecodeError as wrong:
        reason = f"is not UTF-8: byte {line.body[wrong.start]:#04x} at {wrong.start}"
        raise RejectedError("", reason) from wrong


def decode_leniently(body: bytes) -> str:
    """Decode bytes for display; invalid bytes and NUL become replacement characters."""
    return body.decode("utf-8", "replace").replace("\x00", "\ufffd")


def read_unquoted_records(
    stream: InputStream, separator: str, decode: LineDecoding = decode_text_line
) -> Iterator[DelimitedRecord]:
    """Read records of delimited text in which quotes have no meaning."""
    for line in read_text_lines(stream):
        try:
            if line.wrong is not None:
                raise line.wrong
            body = decode(line)
            yield DelimitedRecord(line.number, body.split(separator), body)
        except RejectedError as wrong:
            yield DelimitedRecord(line.number, [], decode_leniently(line.body), wrong)


def read_quoted_records(
    stream: InputStream, separator: str, decode: LineDecoding = decode_text_line
) -> Iterator[DelimitedRecord]:
    """Read records of delimited text whose cells may be quoted and span several lines.

    A quote that is never closed spoils only the line on which it was opened.
    """
    source, waiting = read_text_lines(stream, blank=True), deque[TextLine]()
    while True:
        line = waiting.popleft() if waiting else next(source, None)
        if line is None:
            return
        if line.wrong is None and (not line.body or line.body.isspace()):
            continue
        try:
            if line.wrong is not None:
                raise line.wrong
            body = decode(line)
            if not has_open_quote(body, separator):
                yield DelimitedRecord(line.number, _split_cells(body, separator), body)
                continue
            joined = _join_lines(body, separator, source, waiting, decode)
            yield DelimitedRecord(line.number, _split_cells(joined, separator), joined)
        except RejectedError as wrong:
            yield DelimitedRecord(line.number, [], decode_leniently(line.body), wrong)


def _split_cells(body: str, separator: str) -> list[str]:
    if '"' not in body:
        return body.split(separator)
    try:
        return next(csv.reader([body], delimiter=separator))
    except csv.Error as wrong:
        raise RejectedError("", f"cannot be split into cells: {wrong}") from wrong


def has_open_quote(body: str, separator: str) -> bool:
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


def _join_lines(
    body: str,
    separator: str,
    source: Iterator[TextLine],
    waiting: deque[TextLine],
    decode: LineDecoding,
) -> str:
    """Join a record that spans several lines; raises `RejectedError` if its quote never closes.

    In that case the lines that were read go back to `waiting`.
    """
    taken = list[TextLine]()
    size, whole, quotes = len(body), [body], body.count('"')
    while size <= MAX_LINE_BYTES and len(taken) < MAX_RECORD_LINES:
        line = waiting.popleft() if waiting else next(source, None)
        if line is None:
            break
        taken.append(line)
        if line.wrong is not None:
            break
        try:
            whole.append(decode(line))
        except RejectedError:
            break
        size += len(line.body)
        quotes += whole[-1].count('"')
        if quotes % 2 == 0 and not has_open_quote("\n".join(whole), separator):
            return "\n".join(whole)
    waiting.extendleft(reversed(taken))
    raise RejectedError("", "a quote that is opened here is never closed")
