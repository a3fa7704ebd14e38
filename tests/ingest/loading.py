"""Loads files in tests."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.db.engine import Database
from app.db.journal import Writer
from app.db.tables import datasets, events, revisions
from app.events.verify import find_event_faults
from app.ingest.loading.loader import Loader, LoadListener, LoadOptions
from app.ingest.readers.files import open_input_files
from app.ingest.readers.rows import Reject

BY = Writer("tests")


def wrote(path: Path, text: str) -> Path:
    """A file with a text."""
    path.write_text(text, "utf-8")
    return path


def load(database: Database, path: Path, **options: Any) -> tuple[Loader, list[Reject]]:
    """Load a file; nothing of it may be unreadable, and every row has to be accounted for."""
    loader, rejects, failed = attempt(database, path, **options)
    assert failed == []
    return loader, rejects


def attempt(
    database: Database, path: Path, **options: Any
) -> tuple[Loader, list[Reject], list[str]]:
    """Load a file; what could not be read is the last of the three."""
    rejects: list[Reject] = []
    loader = Loader(database, BY, LoadOptions(**options), LoadListener(rejects.append))
    failed = loader.load_files(list(open_input_files(path)))
    t = loader.stats
    assert t.rows == t.new + t.changed + t.unchanged + t.rejected + t.duplicates
    return loader, rejects, failed


def counts(loader: Loader) -> dict[str, int]:
    """The counts that are not zero."""
    return {name: number for name, number in loader.stats.counts_by_name().items() if number}


def documents(database: Database, dataset: str) -> dict[str, str]:
    """What stands, without when it was written."""
    asked = (
        select(events.c.id, revisions.c.document)
        .join(revisions, revisions.c.seq == events.c.seq)
        .where(events.c.dataset == dataset)
    )
    with database.connect() as db:
        return {key: body.partition(',"recorded_at":')[0] for key, body in db.execute(asked)}


def document(database: Database, key: str) -> dict[str, Any]:
    """What stands of one event."""
    held = documents(database, key.partition(":")[0])[key]
    found: dict[str, Any] = json.loads(held + "}")
    return found


def sound(database: Database) -> list[str]:
    """What indexes and sums say otherwise than the documents; nothing, where all is well."""
    with database.connect() as db:
        return list(find_event_faults(db))


def covered(database: Database, dataset: str) -> tuple[Any, ...]:
    """The first and the last day of a dataset."""
    d = datasets.c
    with database.connect() as db:
        return tuple(db.execute(select(d.first, d.last).where(d.code == dataset)).one())
