"""Writes of sources and datasets."""

from sqlalchemy import Connection

from app.db.dialect import upsert
from app.db.journal import Writer, append
from app.db.tables import datasets, sources
from app.sources.schemas import Dataset, Source


def write_sources(db: Connection, given: list[Source], by: Writer) -> None:
    """Create or replace sources."""
    seqs = append(db, "source", [(s.id, s.model_dump_json()) for s in given], by)
    columns = {"id", "kind", "title", "publisher", "url", "published"}
    for source, seq in zip(given, seqs, strict=True):
        db.execute(upsert(db, sources), {**source.model_dump(include=columns), "seq": seq})


def write_datasets(db: Connection, given: list[Dataset], by: Writer) -> None:
    """Create or replace datasets."""
    seqs = append(db, "dataset", [(d.code, d.model_dump_json()) for d in given], by)
    columns = {"code", "name", "first", "last"}
    for dataset, seq in zip(given, seqs, strict=True):
        db.execute(upsert(db, datasets), {**dataset.model_dump(include=columns), "seq": seq})
