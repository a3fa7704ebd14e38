"""This module recognizes the format of a file by its content and reads its rows."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import NamedTuple

import msgspec
from pydantic import TypeAdapter

from app.events.again import exported, from_document
from app.ingest.format import Format, name_of
from app.ingest.formats import acled, alliances, entente, gdelt, icews, members, polecat, ucdp
from app.ingest.given import RejectedError
from app.ingest.lines import CutError, Record, lines, quoted, shown, text, unquoted
from app.ingest.opened import Opened, Stream, UnreadableError
from app.ingest.row import Filled, Reject, Row, cells, layout
from app.text import Code

FORMATS: Mapping[str, Format] = {
    f.name: f
    for f in (
        entente.TABLE, gdelt.EVENTS_2, gdelt.EVENTS_1, gdelt.MENTIONED, ucdp.GED, acled.EVENTS,
        icews.EVENTS, polecat.EVENTS, members.COW_MEMBERS, alliances.COW_YEARS,
        alliances.ATOP_YEARS, alliances.IDEAL_POINTS,
    )
}  # fmt: skip
"""All formats by name; a header that fits several is of the first of them."""
AUTO = "auto"
SEPARATORS = ("\t", ",", ";", "|", "\x01")
LOOKED_AT = 100
"""Rows at the beginning of a file that are searched for the format."""
FEWEST = 3
"""Fewest cells of a row from which a format can be recognized."""


class Reading(NamedTuple):
    """A file of a known format; `read_rows` reads it from its beginning and may be called again."""

    format: Format
    rows: Callable[[Stream | None], Iterator[Row]]
    mended: bool = False
    """Whether it is a rejects file, in which each row names its format and dataset."""


def fitting(wanted: str) -> Sequence[Format]:
    """List the formats that a file may have: the one asked for, or all."""
    return [FORMATS[wanted]] if wanted != AUTO else list(FORMATS.values())


def recognised(file: Opened, wanted: str = AUTO) -> Reading:
    """Recognize the format of a file; raises `UnreadableFileError` if it is unknown."""
    with file.open() as stream:
        start = stream.peek(4)[:4]
        if start == b"PAR1":
            from app.ingest.columns import reading  # noqa: PLC0415 - Arrow takes long to import

            return reading(file, fitting(wanted))
        if start == b"PK\x03\x04":
            raise UnreadableError("is an archive within an archive; unpack it and load that")
        bodies = [line.body.lstrip() for line in islice(lines(stream), LOOKED_AT)]
    if not bodies:
        return Reading(FORMATS.get(wanted, entente.TABLE), lambda _: iter(()))
    of_json = [body for body in bodies if body.startswith(b"{")] if _may_be_json(wanted) else []
    if of_json and of_json[0] is bodies[0]:
        return _of_json(of_json[0])
    if bodies[0].startswith(b"[") and _may_be_json(wanted):
        raise UnreadableError("is a JSON array; write one object per line (NDJSON)")
    found = _delimited(file, wanted)
    if found is not None:
        return found
    if of_json:
        return _of_json(of_json[0])
    what = f"is not {wanted}" if wanted != AUTO else "is of no known format"
    known = f"; known: {', '.join(FORMATS)}" if wanted == AUTO else ""
    raise UnreadableError(f"{what}: neither its columns nor its first rows match{known}")


def _may_be_json(wanted: str) -> bool:
    return wanted in (AUTO, "entente")


def _of_json(line: bytes) -> Reading:
    if _is_rejects(line):
        return Reading(entente.TABLE, _mended, mended=True)
    return Reading(entente.TABLE, _json_lines)


def _delimited(file: Opened, wanted: str) -> Reading | None:
    """Recognize delimited text by its first row, or else by the first of some rows that fits.

    Rows before that one are rejected later. If the caller named the format, a row with the right
    number of cells is accepted as the last resort.
    """
    steps = [(1, False), (LOOKED_AT, False), *([(LOOKED_AT, True)] if wanted != AUTO else [])]
    for most, by_count in steps:
        for separator, quotes in product(SEPARATORS, (True, False)):
            fits = [f for f in fitting(wanted) if (f.quotes or separator not in "\t\x01") == quotes]
            with file.open() as stream:
                split = (quoted if quotes else unquoted)(stream, separator)
                first = None
                for record in islice(split, most):
                    # A first row as wide as this one may be the header of another format.
                    likely = first != len(record.cells) or wanted != AUTO
                    first = len(record.cells) if first is None else first
                    by = (likely, by_count)
                    found = _of_record(record, fits, separator, quotes, by)
                    if found is not None:
                        return found
    return None


def _of_record(
    record: Record, fits: Sequence[Format], separator: str, quotes: bool, by: tuple[bool, bool]
) -> Reading | None:
    by_look, by_count = by
    if record.wrong is not None or len(record.cells) < FEWEST:
        return None
    names = {name_of(cell) for cell in record.cells}
    for f in fits:
        if any(needed <= names for needed in f.header):
            return _gathered(_table(f, separator, quotes, record.cells))
        as_wide = by_count and len(record.cells) in map(len, f.columns)
        if as_wide or (by_look and f.looks(record.cells)):
            return _table(f, separator, quotes, None)
    return None


def _gathered(reading: Reading) -> Reading:
    """Convert rows of alliance members to rows of dyad-years; other formats are unchanged."""
    if reading.format is not members.COW_MEMBERS:
        return reading

    def rows(stream: Stream | None) -> Iterator[Row]:
        held = members.Members()
        for row in reading.rows(stream):
            try:
                if row.wrong is not None:
                    raise row.wrong
                held.add(cells(row))
            except RejectedError as wrong:
                yield msgspec.structs.replace(row, wrong=wrong.with_traceback(None))
        for number, year in enumerate(held.years(), 1):
            yield Row(number, Filled(year), None, "", alliances.COW_YEARS)

    return Reading(alliances.COW_YEARS, rows)


def _table(format_: Format, separator: str, quotes: bool, header: Sequence[str] | None) -> Reading:
    """Make the reader of delimited text; it skips all headers and rows of HXL tags."""
    names = None if header is None else tuple(name_of(cell) for cell in header)
    every = format_.columns if names is None else (names,)
    layouts = {len(columns): layout(format_, columns, separator) for columns in every}
    expected, likely = " or ".join(map(str, layouts)), next(iter(layouts.values()))

    def refused(number: int, wrong: RejectedError, raw: str) -> Row:
        told = None if isinstance(wrong, CutError) else likely
        return Row(number, {}, wrong, raw, format_, told)

    def miscounted(number: int, count: int, raw: str) -> Row:
        return refused(number, RejectedError("", f"has {count} cells; expected {expected}"), raw)

    def of_records(stream: Stream | None) -> Iterator[Row]:
        assert stream is not None
        for record in quoted(stream, separator):
            laid = layouts.get(len(record.cells))
            if record.wrong is not None:
                yield refused(record.number, record.wrong, record.raw)
            elif laid is None:
                yield miscounted(record.number, len(record.cells), record.raw)
            elif not _is_heading(record.cells, laid.columns):
                content = Filled(zip(laid.columns, record.cells, strict=True))
                yield Row(record.number, content, None, "", format_)

    def of_lines(stream: Stream | None) -> Iterator[Row]:
        assert stream is not None
        for line in lines(stream):
            try:
                if line.wrong is not None:
                    raise line.wrong
                body = text(line)
            except RejectedError as wrong:
                yield refused(line.number, wrong, shown(line.body))
                continue
            laid = layouts.get(body.count(separator) + 1)
            if laid is None:
                yield miscounted(line.number, body.count(separator) + 1, body)
            elif body[:1].isdigit() or not _is_heading(body.split(separator), laid.columns):
                yield Row(line.number, body, None, "", format_, laid)

    return Reading(format_, of_records if quotes else of_lines)


def _is_heading(told: Sequence[str], columns: Sequence[str]) -> bool:
    first = told[0]
    if first[:1].isdigit():
        return False
    if name_of(first) == columns[0] and name_of(told[1]) == columns[1]:
        return True
    filled = [cell for cell in told if cell.strip()]
    return bool(filled) and all(cell.startswith("#") for cell in filled)


def _json_lines(stream: Stream | None) -> Iterator[Row]:
    assert stream is not None
    for line in lines(stream):
        told = "" if line.wrong is None else shown(line.body)
        yield Row(line.number, _as_given(line.body), line.wrong, told)


def _as_given(line: bytes) -> bytes:
    """Convert a line that was exported to the load format; other lines are unchanged."""
    if not line.startswith(b'{"id":'):
        return line
    try:
        values = json.loads(line)
        return msgspec.json.encode(from_document(values)) if exported(values) else line
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return line  # decoding it later reports the error


_reject = msgspec.json.Decoder(Reject)
_CODE = TypeAdapter(Code)


def _is_rejects(line: bytes) -> bool:
    try:
        return _reject.decode(line).format in FORMATS
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def _mended(stream: Stream | None) -> Iterator[Row]:
    """Read the rows of a rejects file, each in the format that it came from."""
    assert stream is not None
    for line in lines(stream):
        if line.wrong is not None:
            yield Row(line.number, line.body, line.wrong, shown(line.body))
            continue
        try:
            given = _reject.decode(line.body)
            dataset = _CODE.validate_python(given.dataset) if given.dataset else ""
            yield msgspec.structs.replace(_again(line.number, given), dataset=dataset)
        except (msgspec.MsgspecError, ValueError, RecursionError, KeyError) as wrong:
            reason = RejectedError("", f"is not a row of a rejects file: {str(wrong)[:200]}")
            yield Row(line.number, line.body, reason, shown(line.body))


def _again(number: int, given: Reject) -> Row:
    format_ = FORMATS[given.format]
    if isinstance(given.row, dict) and (given.table or format_ is not entente.TABLE):
        content = Filled((name, str(value)) for name, value in given.row.items())
        return Row(number, content, None, "", format_)
    if isinstance(given.row, dict):
        return Row(number, msgspec.json.encode(given.row), None, "", format_)
    body = str(given.row)
    if not given.separator and format_ is not entente.TABLE:
        wrong = RejectedError("", "is only the beginning of a row; correct the original file")
        return Row(number, {}, wrong, body, format_)
    if not given.separator:
        return Row(number, body.encode(), None, "", format_)
    told = body.split(given.separator)
    if len(told) != len(given.columns):
        wrong = RejectedError("", f"has {len(told)} cells; expected {len(given.columns)}")
        return Row(number, {}, wrong, body, format_)
    return Row(number, Filled(zip(given.columns, told, strict=True)), None, "", format_)
