"""Loads files in tests."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from app.db.dialect.stored_document import document_of
from app.db.engine import Database
from app.db.journal import Writer
from app.db.tables import datasets, events, revisions
from app.events.verify import find_event_faults
from app.ingest.loading.load_options import LoadListener, LoadOptions
from app.ingest.loading.loader import Loader
from app.ingest.readers.files import open_input_files
from app.ingest.readers.rows import Reject

BY = Writer("tests")


def write_file(path: Path, text: str) -> Path:
    """Write a text to a file."""
    path.write_text(text, "utf-8")
    return path


def load_file(database: Database, path: Path, **options: Any) -> tuple[Loader, list[Reject]]:
    """Load a file all of which has to be readable; return the loader and the rejected rows."""
    loader, rejects, failed = try_load(database, path, **options)
    assert failed == []
    return loader, rejects


def try_load(
    database: Database, path: Path, **options: Any
) -> tuple[Loader, list[Reject], list[str]]:
    """Load a file; return the loader, the rejected rows and the unreadable files."""
    rejects: list[Reject] = []
    jobs = options.pop("jobs", 1)
    loader = Loader(database, BY, LoadOptions(**options), LoadListener(rejects.append), jobs=jobs)
    failed = loader.load_files(list(open_input_files(path)))
    t = loader.stats
    assert t.rows == t.new + t.changed + t.unchanged + t.rejected + t.duplicates
    return loader, rejects, failed


def list_counts(loader: Loader) -> dict[str, int]:
    """Return the counts that are not zero, by name."""
    return {name: number for name, number in loader.stats.counts_by_name().items() if number}


def read_documents(database: Database, dataset: str) -> dict[str, str]:
    """Read the current documents of a dataset, without the time of writing."""
    asked = (
        select(events.c.id, document_of(revisions))
        .join(revisions, revisions.c.seq == events.c.seq)
        .where(events.c.dataset == dataset)
    )
    with database.connect() as db:
        return {key: body.partition(',"recorded_at":')[0] for key, body in db.execute(asked)}


def read_document(database: Database, key: str) -> dict[str, Any]:
    """Read the current document of an event."""
    text = read_documents(database, key.partition(":")[0])[key]
    found: dict[str, Any] = json.loads(text + "}")
    return found


def find_faults(database: Database) -> list[str]:
    """Return the places where indexes and sums disagree with the stored documents."""
    with database.connect() as db:
        return list(find_event_faults(db))


def read_coverage(database: Database, dataset: str) -> tuple[Any, ...]:
    """Read the first and the last day of a dataset."""
    d = datasets.c
    with database.connect() as db:
        return tuple(db.execute(select(d.first, d.last).where(d.code == dataset)).one())


def list_refreshed_tables(database: Database) -> set[str]:
    """List the tables that PostgreSQL was made to vacuum and has statistics of; none of SQLite."""
    if database.engine.dialect.name == "sqlite":
        return set()
    vacuumed = "SELECT relname FROM pg_stat_user_tables WHERE vacuum_count > 0"
    analyzed = "SELECT tablename FROM pg_stats WHERE schemaname = current_schema()"
    with database.connect() as db:
        return set(db.scalars(text(vacuumed))) & set(db.scalars(text(analyzed)))


EVENT_TABLES = {"participations", "month_counts", "events", "revisions"}
"""Tables in which each load of events writes."""
