"""What is exported can be loaded again: the same documents, the same rows in every index."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any, cast

import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from app.db.engine import Database
from app.db.journal import Writer
from app.db.tables import events, participations, reports, signals, tags
from app.events.changes import write_events
from app.events.filter import EventQuery
from app.events.output_formats import OutputFormat
from app.events.record import convert_record
from app.events.reimport import (
    is_exported_event,
    record_from_document,
    record_from_row,
    record_from_typed_row,
)
from app.feeds.export import open_export
from app.feeds.registry import FEED_FORMATS
from app.page_models import Links

pytestmark = [pytest.mark.slow, pytest.mark.bundled]

Rows = Iterator[dict[str, Any]]


def render_file(database: Database, name: str) -> bytes:
    """Every event in a form, or in the flat one of it."""
    form = cast(OutputFormat, name.removesuffix(" flat"))
    asked = EventQuery.model_validate(
        {"format": form, "flat": form != name, "dataset": ["curated"], "sort": "date"}
    )
    opened = open_export(form, asked, database, b"test", lambda *_: Links(self="here"))
    return b"".join(FEED_FORMATS[form].write(opened.feed))


def of_lines(content: bytes) -> Rows:
    yield from (record_from_document(json.loads(line)) for line in content.splitlines())


def of_commas(content: bytes) -> Rows:
    yield from map(record_from_row, csv.DictReader(io.StringIO(content.decode(), newline="")))


def of_parquet(content: bytes) -> Rows:
    yield from map(record_from_typed_row, pq.read_table(io.BytesIO(content)).to_pylist())


def of_flat_parquet(content: bytes) -> Rows:
    yield from map(record_from_row, pq.read_table(io.BytesIO(content)).to_pylist())


def read_stored(database: Database) -> dict[str, list[Any]]:
    """The rows of every index, without what says when they were written."""
    found: dict[str, list[Any]] = {}
    with database.connect() as db:
        for table in (events, participations, signals, reports, tags):
            columns = [c for c in table.columns if c.name not in ("seq", "recorded_at")]
            found[table.name] = sorted(map(str, db.execute(select(*columns)).all()))
    return found


@pytest.mark.parametrize(
    ("form", "read"),
    [
        ("ndjson", of_lines),
        ("csv", of_commas),
        ("parquet", of_parquet),
        ("parquet flat", of_flat_parquet),
    ],
)
def test_loading_an_export_changes_nothing(
    database: Database, form: str, read: Callable[[bytes], Rows]
) -> None:
    before, documents = read_stored(database), list_documents(database)
    events = [convert_record(values) for values in read(render_file(database, form))]
    assert len(events) == len(documents)
    with database.write() as db:
        write_events(db, events, "curated", Writer("round trip"))
    assert read_stored(database) == before
    assert [drop_times(d) for d in list_documents(database)] == [drop_times(d) for d in documents]


def list_documents(database: Database) -> list[dict[str, Any]]:
    return [json.loads(line) for line in render_file(database, "ndjson").splitlines()]


def drop_times(document: dict[str, Any]) -> dict[str, Any]:
    """A document without what says when it was written."""
    return {k: v for k, v in document.items() if k not in ("recorded_at", "revision")}


def test_exported_documents_are_recognised(bundled_database: Database) -> None:
    assert all(is_exported_event(document) for document in list_documents(bundled_database))
    assert not is_exported_event({"key": "a", "title": "b", "date": "2020"})
