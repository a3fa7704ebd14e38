"""Pack or unpack documents that are stored already, a batch at a time.

Nothing that an answer says changes: neither versions nor revisions. A run that was interrupted
is simply repeated. Writers wait for one batch at most.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from app.db.dialect import PACKING
from app.db.dialect.stored_document import document_of
from app.db.dictionaries import (
    MAX_SAMPLES,
    MIN_SAMPLES,
    PACKED_KINDS,
    find_dataset,
    read_newest_dictionaries,
    train_from_samples,
)
from app.db.engine import Database
from app.db.journal import current_write_transaction
from app.db.packed_documents import DocumentDictionary, read_dictionary_id
from app.db.tables import dictionaries, events, house, revisions, sources

BATCH_SIZE = 2_000


@dataclass
class Repacking:
    """How far a run has come."""

    examined: int = 0
    changed: int = 0
    bytes_before: int = 0
    """Bytes of the documents that were changed, before."""
    bytes_after: int = 0
    trained: list[str] = field(default_factory=list)
    """What dictionaries were trained for: datasets, or `sources`."""


def pack_stored(database: Database, *, retrain: bool = False) -> Iterator[Repacking]:
    """Pack what is stored, and yield how far it has come after each batch.

    A dictionary is trained for each dataset that has none; with `retrain`, for each dataset.
    """
    done = Repacking()
    for (kind, dataset), count in _count_documents(database).items():
        if count < MIN_SAMPLES:
            continue
        with database.connect() as db:
            if dataset in read_newest_dictionaries(db, kind) and not retrain:
                continue
            samples = _read_samples(db, kind, dataset, count)
        with database.write() as db:
            at = current_write_transaction(db).instant
            if train_from_samples(db, kind, dataset, samples, at) is not None:
                done.trained.append(dataset or "sources")
    yield done
    yield from _change_batches(database, done, packs=True)


def unpack_stored(database: Database) -> Iterator[Repacking]:
    """Unpack what is stored, and yield how far it has come after each batch.

    The dictionaries go when nothing needs them, so that what is written from then on is plain.
    """
    done = Repacking()
    while True:
        yield from _change_batches(database, done, packs=False)
        with database.write() as db:
            packed = select(revisions.c.seq).where(revisions.c.packed.is_not(None)).limit(1)
            if db.scalar(packed) is None:
                db.execute(delete(dictionaries))
                return


def _count_documents(database: Database) -> dict[tuple[str, str], int]:
    """Count the current documents that one dictionary packs, by kind and dataset."""
    e = events.c
    with database.connect() as db:
        found = {
            ("event", code): n
            for code, n in db.execute(select(e.dataset, func.count()).group_by(e.dataset))
        }
        return {**found, ("source", ""): db.scalar(select(func.count()).select_from(sources)) or 0}


def _read_samples(db: Connection, kind: str, dataset: str, count: int) -> list[bytes]:
    """Read some of `count` documents, from all over the record."""
    table = events if kind == "event" else sources
    found = select(document_of(revisions)).join(table, table.c.seq == revisions.c.seq)
    found = found.where(table.c.seq % max(1, count // MAX_SAMPLES) == 0)
    if dataset:
        found = found.where(events.c.dataset == dataset)
    return [text.encode() for text in db.scalars(found.limit(MAX_SAMPLES))]


def _change_batches(database: Database, done: Repacking, *, packs: bool) -> Iterator[Repacking]:
    after = 0
    while True:
        with database.write() as db:
            stored = _read_batch(db, after)
            if not stored:
                return
            changes = _find_packed(db, stored) if packs else _find_unpacked(stored)
            _write_changes(db, changes)
        after = stored[-1].seq
        done.examined += len(stored)
        done.changed += len(changes)
        sizes = {one.seq: _count_bytes(one.document, one.packed) for one in stored}
        done.bytes_before += sum(sizes[one.seq] for one in changes)
        done.bytes_after += sum(_count_bytes(one.plain, one.packed) for one in changes)
        yield done


class _StoredRow(NamedTuple):
    seq: int
    kind: str
    id: str
    document: str
    packed: bytes | None


class _Change(NamedTuple):
    """What is stored for a document from now on."""

    seq: int
    plain: str
    packed: bytes | None


def _count_bytes(plain: str, packed: bytes | None) -> int:
    return len(plain.encode() if packed is None else packed)


def _read_batch(db: Connection, after: int) -> list[_StoredRow]:
    r = revisions.c
    found = select(r.seq, r.kind, r.id, document_of(revisions), r.packed).where(
        r.kind.in_(PACKED_KINDS), r.seq > after
    )
    return [_StoredRow(*row) for row in db.execute(found.order_by(r.seq).limit(BATCH_SIZE))]


def _find_packed(db: Connection, stored: Sequence[_StoredRow]) -> list[_Change]:
    """Return what changes where each document is packed with the newest dictionary for it."""
    newest: dict[str, dict[str, DocumentDictionary]] = {}
    changes: list[_Change] = []
    for one in stored:
        if one.kind not in newest:
            newest[one.kind] = read_newest_dictionaries(db, one.kind)
        found = newest[one.kind].get(find_dataset(one.kind, one.id))
        if found is None:
            continue
        if one.packed is not None and read_dictionary_id(one.packed) == found.id:
            continue
        frame = found.pack(one.document.encode())
        if frame is not None:
            changes.append(_Change(one.seq, "", frame))
    return changes


def _find_unpacked(stored: Sequence[_StoredRow]) -> list[_Change]:
    packed = [one for one in stored if one.packed is not None]
    return [_Change(one.seq, one.document, None) for one in packed]


def _write_changes(db: Connection, changes: Sequence[_Change]) -> None:
    if not changes:
        return
    db.execute(insert(house).values(name=PACKING, value=""))
    statement = update(revisions).where(revisions.c.seq == bindparam("at_seq"))
    statement = statement.values(plain=bindparam("text"), packed=bindparam("frame"))
    values = [{"at_seq": one.seq, "text": one.plain, "frame": one.packed} for one in changes]
    db.execute(statement, values)
    db.execute(delete(house).where(house.c.name == PACKING))
