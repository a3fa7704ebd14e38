"""CSV, Parquet and Arrow: the same columns, chunk by chunk."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from app.events.flat import COLUMNS, PLACES, armoured, flat
from app.feeds.citation import credit
from app.feeds.feed import Feed

ROWS_IN_GROUP = 8_000
"""Of a Parquet file; what is held before it is written."""
KINDS: dict[str, pa.DataType] = {
    "text": pa.string(),
    "json": pa.string(),
    "day": pa.date32(),
    "number": pa.float64(),
    "integer": pa.int32(),
}
REPEATS = {
    **dict.fromkeys(PLACES, "location"),
    **dict.fromkeys(("actors", "initiators", "targets", "absent"), "participants"),
    "publishers": "reports",
}
"""Columns that a field brings along."""


def columns(fields: tuple[str, ...]) -> list[str]:
    """The columns of these fields, or all."""
    wanted = {"id", *fields}
    return [c for c in COLUMNS if not fields or REPEATS.get(c, c) in wanted]


def write_csv(feed: Feed) -> Iterator[bytes]:
    """RFC 4180, UTF-8, with names in the first line; no cell is a formula."""
    names = columns(feed.fields)
    numeric = [name for name in names if COLUMNS[name] in ("number", "integer")]
    held = io.StringIO(newline="")
    lines = csv.writer(held)
    lines.writerow(names)
    start = "\ufeff" if feed.bom else ""
    for documents in feed.chunks:
        for document in documents:
            row = flat(document)
            for name in numeric:
                row[name] = None if row[name] is None else str(row[name])
            lines.writerow(
                [
                    row[name] if name in numeric or row[name] is None else armoured(row[name])
                    for name in names
                ]
            )
        yield (start + held.getvalue()).encode()
        start = ""
        held.seek(0)
        held.truncate()


def schema(feed: Feed) -> pa.Schema:
    """Columns, their types, and in the metadata whose rows they are."""
    about = {
        "version": feed.version,
        "request": feed.here,
        "datasets": [credit(d) for d in feed.cited],
    }
    fields = [pa.field(name, KINDS[COLUMNS[name]]) for name in columns(feed.fields)]
    return pa.schema(fields, metadata={"entente": json.dumps(about, ensure_ascii=False)})


def _batch(documents: list[str], of: pa.Schema) -> pa.RecordBatch:
    rows = [flat(document) for document in documents]
    arrays = []
    for field in of:
        values: list[Any] = [row[field.name] for row in rows]
        if field.type == pa.date32():
            values = [None if day is None else date.fromisoformat(day) for day in values]
        arrays.append(pa.array(values, field.type))
    return pa.record_batch(arrays, schema=of)


class Sink(io.RawIOBase):
    """A file that is emptied as it is written."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.at = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, part: Any) -> int:
        """Keep a part until it is taken."""
        self.parts.append(bytes(part))
        self.at += len(part)
        return len(part)

    def tell(self) -> int:
        """Bytes written so far, taken or not."""
        return self.at

    def taken(self) -> bytes:
        """What was written since the last time."""
        parts, self.parts = self.parts, []
        return b"".join(parts)


def write_parquet(feed: Feed) -> Iterator[bytes]:
    """Zstandard, row groups of 8,000."""
    of, sink = schema(feed), Sink()
    with pq.ParquetWriter(sink, of, compression="zstd") as file:
        held: list[pa.RecordBatch] = []
        for documents in feed.chunks:
            held.append(_batch(documents, of))
            if sum(batch.num_rows for batch in held) >= ROWS_IN_GROUP:
                file.write_table(pa.Table.from_batches(held, of))
                held = []
                yield sink.taken()
        file.write_table(pa.Table.from_batches(held, of))
    yield sink.taken()


def write_arrow(feed: Feed) -> Iterator[bytes]:
    """The IPC stream format."""
    of, sink = schema(feed), Sink()
    with pa.ipc.new_stream(sink, of) as stream:
        for documents in feed.chunks:
            stream.write_batch(_batch(documents, of))
            yield sink.taken()
    yield sink.taken()
