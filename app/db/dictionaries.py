"""The dictionaries of a database: which one packs what is written, and how one is trained.

Documents of events are packed by dataset, those of sources together. Others are few, and some are
searched by their text: they stay plain.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, create_engine, func, insert, select
from sqlalchemy.pool import NullPool

from app.db.packed_documents import (
    DocumentDictionary,
    add_dictionary,
    find_dictionary,
    register_dictionary_reader,
    train_dictionary,
)
from app.db.tables import dictionaries, events, sources

PACKED_KINDS = ("event", "source")
MIN_SAMPLES = 1_000
"""The least number of documents that a dictionary is trained on."""
MAX_SAMPLES = 10_000
"""The most documents that a dictionary is trained on."""
TRAINS = "entente_trains_dictionaries"
"""The execution option of an engine that says whether large writes train dictionaries."""


def read_dictionaries_of(engine: Engine, connect_args: dict[str, str | None]) -> None:
    """Say where the dictionaries of an engine are: read by a connection of their own.

    They are asked for while a result is read, when the pool may have no other connection.
    """
    url = engine.url

    def read_contents() -> list[bytes]:
        apart = create_engine(url, poolclass=NullPool, connect_args=connect_args)
        with apart.connect() as db:
            return list(db.scalars(select(dictionaries.c.content)))

    register_dictionary_reader(engine.dialect, read_contents)


def find_dataset(kind: str, ident: str) -> str:
    """Return the dataset whose dictionary packs a document; empty for a source."""
    return ident.partition(":")[0] if kind == "event" else ""


def read_newest_dictionaries(db: Connection, kind: str) -> dict[str, DocumentDictionary]:
    """Read the dictionaries that pack documents of a kind, by dataset."""
    d = dictionaries.c
    rows = db.execute(select(d.id, d.dataset).where(d.kind == kind).order_by(d.at, d.id))
    newest = {row.dataset or "": row.id for row in rows}
    return {dataset: find_dictionary(ident, db.dialect) for dataset, ident in newest.items()}


def train_from_samples(
    db: Connection, kind: str, dataset: str, samples: Sequence[bytes], at: str
) -> DocumentDictionary | None:
    """Train a dictionary on documents and store it; None where they are too few or too small."""
    chosen = samples[:: max(1, -(-len(samples) // MAX_SAMPLES))]
    made = train_dictionary(chosen) if len(samples) >= MIN_SAMPLES else None
    if made is None:
        return None
    known = db.scalar(select(dictionaries.c.id).where(dictionaries.c.id == made.id))
    if known is None:
        db.execute(
            insert(dictionaries).values(
                id=made.id, kind=kind, dataset=dataset or None, at=at, documents=len(chosen),
                content=made.content,
            )
        )  # fmt: skip
    add_dictionary(made)
    return made


def pack_documents(
    db: Connection, kind: str, documents: Sequence[tuple[str, bytes]], at: str
) -> list[bytes | None]:
    """Pack documents, as (id, document), that are about to be written at an instant.

    None where a document stays plain, since there is no dictionary for it. Where the settings say
    so, one is trained when more documents are written at once than are there.
    """
    if kind not in PACKED_KINDS:
        return [None] * len(documents)
    trains = len(documents) >= MIN_SAMPLES and db.get_execution_options().get(TRAINS, False)
    newest: dict[str, DocumentDictionary | None] = {**read_newest_dictionaries(db, kind)}
    if not (newest or trains):
        return [None] * len(documents)
    packed: list[bytes | None] = []
    for ident, document in documents:
        dataset = find_dataset(kind, ident)
        if dataset not in newest:
            newest[dataset] = None
            if trains:
                same = [d for i, d in documents if find_dataset(kind, i) == dataset]
                if not _has_stored(db, kind, dataset, len(same)):
                    newest[dataset] = train_from_samples(db, kind, dataset, same, at)
        found = newest[dataset]
        packed.append(None if found is None else found.pack(document))
    return packed


def _has_stored(db: Connection, kind: str, dataset: str, count: int) -> bool:
    """Return whether so many documents are stored: they would stay plain beside packed ones."""
    table = events if kind == "event" else sources
    some = select(table.c.seq).limit(count)
    if kind == "event":
        some = some.where(events.c.dataset == dataset)
    return (db.scalar(select(func.count()).select_from(some.subquery())) or 0) >= count
