"""Write CSV, Parquet and Arrow with the same columns, chunk by chunk."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from app.events.flat import COLUMNS, EVENT_COLUMNS, escape_formula, flatten_event
from app.feeds.feed import Feed
from app.sources.citation import dataset_credit

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

ROWS_IN_GROUP = 4_000
"""Rows in a group of a Parquet file, which stay in memory until the group is written."""
EPOCH = date(1970, 1, 1).toordinal()
ARROW_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "json": pa.string(),
    "day": pa.date32(),
    "number": pa.float64(),
    "integer": pa.int32(),
}
NAMES = tuple(EVENT_COLUMNS)


def find_column_indexes(fields: tuple[str, ...]) -> list[int]:
    """Return the indexes in a row of the columns of these fields; of all columns without fields."""
    wanted = {"id", *fields}
    return [n for n, column in enumerate(COLUMNS.values()) if not fields or column.field in wanted]


def write_csv(feed: Feed) -> Iterator[bytes]:
    """Write CSV (RFC 4180) in UTF-8 with names in the first line; no cell is a formula."""
    chosen = find_column_indexes(feed.fields)
    texts = [at for at, n in enumerate(chosen) if EVENT_COLUMNS[NAMES[n]] == "text"]
    buffer = io.StringIO(newline="")
    lines = csv.writer(buffer)
    lines.writerow([NAMES[n] for n in chosen])
    start = "\ufeff" if feed.bom else ""
    for documents in feed.chunks:
        for document in documents:
            cells = flatten_event(document)
            row = [cells[n] for n in chosen]
            for at in texts:
                if row[at]:
                    row[at] = escape_formula(row[at])
            lines.writerow(row)
        yield (start + buffer.getvalue()).encode()
        start = ""
        buffer.seek(0)
        buffer.truncate()


def build_arrow_schema(feed: Feed) -> pa.Schema:
    """Build the schema: columns, their types, and the datasets in the metadata."""
    about = {
        "version": feed.version,
        "request": feed.address,
        "datasets": [dataset_credit(d) for d in feed.datasets],
    }
    names = [NAMES[n] for n in find_column_indexes(feed.fields)]
    fields = [pa.field(name, ARROW_TYPES[EVENT_COLUMNS[name]]) for name in names]
    return pa.schema(fields, metadata={"entente": json.dumps(about, ensure_ascii=False)})


def _build_batch(documents: list[str], of: pa.Schema) -> pa.RecordBatch:
    cells = list(zip(*map(flatten_event, documents), strict=True)) or [()] * len(NAMES)
    arrays = [_build_array(cells[NAMES.index(field.name)], field.type) for field in of]
    return pa.RecordBatch.from_arrays(arrays, schema=of)


def _build_array(values: Sequence[Any], of: pa.DataType) -> pa.Array:
    """Build an Arrow array of cells from buffers."""
    # `pa.array` would import pandas where it is installed, which adds 50 MB to the process.
    present = np.fromiter((value is not None for value in values), np.bool_, len(values))
    valid = pa.py_buffer(np.packbits(present, bitorder="little").tobytes())
    if of == pa.string():
        texts = [b"" if value is None else value.encode() for value in values]
        ends = np.zeros(len(texts) + 1, np.int32)
        np.cumsum([len(text) for text in texts], out=ends[1:])
        parts = [valid, pa.py_buffer(ends.tobytes()), pa.py_buffer(b"".join(texts))]
        return pa.Array.from_buffers(of, len(values), parts)
    if of == pa.date32():
        numbers = [0 if v is None else date.fromisoformat(v).toordinal() - EPOCH for v in values]
    else:
        numbers = [0 if value is None else value for value in values]
    body = np.array(numbers, np.float64 if of == pa.float64() else np.int32)
    return pa.Array.from_buffers(of, len(values), [valid, pa.py_buffer(body.tobytes())])


class ByteSink(io.RawIOBase):
    """A writable file in memory whose bytes are taken out while it is written."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.at = 0

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, part: "ReadableBuffer") -> int:
        """Store bytes until they are taken."""
        taken = bytes(part)
        self.parts.append(taken)
        self.at += len(taken)
        return len(taken)

    def tell(self) -> int:
        """Return the number of bytes written so far, taken or not."""
        return self.at

    def take_bytes(self) -> bytes:
        """Return the bytes written since the last call."""
        parts, self.parts = self.parts, []
        return b"".join(parts)


def write_parquet(feed: Feed) -> Iterator[bytes]:
    """Write Parquet with Zstandard compression and row groups of 4,000 rows."""
    of, sink = build_arrow_schema(feed), ByteSink()
    with pq.ParquetWriter(sink, of, compression="zstd") as file:
        batches: list[pa.RecordBatch] = []
        for documents in feed.chunks:
            batches.append(_build_batch(documents, of))
            if sum(batch.num_rows for batch in batches) >= ROWS_IN_GROUP:
                file.write_table(pa.Table.from_batches(batches, of))
                batches = []
                pa.default_memory_pool().release_unused()  # the process would keep freed memory
                yield sink.take_bytes()
        file.write_table(pa.Table.from_batches(batches, of))
    yield sink.take_bytes()


def write_arrow(feed: Feed) -> Iterator[bytes]:
    """Write the Arrow IPC stream format."""
    of, sink = build_arrow_schema(feed), ByteSink()
    with pa.ipc.new_stream(sink, of) as stream:
        for documents in feed.chunks:
            stream.write_batch(_build_batch(documents, of))
            yield sink.take_bytes()
    yield sink.take_bytes()
