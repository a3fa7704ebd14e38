"""Create, replace and retract sources and datasets."""

from collections.abc import Sequence

from sqlalchemy import Connection

from app.db.dialect import build_upsert
from app.db.journal import NewRevision, Writer, append_revisions
from app.db.tables import datasets, sources
from app.db.versioning import copy_to_history, move_to_history
from app.sources.schemas import Dataset, Source


def write_sources(db: Connection, documents: Sequence[Source], by: Writer) -> None:
    """Create or replace sources."""
    if not documents:
        return
    seqs = append_revisions(
        db, "source", [NewRevision(s.id, s.model_dump_json()) for s in documents], by
    )
    copy_to_history(db, "source", sources.c.id, [s.id for s in documents])
    columns = {"id", "kind", "title", "publisher", "url", "published", "reliability"}
    rows = [
        s.model_dump(include=columns) | {"seq": n} for s, n in zip(documents, seqs, strict=True)
    ]
    db.execute(build_upsert(db, sources), rows)


def write_datasets(db: Connection, documents: Sequence[Dataset], by: Writer) -> None:
    """Create or replace datasets."""
    if not documents:
        return
    seqs = append_revisions(
        db, "dataset", [NewRevision(d.code, d.model_dump_json()) for d in documents], by
    )
    copy_to_history(db, "dataset", datasets.c.code, [d.code for d in documents])
    columns = {"code", "name", "first", "last"}
    rows = [
        d.model_dump(include=columns) | {"seq": n} for d, n in zip(documents, seqs, strict=True)
    ]
    db.execute(build_upsert(db, datasets), rows)


def retract_source(db: Connection, source: Source, by: Writer, action: str = "retract") -> int:
    """Retract a source that nothing cites, and return the `seq` of the retraction."""
    entry = NewRevision(source.id, source.model_dump_json(), action)
    [seq] = append_revisions(db, "source", [entry], by)
    move_to_history(db, "source", sources.c.id, [source.id])
    return seq


def retract_dataset(db: Connection, dataset: Dataset, by: Writer) -> int:
    """Retract a dataset without events, and return the `seq` of the retraction."""
    [seq] = append_revisions(
        db, "dataset", [NewRevision(dataset.code, dataset.model_dump_json(), "retract")], by
    )
    move_to_history(db, "dataset", datasets.c.code, [dataset.code])
    return seq
