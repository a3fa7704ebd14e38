"""Write Parquet and Arrow, chunk by chunk: nested values with types, or flat as in CSV."""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from app.events.flat import COLUMNS, flatten_event
from app.events.typed import (
    TypedField,
    decode_typed_event,
    encode_free_value,
    select_typed_fields,
)
from app.feeds.feed import Feed
from app.feeds.table import NAMES, find_column_indexes
from app.sources.citation import dataset_credit

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

ROWS_IN_GROUP = 4_000
"""Rows in a group of a Parquet file, which stay in memory until the group is written."""
FORM_VERSION = 2
"""In the metadata: 2 for nested values with types, 1 for the flat columns of before."""
FIRST_DAY = date(1970, 1, 1).toordinal()
FIRST_INSTANT = datetime(1970, 1, 1, tzinfo=UTC)
ARROW_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "json": pa.string(),
    "day": pa.date32(),
    "instant": pa.timestamp("us", "UTC"),
    "number": pa.float64(),
    "integer": pa.int32(),
    "boolean": pa.bool_(),
}

BatchBuilder = Callable[[list[str]], pa.RecordBatch]


def build_arrow_type(field: TypedField) -> pa.DataType:
    """Build the Arrow type of a field, with the types of its parts."""
    if field.kind == "list":
        return pa.list_(build_arrow_type(field.parts[0]))
    if field.kind == "record":
        return pa.struct([(part.name, build_arrow_type(part)) for part in field.parts])
    return ARROW_TYPES[field.kind]


def build_arrow_schema(feed: Feed) -> pa.Schema:
    """Build the schema: columns, their types, and the datasets in the metadata."""
    if feed.flat:
        chosen = list(COLUMNS.items())
        columns = [chosen[n] for n in find_column_indexes(feed.fields)]
        fields = [pa.field(name, ARROW_TYPES[column.type]) for name, column in columns]
    else:
        typed = select_typed_fields(feed.fields)
        fields = [pa.field(field.name, build_arrow_type(field)) for field in typed]
    about = {
        "schema_version": 1 if feed.flat else FORM_VERSION,
        "version": feed.version,
        "request": feed.address,
        "datasets": [dataset_credit(d) for d in feed.datasets],
    }
    return pa.schema(fields, metadata={"entente": json.dumps(about, ensure_ascii=False)})


def make_batch_builder(feed: Feed, of: pa.Schema) -> BatchBuilder:
    """Return what builds a batch of documents, with nested values or flat."""
    typed = select_typed_fields(feed.fields)

    def build_nested_batch(documents: list[str]) -> pa.RecordBatch:
        events = [decode_typed_event(document) for document in documents]
        arrays = [build_nested_array([getattr(e, f.attribute) for e in events], f) for f in typed]
        return pa.RecordBatch.from_arrays(arrays, schema=of)

    def build_flat_batch(documents: list[str]) -> pa.RecordBatch:
        cells = list(zip(*map(flatten_event, documents), strict=True)) or [()] * len(NAMES)
        arrays = [build_plain_array(cells[NAMES.index(field.name)], field.type) for field in of]
        return pa.RecordBatch.from_arrays(arrays, schema=of)

    return build_flat_batch if feed.flat else build_nested_batch


def build_nested_array(values: Sequence[Any], field: TypedField) -> pa.Array:
    """Build an Arrow array of the values of a field, with all of their parts."""
    if field.kind == "list":
        ends = np.zeros(len(values) + 1, np.int32)
        np.cumsum([len(items) for items in values], out=ends[1:])
        items = build_nested_array([item for items in values for item in items], field.parts[0])
        buffers = [None, pa.py_buffer(ends.tobytes())]
        of = build_arrow_type(field)
        return pa.Array.from_buffers(of, len(values), buffers, children=[items])
    if field.kind == "record":
        children = [
            build_nested_array(
                [None if value is None else getattr(value, part.attribute) for value in values],
                part,
            )
            for part in field.parts
        ]
        buffers = [_build_validity(values)]
        of = build_arrow_type(field)
        return pa.Array.from_buffers(of, len(values), buffers, children=children)
    if field.kind == "json":
        values = [encode_free_value(value) for value in values]
    return build_plain_array(values, ARROW_TYPES[field.kind])


def _build_validity(values: Sequence[Any]) -> pa.Buffer:
    present = np.fromiter((value is not None for value in values), np.bool_, len(values))
    return pa.py_buffer(np.packbits(present, bitorder="little").tobytes())


def build_plain_array(values: Sequence[Any], of: pa.DataType) -> pa.Array:
    """Build an Arrow array of plain values from buffers."""
    # `pa.array` would import pandas where it is installed, which adds 50 MB to the process.
    valid = _build_validity(values)
    if of == pa.string():
        texts = [
            b"" if value is None else value if type(value) is bytes else value.encode()
            for value in values
        ]
        ends = np.zeros(len(texts) + 1, np.int32)
        np.cumsum([len(text) for text in texts], out=ends[1:])
        parts = [valid, pa.py_buffer(ends.tobytes()), pa.py_buffer(b"".join(texts))]
        return pa.Array.from_buffers(of, len(values), parts)
    if of == pa.bool_():
        flags = np.fromiter((value is True for value in values), np.bool_, len(values))
        body = np.packbits(flags, bitorder="little")
    elif of == pa.date32():
        days = [0 if v is None else date.fromisoformat(v).toordinal() - FIRST_DAY for v in values]
        body = np.array(days, np.int32)
    elif pa.types.is_timestamp(of):
        body = np.array([0 if v is None else _count_microseconds(v) for v in values], np.int64)
    else:
        numbers = [0 if value is None else value for value in values]
        body = np.array(numbers, np.float64 if of == pa.float64() else np.int32)
    return pa.Array.from_buffers(of, len(values), [valid, pa.py_buffer(body.tobytes())])


def _count_microseconds(instant: str) -> int:
    return (datetime.fromisoformat(instant) - FIRST_INSTANT) // timedelta(microseconds=1)


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
    build_batch = make_batch_builder(feed, of)
    with pq.ParquetWriter(sink, of, compression="zstd") as file:
        batches: list[pa.RecordBatch] = []
        for documents in feed.chunks:
            batches.append(build_batch(documents))
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
    build_batch = make_batch_builder(feed, of)
    with pa.ipc.new_stream(sink, of) as stream:
        for documents in feed.chunks:
            stream.write_batch(build_batch(documents))
            yield sink.take_bytes()
    yield sink.take_bytes()
