"""This module reads the rows of Parquet files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet
from numpy.typing import NDArray
from pyarrow import ArrowException

from app.events.again import exported, from_row
from app.ingest.format import Format, name_of
from app.ingest.formats import entente
from app.ingest.given import RejectedError
from app.ingest.lines import MOST
from app.ingest.opened import FREE, MOST_RATIO, Opened, Stream, UnreadableError
from app.ingest.reading import Reading
from app.ingest.row import Filled, Row

Sizes = NDArray[np.int64]
AT_ONCE = 500
"""Maximum rows of a batch that is read at once."""


def reading(file: Opened, formats: Sequence[Format]) -> Reading:
    """Recognize the format of a Parquet file; raises `UnreadableFileError` if it is unknown."""
    if file.path is None:
        raise UnreadableError("is a Parquet file in an archive; unpack it and load that")
    path = file.path
    try:
        with parquet.ParquetFile(path) as held:
            names = [name_of(name) for name in held.schema_arrow.names]
    except (ArrowException, OSError) as broken:
        raise UnreadableError(f"is a broken Parquet file: {broken}") from broken
    fitting = (f for f in formats if any(needed <= set(names) for needed in f.header))
    format_ = next(fitting, None)
    if format_ is None:
        raise UnreadableError("is a Parquet file whose columns match no known format")
    nested = format_ is entente.TABLE and "participants" in names
    texts = _texts(path)

    def rows(_: Stream | None) -> Iterator[Row]:
        number = 0
        try:
            with parquet.ParquetFile(path, read_dictionary=texts) as held:
                # No batch may span two row groups: see `_list_text_columns`.
                for group in range(held.num_row_groups):
                    for batch in held.iter_batches(AT_ONCE, row_groups=[group]):
                        for part in _parts(batch):
                            for values, wrong in _values(part):
                                number += 1
                                yield _row(number, values, wrong, nested, format_)
        except (ArrowException, OSError) as broken:
            raise UnreadableError(f"cannot be read after row {number}: {broken}") from broken

    return Reading(format_, rows)


def _texts(path: Path) -> list[str]:
    """List the columns of text; raises `UnreadableFileError` if the file expands too much.

    The caller reads these columns dictionary-encoded.
    """
    # A small file may repeat one long text in all of its rows; dictionary encoding keeps it once.
    # Each row group has its own dictionary, and Arrow cannot join those within lists.
    with parquet.ParquetFile(path) as held:
        meta = held.metadata
        size = sum(meta.row_group(n).total_byte_size for n in range(meta.num_row_groups))
        if size > FREE and size > MOST_RATIO * path.stat().st_size:
            raise UnreadableError(f"expands to {size:,} bytes, which is too much; it was not read")
        leaves = [held.schema.column(n) for n in range(len(held.schema))]
        return [
            leaf.path
            for leaf in leaves
            if leaf.physical_type == "BYTE_ARRAY" and leaf.logical_type.type in ("STRING", "NONE")
        ]


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Split a batch into parts of one row, or of at most `MAX_LINE_BYTES` of text.

    A row that is longer becomes a part without columns.
    """
    sizes = sum((_sizes(column) for column in batch.columns), np.zeros(len(batch), np.int64))
    whole = np.cumsum(sizes)
    begun = 0
    while begun < len(batch):
        before = int(whole[begun - 1]) if begun else 0
        end = max(begun + 1, int(np.searchsorted(whole, before + MOST, "right")))
        if end == begun + 1 and sizes[begun] > MOST:
            yield batch.slice(begun, 1).select([])
        else:
            yield batch.slice(begun, end - begun)
        begun = end


def _sizes(values: pa.Array) -> Sizes:
    """Measure the bytes of text of each row, nested values included; a number counts as eight."""
    kind, found = values.type, np.full(len(values), 8, np.int64)
    if pa.types.is_dictionary(kind):
        each = np.append(_sizes(values.dictionary), 0)
        found = each[values.indices.fill_null(len(each) - 1).to_numpy(zero_copy_only=False)]
    elif any(told(kind) for told in _TEXT):
        lengths = compute.fill_null(compute.binary_length(values), 0)
        found = lengths.to_numpy(zero_copy_only=False).astype(np.int64)
    elif any(told(kind) for told in _SEVERAL):
        offsets = values.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
        within = np.append(0, np.cumsum(_sizes(values.values)))
        found = within[offsets[1:]] - within[offsets[:-1]]
    elif pa.types.is_struct(kind):
        found = np.zeros(len(values), np.int64)
        for n in range(kind.num_fields):
            found += _sizes(values.field(n))
    elif pa.types.is_nested(kind) or "view" in str(kind):
        raise UnreadableError(f"has a column of an unsupported type: {kind}")
    return found


_TEXT = (
    pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary,
)  # fmt: skip
_SEVERAL = pa.types.is_list, pa.types.is_large_list, pa.types.is_map


def _values(part: pa.RecordBatch) -> Iterator[tuple[dict[str, Any], RejectedError | None]]:
    """Read rows as values by column, or as the error of a row that cannot be read."""
    if not part.num_columns:
        yield {}, RejectedError("", f"the row is longer than {MOST:,} bytes")
        return
    try:
        told = part.to_pylist()
    except (ArrowException, ValueError, OverflowError) as wrong:
        if len(part) == 1:
            yield {}, RejectedError("", f"has a value that cannot be read: {str(wrong)[:200]}")
            return
        for n in range(len(part)):
            yield from _values(part.slice(n, 1))
        return
    for values in told:
        yield values, None


def _row(
    number: int,
    values: dict[str, Any],
    wrong: RejectedError | None,
    nested: bool,
    format_: Format,
) -> Row:
    try:
        if wrong is not None:
            raise wrong
        if nested and exported(values) and isinstance(values["participants"], str):
            return Row(number, _exported(values), None, "", format_)
        if nested:
            given = {name_of(n): _text(v) for n, v in values.items() if v is not None}
            return Row(number, msgspec.json.encode(given, enc_hook=str), None, "", format_)
        cells = Filled((name_of(n), "" if v is None else str(_text(v))) for n, v in values.items())
    except RejectedError as refused:
        return Row(number, {}, refused, "", format_)
    return Row(number, cells, None, "", format_)


def _exported(values: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(from_row(values))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as wrong:
        raise RejectedError("participants", "is not in the exported form") from wrong


def _text(value: Any) -> Any:
    """Decode bytes within a value as UTF-8; raises `RejectedError` if they are not."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError as wrong:
            raise RejectedError("", "contains bytes that are not UTF-8") from wrong
    if isinstance(value, dict):
        return {name: _text(each) for name, each in value.items()}
    return [_text(each) for each in value] if isinstance(value, list) else value
