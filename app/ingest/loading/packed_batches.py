"""Batches on their way to a process that prepares them, and back. Pure.

A tuple of marshal costs half of what pickle asks for one; both ends run the same interpreter.
"""

import marshal
import pickle
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from app.events.index_rows import EventRows, EventSums
from app.events.record import RejectedError
from app.events.unresolved import UnresolvedPart
from app.ingest.loading.event_batches import PreparedEvents
from app.ingest.readers.recognize import FORMATS
from app.ingest.readers.rows import InputRow, LineLayout, make_line_layout
from app.sources.source_records import NewSource

ROW_TABLES = ("bodies", "events", "pairs", "participations", "reports", "signals", "tags", "words")


class PackedRows(NamedTuple):
    """Rows of one format, as plain values."""

    format: str
    dataset: str
    layouts: list[tuple[tuple[str, ...], str]]
    """The columns and the separator of each layout."""
    plain: list[tuple[int, Any]]
    """(number, content) of each row."""
    more: dict[int, tuple[int, tuple[str, str] | None, str, tuple[tuple[str, str], ...]]]
    """(number of the layout or -1, error, raw text, notes) of rows where these are not
    (0, None, "", ())."""


def pack_rows(rows: Sequence[InputRow]) -> PackedRows | None:
    """Pack rows of one format and dataset; None where another process has no such format."""
    first = rows[0]
    if FORMATS.get(first.format.name) is not first.format:
        return None
    packed = PackedRows(first.format.name, first.dataset, [], [], {})
    known: dict[int, int] = {}
    for n, row in enumerate(rows):
        packed.plain.append((row.number, row.content))
        at, laid, wrong = -1, row.layout, row.wrong
        if laid is not None:
            if id(laid) not in known:
                known[id(laid)] = len(packed.layouts)
                packed.layouts.append((laid.columns, laid.separator))
            at = known[id(laid)]
        if wrong is not None or row.raw or row.notes or at != 0:
            error = None if wrong is None else (wrong.field, wrong.reason)
            packed.more[n] = (at, error, row.raw, row.notes)
    return packed


def unpack_rows(packed: PackedRows) -> list[InputRow]:
    """Unpack rows."""
    format_, dataset = FORMATS[packed.format], packed.dataset
    layouts = [_get_layout(packed.format, *one) for one in packed.layouts]
    likely, rows = layouts[0] if layouts else None, []
    for n, (number, content) in enumerate(packed.plain):
        if n not in packed.more:
            rows.append(InputRow(number, content, None, "", format_, likely, dataset))
            continue
        at, error, raw, notes = packed.more[n]
        wrong = None if error is None else RejectedError(*error)
        laid = None if at < 0 else layouts[at]
        rows.append(InputRow(number, content, wrong, raw, format_, laid, dataset, notes))
    return rows


@lru_cache(64)
def _get_layout(name: str, columns: tuple[str, ...], separator: str) -> LineLayout:
    return make_line_layout(FORMATS[name], columns, separator)


def pack_batch(batch: PreparedEvents, rows: Sequence[InputRow]) -> bytes:
    """Pack a prepared batch of some rows."""
    places = {id(row): n for n, row in enumerate(rows)} if batch.rejects else {}
    found, sums = batch.event_rows, batch.event_rows.sums
    plain: Any = (
        tuple(getattr(found, name) for name in ROW_TABLES),
        None if sums is None else tuple(sums),
        batch.hashes,
        [tuple(part) for part in batch.parts],
        batch.revision_numbers,
        [tuple(source) for source in batch.sources.values()],
        [(places[id(row)], wrong.field, wrong.reason) for row, wrong in batch.rejects],
        batch.rank,
        batch.raised,
        batch.last,
        batch.ids,
        batch.cited_ids,
        batch.missing,
    )
    rest = pickle.dumps((batch.stats, batch.unknown, batch.pending))
    return marshal.dumps((plain, rest))


def unpack_batch(packed: bytes, rows: Sequence[InputRow]) -> PreparedEvents:
    """Unpack a prepared batch of some rows."""
    plain, rest = marshal.loads(packed)
    tables, sums, hashes, parts, numbers, sources, rejects, *others = plain
    stats, unknown, pending = pickle.loads(rest)
    found = EventRows()
    for name, made in zip(ROW_TABLES, tables, strict=True):
        setattr(found, name, made)
    found.sums = None if sums is None else EventSums(*sums)
    refused = [(rows[n], RejectedError(field, reason)) for n, field, reason in rejects]
    rank, raised, last, ids, cited_ids, missing = others
    return PreparedEvents(
        stats, found, hashes, [UnresolvedPart(*part) for part in parts], numbers,
        {row[0]: NewSource(document, row) for document, row in sources}, refused, unknown, rank,
        raised, last, ids, cited_ids, missing, pending,
    )  # fmt: skip
