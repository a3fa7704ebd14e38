"""This module reads rows from JSON: answers of APIs, arrays, and objects one after the other."""

import codecs
import json
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from itertools import count
from typing import NamedTuple

import msgspec

from app.events.record import RejectedError
from app.ingest.formats import entente
from app.ingest.formats.errors import UnreadableFileError
from app.ingest.formats.file_format import FileFormat, normalize_column_name
from app.ingest.readers.delimited import MAX_LINE_BYTES, decode_leniently, read_text_lines
from app.ingest.readers.files import InputFile, InputStream
from app.ingest.readers.recognized_file import RecognizedFile, RowReader
from app.ingest.readers.rows import FilledCells, InputRow, convert_exported_line

CHUNK_BYTES = 1 << 16
"""Bytes that are read at once."""
_ROW_LISTS = ("data", "result", "results", "items", "records", "rows", "features")
"""Fields in which APIs answer with rows, in lower case: ACLED's, UCDP's, those of map services."""
_ENVELOPES = (*_ROW_LISTS, "response", "payload", "body")
"""Fields whose object has such a field, in lower case."""
_FEATURE_ROWS = ("properties", "attributes")
"""Fields in which a feature of GeoJSON or of ArcGIS has its row."""
BY_COLUMN_REASON = "is JSON by columns; write it by rows, with pandas as to_json(orient='records')"
_BLANKS = " \t\r\n"


class JsonRow(NamedTuple):
    """An object of a JSON document, with what to warn about."""

    values: dict[str, object]
    is_listed: bool
    """Whether it is of an array, or of the rows that an API answered with."""
    note: str = ""


class _JsonText:
    """The text of a JSON document, of which little more than one value is in memory."""

    def __init__(self, stream: InputStream) -> None:
        self._stream, self._text, self._at = stream, "", 0
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._read_value = json.JSONDecoder().raw_decode
        self._is_ended = False

    def peek(self) -> str:
        """Return the next character that is no blank; empty at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _BLANKS:
                    return self._text[self._at]
                self._at += 1
            if not self._fill():
                return ""

    def skip(self, expected: str) -> None:
        """Skip a character; raises ValueError if another one follows."""
        if (found := self.peek()) != expected:
            raise ValueError(f"{expected!r} is expected before {found or 'the end'!r}")
        self._at += 1

    def read_value(self) -> object:
        """Read a whole value; raises ValueError if there is none, or if it is too long."""
        self.peek()
        while True:
            try:
                value, end = self._read_value(self._text, self._at)
                if end < len(self._text) or not self._fill():
                    self._at = end
                    return value
            except ValueError:
                if len(self._text) - self._at > MAX_LINE_BYTES or not self._fill():
                    raise

    def _fill(self) -> bool:
        """Read more text; return False at the end."""
        if self._is_ended:
            return False
        part = self._stream.read(CHUNK_BYTES)
        self._is_ended = not part
        self._text = self._text[self._at :] + self._decoder.decode(part, final=not part)
        self._at = 0
        return True


def read_json_objects(stream: InputStream) -> Iterator[JsonRow]:
    """Read the objects of a JSON document in their order; raises `UnreadableFileError`."""
    text, number = _JsonText(stream), 0
    try:
        while text.peek():
            for row in _read_rows(text, is_listed=False):
                yield row
                number += 1
    except (ValueError, RecursionError) as wrong:
        raise UnreadableFileError(f"is not JSON after object {number}: {wrong}") from wrong


def _read_rows(text: _JsonText, *, is_listed: bool, note: str = "") -> Iterator[JsonRow]:
    if text.peek() == "[":
        text.skip("[")
        while text.peek() != "]":
            yield from _read_rows(text, is_listed=True, note=note)
            note = ""
            if text.peek() != "]":
                text.skip(",")
        text.skip("]")
    elif text.peek() == "{":
        yield from _read_object(text, is_listed, note)
    else:
        raise ValueError(f"an object is expected, not {text.peek()!r}")


def _read_object(text: _JsonText, is_listed: bool, note: str) -> Iterator[JsonRow]:
    """Read an object, or the rows in it if it is the answer of an API."""
    text.skip("{")
    values: dict[str, object] = {}
    has_rows = False
    while text.peek() != "}":
        name = text.read_value()
        if not isinstance(name, str):
            raise ValueError(f"the name of a field is expected, not {str(name)[:40]}")
        text.skip(":")
        if name.lower() in _ROW_LISTS and text.peek() == "[":
            has_rows = True
            yield from _read_rows(text, is_listed=True, note=_describe_page(values))
        elif name.lower() in _ENVELOPES and text.peek() == "{":
            has_rows = True
            yield from _read_object(text, is_listed=True, note=note)
        else:
            values[name] = text.read_value()
            has_rows |= name.lower() in _ROW_LISTS and values[name] is None
        if text.peek() != "}":
            text.skip(",")
    text.skip("}")
    if not has_rows:
        yield JsonRow(_read_feature(values), is_listed, note)


def _read_feature(values: dict[str, object]) -> dict[str, object]:
    """Return the row of a feature of a map, with its point; other objects as they are."""
    row = next((row for n in _FEATURE_ROWS if isinstance(row := values.get(n), dict)), None)
    if row is None or not values.keys() <= {*_FEATURE_ROWS, "type", "geometry", "id", "bbox"}:
        return values
    point = values.get("geometry")
    if not isinstance(point, dict) or point.get("type") != "Point":
        return dict(row)
    place = point.get("coordinates")
    if not (isinstance(place, list) and len(place) > 1) or any(
        normalize_column_name(name) == "latitude" for name in row
    ):
        return dict(row)
    return {**row, "longitude": place[0], "latitude": place[1]}


def _describe_page(answer: Mapping[str, object]) -> str:
    """Describe a page of several; empty if the answer is whole."""
    pages = answer.get("TotalPages")
    return f"is one of {pages} pages of an answer" if isinstance(pages, int) and pages > 1 else ""


def recognize_json_table(
    file: InputFile, formats: Sequence[FileFormat], refuse: Callable[[Set[str]], None]
) -> RecognizedFile | None:
    """Recognize rows of a format in JSON; None if the file has lines of the format entente.

    `refuse` raises for the columns of a file that is known but not loaded.
    """
    with file.open() as stream:
        try:
            first = next(read_json_objects(stream), None)
        except UnreadableFileError:
            with file.open() as again:
                begun = again.peek(20).lstrip()
            if begun.startswith((b'{"columns":', b'{"index":')):
                raise UnreadableFileError(BY_COLUMN_REASON) from None
            if not begun.startswith(b"["):
                return None
            raise
    if first is None:
        return RecognizedFile(entente.ENTENTE_FORMAT, lambda _: iter(()))
    if _is_table_by_column(first.values):
        raise UnreadableFileError(BY_COLUMN_REASON)
    names = {normalize_column_name(name) for name in first.values}
    format_ = next((f for f in formats if any(needed <= names for needed in f.header)), None)
    if format_ is entente.ENTENTE_FORMAT and not first.is_listed:
        return None
    if format_ is not None and first.is_listed:
        return RecognizedFile(format_, _make_document_reader(format_))
    if format_ is not None:
        with file.open() as stream:
            by_line = _is_whole_object(next(read_text_lines(stream)).body)
        return RecognizedFile(
            format_, (_make_line_reader if by_line else _make_document_reader)(format_)
        )
    refuse(names)
    said = first.values.get("error") or first.values.get("message")
    if said and not first.is_listed:
        text = said if isinstance(said, str) else json.dumps(said)
        raise UnreadableFileError(f"is an error that an API answered, not data: {text[:200]}")
    if first.is_listed:
        fields = ", ".join(list(first.values)[:8])
        raise UnreadableFileError(f"is JSON of no known format; the fields of its rows: {fields}")
    return None


def _is_table_by_column(values: Mapping[str, object]) -> bool:
    """Return whether an object is a table as pandas writes it by default."""
    columns = values.values()
    return len(values) > 2 and all(isinstance(c, dict) and "0" in c for c in columns)


def _make_document_reader(format_: FileFormat) -> RowReader:
    """Make the reader of one document, which has to be whole."""

    def read_document(stream: InputStream | None) -> Iterator[InputRow]:
        assert stream is not None
        for number, row in zip(count(1), read_json_objects(stream), strict=False):
            yield _make_row(number, row, format_)

    return read_document


def _make_line_reader(format_: FileFormat) -> RowReader:
    """Make the reader of lines that are objects; a line that is none is rejected alone."""

    def read_lines(stream: InputStream | None) -> Iterator[InputRow]:
        assert stream is not None
        for line in read_text_lines(stream):
            values, wrong = None, line.wrong
            if wrong is None:
                try:
                    values = _line_decoder.decode(line.body)
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as malformed:
                    wrong = RejectedError("", f"is not an object of JSON: {str(malformed)[:200]}")
            if values is None:
                yield InputRow(line.number, {}, wrong, decode_leniently(line.body), format_)
            else:
                yield _make_row(line.number, JsonRow(values, False), format_)

    return read_lines


_line_decoder = msgspec.json.Decoder(dict[str, object])


def _is_whole_object(line: bytes) -> bool:
    try:
        return isinstance(_line_decoder.decode(line), dict)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def _make_row(number: int, row: JsonRow, format_: FileFormat) -> InputRow:
    if format_ is entente.ENTENTE_FORMAT:
        return InputRow(number, convert_exported_line(msgspec.json.encode(row.values)))
    notes = (("", row.note),) if row.note else ()
    cells = FilledCells((normalize_column_name(n), _write_cell(v)) for n, v in row.values.items())
    try:
        "".join(cells.values()).encode()
    except UnicodeEncodeError:
        wrong = RejectedError("", "has half of a surrogate pair")
        return InputRow(number, {}, wrong, json.dumps(row.values)[:MAX_LINE_BYTES], format_)
    return InputRow(number, cells, None, "", format_, None, "", notes)


def _write_cell(value: object) -> str:
    """Write a value as a table would have it; lists are separated by semicolons."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, list) and not any(isinstance(part, dict | list) for part in value):
        return "; ".join(map(_write_cell, value))
    return json.dumps(value, ensure_ascii=False)
