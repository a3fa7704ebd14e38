"""This module recognizes the format of a file by its content and reads its rows."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product

import msgspec
from pydantic import TypeAdapter

from app.errors import MissingExtraError
from app.events.record import RejectedError
from app.extras import load_extra
from app.ingest.formats import (
    acled,
    alliances,
    counts,
    dyad_years,
    entente,
    gdelt,
    icews,
    polecat,
    ucdp,
)
from app.ingest.formats.errors import UnreadableFileError
from app.ingest.formats.file_format import FileFormat, normalize_column_name
from app.ingest.formats.refusals import refuse_known_file, refuse_known_row, refuse_known_start
from app.ingest.readers.delimited import (
    DelimitedRecord,
    decode_leniently,
    read_quoted_records,
    read_text_lines,
    read_unquoted_records,
)
from app.ingest.readers.files import InputFile, InputStream, is_compressed
from app.ingest.readers.json_tables import recognize_json_table
from app.ingest.readers.line_decoder import LineDecoder
from app.ingest.readers.mending import mend_file_rows
from app.ingest.readers.recognized_file import RecognizedFile
from app.ingest.readers.rows import (
    FilledCells,
    InputRow,
    Reject,
    convert_exported_line,
    read_row_cells,
)
from app.ingest.readers.tables import SAMPLED_ROWS, TableShape, make_table_reader
from app.text import Code

FORMATS: Mapping[str, FileFormat] = {
    f.name: f
    for f in (
        entente.ENTENTE_FORMAT,
        gdelt.GDELT_2_FORMAT,
        gdelt.GDELT_1_FORMAT,
        gdelt.GDELT_MENTIONS_FORMAT,
        ucdp.UCDP_FORMAT,
        acled.ACLED_FORMAT,
        icews.ICEWS_FORMAT,
        polecat.POLECAT_FORMAT,
        dyad_years.COW_MEMBERS_FORMAT,
        dyad_years.COW_DYADS_FORMAT,
        dyad_years.ATOP_MEMBERS_FORMAT,
        alliances.COW_YEARS_FORMAT,
        alliances.ATOP_YEARS_FORMAT,
        alliances.IDEAL_POINTS_FORMAT,
        counts.COUNTS_FORMAT,
    )
}
"""All formats by name; a header that fits several is of the first of them."""
AUTO = "auto"
SEPARATORS = ("\t", ",", ";", "|", "\x01")
MIN_CELLS = 3
"""Fewest cells of a row from which a format can be recognized."""


def list_candidate_formats(wanted: str) -> Sequence[FileFormat]:
    """List the formats that a file may have: the one asked for, or all."""
    return [FORMATS[wanted]] if wanted != AUTO else list(FORMATS.values())


def recognize_file(file: InputFile, wanted: str = AUTO) -> RecognizedFile:
    """Recognize the format of a file; raises `UnreadableFileError` if it is unknown."""
    return _convert_to_dyad_years(_recognize_rows(file, wanted))


def _recognize_rows(file: InputFile, wanted: str) -> RecognizedFile:
    with file.open() as stream:
        begun = stream.peek(1000)
        start = begun[:4]
        if start == b"PAR1":
            try:
                load_extra("parquet")
            except MissingExtraError as missing:
                raise UnreadableFileError(f"is a Parquet file. {missing}") from missing
            from app.ingest.readers.parquet import recognize_parquet_file  # noqa: PLC0415 - Arrow takes long to import

            reading = recognize_parquet_file(file, list_candidate_formats(wanted))
            return mend_file_rows(file, reading, has_header=True)
        if start == b"PK\x03\x04":
            raise UnreadableFileError("is an archive within an archive; unpack it and load that")
        if is_compressed(begun[:6]):
            raise UnreadableFileError("is compressed within an archive; unpack it and load that")
        if wanted == AUTO:
            refuse_known_start(begun[:1000])
        bodies = [line.body.lstrip() for line in islice(read_text_lines(stream), SAMPLED_ROWS)]
    if not bodies:
        return RecognizedFile(FORMATS.get(wanted, entente.ENTENTE_FORMAT), lambda _: iter(()))
    of_json = [body for body in bodies if body.startswith(b"{")] if _may_be_json(wanted) else []
    if bodies[0].startswith((b"{", b"[")) and not _is_rejects_line(bodies[0]):
        table = recognize_json_table(file, list_candidate_formats(wanted), refuse_known_file)
        if table is not None:
            return mend_file_rows(file, table, has_header=True)
    if of_json and of_json[0] is bodies[0]:
        return _recognize_json(of_json[0])
    found = _recognize_delimited(file, wanted)
    if found is not None:
        return found
    if of_json:
        return _recognize_json(of_json[0])
    _refuse_known_table(file)
    what = f"is not {wanted}" if wanted != AUTO else "is of no known format"
    known = f"; known: {', '.join(FORMATS)}" if wanted == AUTO else ""
    raise UnreadableFileError(f"{what}: neither its columns nor its first rows match{known}")


def _may_be_json(wanted: str) -> bool:
    return wanted in (AUTO, "entente")


def _recognize_json(line: bytes) -> RecognizedFile:
    if _is_rejects_line(line):
        return RecognizedFile(entente.ENTENTE_FORMAT, _read_rejects_file, is_rejects_file=True)
    return RecognizedFile(entente.ENTENTE_FORMAT, _read_json_lines)


def _recognize_delimited(file: InputFile, wanted: str) -> RecognizedFile | None:
    """Recognize delimited text by its first row, or else by the first of some rows that fits.

    Rows before that one are rejected later. If the caller named the format, a row with the right
    number of cells is accepted as the last resort.
    """
    steps = [(1, False), (SAMPLED_ROWS, False), *([(SAMPLED_ROWS, True)] if wanted != AUTO else [])]
    decoder = LineDecoder(file)
    for most, by_count in steps:
        for separator, quotes in product(SEPARATORS, (True, False)):
            with file.open() as stream:
                records = (read_quoted_records if quotes else read_unquoted_records)(
                    stream, separator, decoder.decode_line
                )
                sample = list(islice(records, most))
                quoted = bool(sample) and _is_quoted_line(sample[0].raw)
            fits = [
                f
                for f in list_candidate_formats(wanted)
                if (f.has_quotes or quoted or separator not in "\t\x01") == quotes
            ]
            first = None
            for record in sample:
                # A first row as wide as this one may be the header of another format.
                likely = first != len(record.cells) or wanted != AUTO
                first = len(record.cells) if first is None else first
                found = _recognize_record(record, fits, (likely, by_count))
                if found is not None:
                    format_, header = found
                    table = TableShape(format_, separator, quotes, header)
                    reading = make_table_reader(decoder, table)
                    return mend_file_rows(file, reading, header is not None)
    return None


def _refuse_known_table(file: InputFile) -> None:
    """Raise `UnreadableFileError` if the first rows are of a file that is known and not loaded."""
    decoder = LineDecoder(file)
    for separator in SEPARATORS:
        with file.open() as stream:
            records = read_quoted_records(stream, separator, decoder.decode_line)
            for record in islice(records, 5):
                if len(record.cells) >= MIN_CELLS:
                    refuse_known_file({normalize_column_name(cell) for cell in record.cells})
                    refuse_known_row([cell.strip() for cell in record.cells])


def _is_quoted_line(raw: str) -> bool:
    """Return whether a line of tabs quotes its cells, as R writes them."""
    return raw.startswith('"') and raw.endswith('"')


def _recognize_record(
    record: DelimitedRecord, fits: Sequence[FileFormat], by: tuple[bool, bool]
) -> tuple[FileFormat, list[str] | None] | None:
    """Recognize the format by a row, with the header if the row is one; None if it fits none."""
    by_look, by_count = by
    if record.wrong is not None or len(record.cells) < MIN_CELLS:
        return None
    names = {normalize_column_name(cell) for cell in record.cells}
    for f in fits:
        if any(needed <= names for needed in f.header):
            return f, record.cells
        as_wide = by_count and len(record.cells) in map(len, f.columns)
        if as_wide or (by_look and f.matches_first_row(record.cells)):
            return f, None
    return None


def _convert_to_dyad_years(reading: RecognizedFile) -> RecognizedFile:
    """Convert rows of alliances to rows of dyad-years; other formats are unchanged."""
    if reading.format.name not in dyad_years.CONVERTED_FORMATS:
        return reading
    make_collector, made = dyad_years.CONVERTED_FORMATS[reading.format.name]

    def read_dyad_years(stream: InputStream | None) -> Iterator[InputRow]:
        collected = make_collector()
        for row in reading.read_rows(stream):
            try:
                if row.wrong is not None:
                    raise row.wrong
                collected.add_row(read_row_cells(row))
            except RejectedError as wrong:
                yield msgspec.structs.replace(row, wrong=wrong.with_traceback(None))
        for number, year in enumerate(collected.iterate_dyad_years(), 1):
            yield InputRow(number, FilledCells(year), None, "", made)

    return RecognizedFile(made, read_dyad_years)


def _read_json_lines(stream: InputStream | None) -> Iterator[InputRow]:
    assert stream is not None
    for line in read_text_lines(stream):
        raw = "" if line.wrong is None else decode_leniently(line.body)
        yield InputRow(line.number, convert_exported_line(line.body), line.wrong, raw)


_reject_decoder = msgspec.json.Decoder(Reject)
_CODE_ADAPTER = TypeAdapter(Code)


def _is_rejects_line(line: bytes) -> bool:
    try:
        return _reject_decoder.decode(line).format in FORMATS
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def _read_rejects_file(stream: InputStream | None) -> Iterator[InputRow]:
    """Read the rows of a rejects file, each in the format that it came from."""
    assert stream is not None
    for line in read_text_lines(stream):
        if line.wrong is not None:
            yield InputRow(line.number, line.body, line.wrong, decode_leniently(line.body))
            continue
        try:
            reject = _reject_decoder.decode(line.body)
            dataset = _CODE_ADAPTER.validate_python(reject.dataset) if reject.dataset else ""
            yield msgspec.structs.replace(_restore_row(line.number, reject), dataset=dataset)
        except (msgspec.MsgspecError, ValueError, RecursionError, KeyError) as wrong:
            reason = RejectedError("", f"is not a row of a rejects file: {str(wrong)[:200]}")
            yield InputRow(line.number, line.body, reason, decode_leniently(line.body))


def _restore_row(number: int, reject: Reject) -> InputRow:
    format_ = FORMATS[reject.format]
    if isinstance(reject.row, dict) and (reject.table or format_ is not entente.ENTENTE_FORMAT):
        content = FilledCells((name, str(value)) for name, value in reject.row.items())
        return InputRow(number, content, None, "", format_)
    if isinstance(reject.row, dict):
        return InputRow(number, msgspec.json.encode(reject.row), None, "", format_)
    body = str(reject.row)
    if not reject.separator and format_ is not entente.ENTENTE_FORMAT:
        wrong = RejectedError("", "is only the beginning of a row; correct the original file")
        return InputRow(number, {}, wrong, body, format_)
    if not reject.separator:
        return InputRow(number, body.encode(), None, "", format_)
    cells = body.split(reject.separator)
    if len(cells) != len(reject.columns):
        wrong = RejectedError("", f"has {len(cells)} cells; expected {len(reject.columns)}")
        return InputRow(number, {}, wrong, body, format_)
    return InputRow(number, FilledCells(zip(reject.columns, cells, strict=True)), None, "", format_)
