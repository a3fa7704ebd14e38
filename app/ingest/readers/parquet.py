"""This module reads the rows of Parquet files."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet
from numpy.typing import NDArray
from pyarrow import ArrowException

from app.events.record import RejectedError
from app.events.reimport import (
    is_exported_event,
    record_from_row,
    record_from_typed_row,
)
from app.ingest.formats import entente
from app.ingest.formats.errors import UnreadableFileError
from app.ingest.formats.file_format import FileFormat, normalize_column_name
from app.ingest.formats.refusals import refuse_known_file
from app.ingest.readers.delimited import MAX_LINE_BYTES
from app.ingest.readers.files import MAX_EXPANSION_RATIO, UNCHECKED_BYTES, InputFile, InputStream
from app.ingest.readers.recognized_file import RecognizedFile
from app.ingest.readers.rows import FilledCells, InputRow

RowSizes = NDArray[np.int64]
_KEY_NAMES = ("id", "event_id", "eventid")
_TYPED_EXPORT = frozenset({"id", "revision", "title", "date", "participants"})
"""Columns of an exported file, with nested values or flat."""
ROWS_PER_BATCH = 500
"""Maximum rows of a batch that is read at once."""


def recognize_parquet_file(file: InputFile, formats: Sequence[FileFormat]) -> RecognizedFile:
    """Recognize the format of a Parquet file; raises `UnreadableFileError` if it is unknown."""
    if file.seekable_path is None:
        raise UnreadableFileError("is a Parquet file in an archive; unpack it and load that")
    path = file.seekable_path
    try:
        with parquet.ParquetFile(path) as parquet_file:
            schema = parquet_file.schema_arrow
            names = [normalize_column_name(name) for name in schema.names]
    except (ArrowException, OSError) as broken:
        raise UnreadableFileError(f"is a broken Parquet file: {broken}") from broken
    fitting = (f for f in formats if any(needed <= set(names) for needed in f.header))
    format_ = entente.ENTENTE_FORMAT if set(names) >= _TYPED_EXPORT else next(fitting, None)
    if format_ is None:
        refuse_known_file(set(names))
        raise UnreadableFileError("is a Parquet file whose columns match no known format")
    _refuse_short_floats(dict(zip(names, schema.types, strict=True)), format_)
    nested = format_ is entente.ENTENTE_FORMAT and "participants" in names
    texts = _list_text_columns(path)

    def read_parquet_rows(_: InputStream | None) -> Iterator[InputRow]:
        number = 0
        try:
            with parquet.ParquetFile(path, read_dictionary=texts) as parquet_file:
                # No batch may span two row groups: see `_list_text_columns`.
                for group in range(parquet_file.num_row_groups):
                    for batch in parquet_file.iter_batches(ROWS_PER_BATCH, row_groups=[group]):
                        for part in _split_batch(batch):
                            for values, wrong in _read_values(part):
                                number += 1
                                yield _make_row(number, values, wrong, nested, format_)
        except (ArrowException, OSError) as broken:
            raise UnreadableFileError(f"cannot be read after row {number}: {broken}") from broken

    return RecognizedFile(format_, read_parquet_rows)


def _refuse_short_floats(types: dict[str, pa.DataType], format_: FileFormat) -> None:
    """Refuse a file whose keys or days are floats of 32 bits, which lost their last digits."""
    for name in (*_KEY_NAMES, *format_.key_columns, *format_.dated_columns):
        kind = types.get(name)
        if kind is not None and (pa.types.is_float32(kind) or pa.types.is_float16(kind)):
            raise UnreadableFileError(
                f"has {name} as {kind}, which cannot hold all its digits;"
                " write the column as int64 or as text"
            )


def _list_text_columns(path: Path) -> list[str]:
    """List the columns of text; raises `UnreadableFileError` if the file expands too much.

    The caller reads these columns dictionary-encoded.
    """
    # A small file may repeat one long text in all of its rows; dictionary encoding keeps it once.
    # Each row group has its own dictionary, and Arrow cannot join those within lists.
    with parquet.ParquetFile(path) as parquet_file:
        meta = parquet_file.metadata
        size = sum(meta.row_group(n).total_byte_size for n in range(meta.num_row_groups))
        if size > UNCHECKED_BYTES and size > MAX_EXPANSION_RATIO * path.stat().st_size:
            raise UnreadableFileError(
                f"expands to {size:,} bytes, which is too much; it was not read"
            )
        leaves = [parquet_file.schema.column(n) for n in range(len(parquet_file.schema))]
        return [
            leaf.path
            for leaf in leaves
            if leaf.physical_type == "BYTE_ARRAY" and leaf.logical_type.type in ("STRING", "NONE")
        ]


def _split_batch(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Split a batch into parts of one row, or of at most `MAX_LINE_BYTES` of text.

    A row that is longer becomes a part without columns.
    """
    sizes = sum(
        (_measure_row_sizes(column) for column in batch.columns), np.zeros(len(batch), np.int64)
    )
    whole = np.cumsum(sizes)
    begun = 0
    while begun < len(batch):
        before = int(whole[begun - 1]) if begun else 0
        end = max(begun + 1, int(np.searchsorted(whole, before + MAX_LINE_BYTES, "right")))
        if end == begun + 1 and sizes[begun] > MAX_LINE_BYTES:
            yield batch.slice(begun, 1).select([])
        else:
            yield batch.slice(begun, end - begun)
        begun = end


def _measure_row_sizes(values: pa.Array) -> RowSizes:
    """Measure the bytes of text of each row, nested values included; a number counts as eight."""
    kind, found = values.type, np.full(len(values), 8, np.int64)
    if pa.types.is_dictionary(kind):
        each = np.append(_measure_row_sizes(values.dictionary), 0)
        found = each[values.indices.fill_null(len(each) - 1).to_numpy(zero_copy_only=False)]
    elif any(is_kind(kind) for is_kind in _TEXT_TYPE_TESTS):
        lengths = compute.fill_null(compute.binary_length(values), 0)
        found = lengths.to_numpy(zero_copy_only=False).astype(np.int64)
    elif any(is_kind(kind) for is_kind in _LIST_TYPE_TESTS):
        offsets = values.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
        within = np.append(0, np.cumsum(_measure_row_sizes(values.values)))
        found = within[offsets[1:]] - within[offsets[:-1]]
    elif pa.types.is_struct(kind):
        found = np.zeros(len(values), np.int64)
        for n in range(kind.num_fields):
            found += _measure_row_sizes(values.field(n))
    elif pa.types.is_nested(kind) or "view" in str(kind):
        raise UnreadableFileError(f"has a column of an unsupported type: {kind}")
    return found


_TEXT_TYPE_TESTS = (
    pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary,
)  # fmt: skip
_LIST_TYPE_TESTS = pa.types.is_list, pa.types.is_large_list, pa.types.is_map


def _read_values(part: pa.RecordBatch) -> Iterator[tuple[dict[str, object], RejectedError | None]]:
    """Read rows as values by column, or as the error of a row that cannot be read."""
    if not part.num_columns:
        yield {}, RejectedError("", f"the row is longer than {MAX_LINE_BYTES:,} bytes")
        return
    try:
        values_by_column = part.to_pylist()
    except (ArrowException, ValueError, OverflowError) as wrong:
        if len(part) == 1:
            yield {}, RejectedError("", f"has a value that cannot be read: {str(wrong)[:200]}")
            return
        for n in range(len(part)):
            yield from _read_values(part.slice(n, 1))
        return
    for values in values_by_column:
        yield values, None


def _make_row(
    number: int,
    values: dict[str, object],
    wrong: RejectedError | None,
    nested: bool,
    format_: FileFormat,
) -> InputRow:
    try:
        if wrong is not None:
            raise wrong
        if nested and is_exported_event(values):
            return InputRow(number, _encode_exported(values), None, "", format_)
        if nested:
            filled = {
                normalize_column_name(n): _decode_bytes(v)
                for n, v in values.items()
                if v is not None
            }
            return InputRow(number, msgspec.json.encode(filled, enc_hook=str), None, "", format_)
        cells = FilledCells((normalize_column_name(n), _write_value(v)) for n, v in values.items())
    except RejectedError as refused:
        return InputRow(number, {}, refused, "", format_)
    return InputRow(number, cells, None, "", format_)


def _encode_exported(values: dict[str, object]) -> bytes:
    try:
        is_flat = isinstance(values["participants"], str)
        record = (record_from_row if is_flat else record_from_typed_row)(values)
        return msgspec.json.encode(record)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as wrong:
        raise RejectedError("participants", "is not in the exported form") from wrong


def _write_value(value: object) -> str:
    """Write a value as a table would have it."""
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(_decode_bytes(value))


def _decode_bytes(value: object) -> object:
    """Decode bytes within a value as UTF-8; raises `RejectedError` if they are not."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError as wrong:
            raise RejectedError("", "contains bytes that are not UTF-8") from wrong
    if isinstance(value, dict):
        return {name: _decode_bytes(each) for name, each in value.items()}
    return [_decode_bytes(each) for each in value] if isinstance(value, list) else value
