"""Create, replace and retract sources and datasets."""

from collections.abc import Sequence

from sqlalchemy import Connection

from app.db.dialect import upsert
from app.db.journal import Entry, Writer, append
from app.db.tables import datasets, sources
from app.db.worlds import bury, remember
from app.sources.schemas import Dataset, Source


def write_sources(db: Connection, documents: Sequence[Source], by: Writer) -> None:
    """Create or replace sources."""
    if not documents:
        return
    seqs = append(db, "source", [Entry(s.id, s.model_dump_json()) for s in documents], by)
    remember(db, "source", sources.c.id, [s.id for s in documents])
    columns = {"id", "kind", "title", "publisher", "url", "published", "reliability"}
    rows = [
        s.model_dump(include=columns) | {"seq": n} for s, n in zip(documents, seqs, strict=True)
    ]
    db.execute(upsert(db, sources), rows)


def write_datasets(db: Connection, documents: Sequence[Dataset], by: Writer) -> None:
    """Create or replace datasets."""
    if not documents:
        return
    seqs = append(db, "dataset", [Entry(d.code, d.model_dump_json()) for d in documents], by)
    remember(db, "dataset", datasets.c.code, [d.code for d in documents])
    columns = {"code", "name", "first", "last"}
    rows = [
        d.model_dump(include=columns) | {"seq": n} for d, n in zip(documents, seqs, strict=True)
    ]
    db.execute(upsert(db, datasets), rows)


def retract_source(db: Connection, source: Source, by: Writer, action: str = "retract") -> int:
    """Retract a source that nothing cites, and return the `seq` of the retraction."""
    entry = Entry(source.id, source.model_dump_json(), action)
    [seq] = append(db, "source", [entry], by)
    bury(db, "source", sources.c.id, [source.id])
    return seq


def retract_dataset(db: Connection, dataset: Dataset, by: Writer) -> int:
    """Retract a dataset without events, and return the `seq` of the retraction."""
    [seq] = append(db, "dataset", [Entry(dataset.code, dataset.model_dump_json(), "retract")], by)
    bury(db, "dataset", datasets.c.code, [dataset.code])
    return seq
