"""Makes rows: what matters is named, the rest is filled in."""

from itertools import count
from typing import Any

from sqlalchemy import Connection, update

from app.db.engine import Database
from app.db.journal import Writer
from app.db.tables import lineages
from app.events.changes import write_events
from app.events.record import convert_record
from app.sources.changes import write_datasets
from app.sources.schemas import Dataset

BY = Writer("tests")
FIRST_LINEAGE = "1e100001"
"""So that both databases, and the examples, have the same bytes."""
_numbers = count(1)


def name_first_lineage(made: Database) -> None:
    """Give the lineage of a new database, whose name is random, the name that tests know."""
    with made.engine.begin() as db:
        db.execute(update(lineages).values(lineage=FIRST_LINEAGE))


def dataset(db: Connection, code: str = "made") -> str:
    """Make a dataset to put events in, and return its code."""
    fields = {"code": code, "name": code, "version": "1", "licence": "none", "citation": code}
    write_datasets(db, [Dataset.model_validate(fields)], BY)
    return code


def event(db: Connection, *actors: str, date: str = "2020-01-01", **more: Any) -> str:
    """Make an event in which the actors took part, and return its id."""
    key = more.pop("key", f"e{next(_numbers):05d}")
    roles = more.pop("roles", {})
    fields = {
        "key": key,
        "title": more.pop("title", key),
        "date": date,
        "participants": [{"actor": a, "role": roles.get(a, "participant")} for a in actors],
        **more,
    }
    write_events(db, [convert_record(fields)], "made", BY)
    return f"made:{key}"
