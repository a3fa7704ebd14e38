"""From an opened file to its rows, whatever the format: recognised by content."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from app.events.again import exported, from_document
from app.ingest.digest import digest
from app.ingest.format import Cells, Format, Warn, name_of
from app.ingest.formats import acled, alliances, entente, gdelt, icews, members, polecat, ucdp
from app.ingest.given import Item, RejectedError, from_json
from app.ingest.lines import Record, lines, quoted, shown, unquoted
from app.ingest.opened import Opened, Stream, UnreadableError

FORMATS: Mapping[str, Format] = {
    f.name: f
    for f in (
        entente.TABLE, gdelt.EVENTS_2, gdelt.EVENTS_1, gdelt.MENTIONED, ucdp.GED, acled.EVENTS,
        icews.EVENTS, polecat.EVENTS, members.COW_MEMBERS, alliances.COW_YEARS,
        alliances.ATOP_YEARS, alliances.IDEAL_POINTS,
    )
}  # fmt: skip
"""Every format; a header that fits several means the first of them."""
AUTO = "auto"
SEPARATORS = ("\t", ",", ";", "|", "\x01")


class Filled(dict[str, str]):
    """Cells by column; a column that the file does not have is empty."""

    def __missing__(self, _: str) -> str:
        return ""


class Row(msgspec.Struct, frozen=True, gc=False):
    """A row as it was read: cells by column, or a line of JSON."""

    number: int
    content: Cells | bytes
    wrong: RejectedError | None = None
    raw: str = ""
    """The row as text where it has no cells."""
    format: Format = entente.TABLE
    columns: Sequence[str] = ()
    separator: str = ""


class Reading(NamedTuple):
    """A recognised file: `rows` reads it from its beginning, as often as it is called."""

    format: Format
    rows: Callable[[Stream | None], Iterator[Row]]
    keys: Callable[[Stream | None], Iterator[tuple[str | None, str | None]]] | None = None
    """The key and the day of each row, where they can be had without the rest of it."""


class Reject(msgspec.Struct, omit_defaults=True):
    """A row in the file of rejects: mend `row`, and load the file again."""

    line: int
    field: str
    reason: str
    format: str
    row: Any
    table: bool = False
    """Whether the row has cells of text, by column."""
    columns: list[str] = []
    separator: str = ""


def item(row: Row, warn: Warn) -> Item:
    """What a row tells; raises `RejectedError`."""
    if row.wrong is not None:
        raise row.wrong
    if isinstance(row.content, bytes):
        return from_json(row.content)
    return row.format.given(row.content, warn)


class _Keyed(msgspec.Struct):
    key: str


_keyed = msgspec.json.Decoder(_Keyed)


def key(row: Row) -> str | None:
    """The key of a row within its dataset; None where it has none."""
    if row.wrong is not None:
        return None
    if not isinstance(row.content, bytes):
        return row.format.key(row.content) or None
    try:
        return _keyed.decode(row.content).key
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def signature(row: Row) -> int:
    """A number for the row as it was written; never 0."""
    content = row.content
    body = content if isinstance(content, bytes) else "\x1f".join(content.values()).encode()
    return digest(body) or 1


def fitting(wanted: str) -> Sequence[Format]:
    """The formats that a file may be of."""
    return [FORMATS[wanted]] if wanted != AUTO else list(FORMATS.values())


def recognised(file: Opened, wanted: str = AUTO) -> Reading:
    """The format of a file; raises `UnreadableError` where it is none that we know."""
    with file.open() as stream:
        start = stream.peek(4)[:4]
        if start == b"PAR1":
            from app.ingest.columns import reading  # noqa: PLC0415 - Arrow takes long to import

            return reading(file, fitting(wanted))
        if start == b"PK\x03\x04":
            raise UnreadableError("is a workbook; save its sheet as CSV and load that")
        first = next(iter(lines(stream)), None)
    if first is None:
        return Reading(FORMATS.get(wanted, entente.TABLE), lambda _: iter(()))
    begun = first.body.lstrip()[:1]
    if begun == b"{" and wanted in (AUTO, "entente"):
        if _is_rejects(first.body):
            return Reading(entente.TABLE, _mended)
        return Reading(entente.TABLE, _json_lines)
    if begun == b"[" and wanted in (AUTO, "entente"):
        raise UnreadableError("is a JSON array; write one object a line (NDJSON)")
    return _delimited(file, wanted)


def _delimited(file: Opened, wanted: str) -> Reading:
    for separator in SEPARATORS:
        for quotes in (True, False):
            with file.open() as stream:
                split = quoted if quotes else unquoted
                record = next(split(stream, separator), None)
            if record is None or record.wrong is not None or len(record.cells) < 3:
                continue
            names = {name_of(cell) for cell in record.cells}
            for f in fitting(wanted):
                quoting = f.quotes or separator not in "\t\x01"
                if quoting == quotes and any(needed <= names for needed in f.header):
                    return _gathered(_table(f, separator, quotes, record.cells))
                if quoting == quotes and f.looks(record.cells):
                    return _table(f, separator, quotes, None)
    known = ", ".join(FORMATS)
    what = f"is not {wanted}" if wanted != AUTO else f"is none of the formats known: {known}"
    raise UnreadableError(f"{what}; neither its columns nor its first row tell")


def _gathered(reading: Reading) -> Reading:
    """Members of alliances as the dyad-years that they make; every other format as it is."""
    if reading.format is not members.COW_MEMBERS:
        return reading

    def rows(stream: Stream | None) -> Iterator[Row]:
        held = members.Members()
        for row in reading.rows(stream):
            try:
                if row.wrong is not None:
                    raise row.wrong
                assert not isinstance(row.content, bytes)
                held.add(row.content)
            except RejectedError as wrong:
                yield msgspec.structs.replace(row, wrong=wrong.with_traceback(None))
        for number, cells in enumerate(held.years(), 1):
            yield Row(number, Filled(cells), None, "", alliances.COW_YEARS)

    return Reading(alliances.COW_YEARS, rows)


def _table(format_: Format, separator: str, quotes: bool, header: Sequence[str] | None) -> Reading:
    """Rows of delimited text. Headers, also repeated ones, and rows of HXL tags are no rows."""
    split = quoted if quotes else unquoted
    names = None if header is None else tuple(name_of(cell) for cell in header)
    by_length = {len(c): c for c in format_.columns} if names is None else {len(names): names}
    expected, likely = " or ".join(map(str, by_length)), next(iter(by_length.values()))

    def rows(stream: Stream | None) -> Iterator[Row]:
        assert stream is not None
        for record in split(stream, separator):
            columns = by_length.get(len(record.cells))
            if record.wrong is not None:
                yield Row(record.number, {}, record.wrong, record.raw, format_, likely, separator)
            elif columns is None:
                wrong = RejectedError("", f"has {len(record.cells)} cells where {expected} belong")
                yield Row(record.number, {}, wrong, record.raw, format_, likely, separator)
            elif not _is_heading(record, columns):
                content = Filled(zip(columns, record.cells, strict=True))
                yield Row(record.number, content, None, "", format_)

    picks = {n: _pick(columns, format_.told) for n, columns in by_length.items()}

    def keys(stream: Stream | None) -> Iterator[tuple[str | None, str | None]]:
        assert stream is not None
        for record in split(stream, separator):
            columns = by_length.get(len(record.cells))
            if record.wrong is not None or columns is None:
                yield None, None
            elif not _is_heading(record, columns):
                pick = picks[len(columns)]
                told = Filled(zip(format_.told, pick(record.cells), strict=True))
                yield format_.key(told) or None, format_.day(told) if format_.day else None

    return Reading(format_, rows, keys if format_.told else None)


def _pick(
    columns: Sequence[str], wanted: Sequence[str]
) -> Callable[[Sequence[str]], Iterable[str]]:
    """What takes the cells of some columns out of a row; of one that is not there, an empty one."""
    held = {name: n for n, name in enumerate(columns)}
    at = [held.get(name) for name in wanted]
    whole = [n for n in at if n is not None]
    if len(whole) == len(wanted) > 1:
        return itemgetter(*whole)
    return lambda cells: ["" if n is None else cells[n] for n in at]


def _is_heading(record: Record, columns: Sequence[str]) -> bool:
    first = record.cells[0]
    if first[:1].isdigit():
        return False
    if name_of(first) == columns[0] and name_of(record.cells[1]) == columns[1]:
        return True
    filled = [cell for cell in record.cells if cell.strip()]
    return bool(filled) and all(cell.startswith("#") for cell in filled)


def _json_lines(stream: Stream | None) -> Iterator[Row]:
    assert stream is not None
    for line in lines(stream):
        told = "" if line.wrong is None else shown(line.body)
        yield Row(line.number, _as_given(line.body), line.wrong, told)


def _as_given(line: bytes) -> bytes:
    """A line in the load format; an event that was exported is brought back to it."""
    if not line.startswith(b'{"id":'):
        return line
    try:
        values = json.loads(line)
        return msgspec.json.encode(from_document(values)) if exported(values) else line
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return line  # whoever reads it says what is wrong with it


_reject = msgspec.json.Decoder(Reject)


def _is_rejects(line: bytes) -> bool:
    try:
        return _reject.decode(line).format in FORMATS
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def _mended(stream: Stream | None) -> Iterator[Row]:
    """Rows of a file of rejects, each of the format that it came from."""
    assert stream is not None
    for line in lines(stream):
        if line.wrong is not None:
            yield Row(line.number, line.body, line.wrong, shown(line.body))
            continue
        try:
            yield _again(line.number, _reject.decode(line.body))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError) as wrong:
            reason = RejectedError("", f"is no row of a file of rejects: {str(wrong)[:200]}")
            yield Row(line.number, line.body, reason, shown(line.body))


def _again(number: int, given: Reject) -> Row:
    format_ = FORMATS[given.format]
    if isinstance(given.row, dict) and given.table:
        content = Filled((name, str(value)) for name, value in given.row.items())
        return Row(number, content, None, "", format_)
    if isinstance(given.row, dict):
        return Row(number, msgspec.json.encode(given.row), None, "", format_)
    body = str(given.row)
    if not given.separator:
        return Row(number, body.encode(), None, "", format_)
    cells = body.split(given.separator)
    if len(cells) != len(given.columns):
        wrong = RejectedError("", f"has {len(cells)} cells where {len(given.columns)} belong")
        return Row(number, {}, wrong, body, format_)
    return Row(number, Filled(zip(given.columns, cells, strict=True)), None, "", format_)
