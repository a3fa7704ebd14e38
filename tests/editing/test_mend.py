"""Ids of older rules are mended, and old documents get the fields of the present schema."""

from typing import Any

import pytest
from sqlalchemy import select

from app.db.engine import Database
from app.db.journal import Writer, current_write_transaction
from app.db.tables import revisions
from app.editing.mend import mend_stored_ids
from app.editing.rerender import rerender_events
from app.events.changes import (
    load_render_context,
    store_event_rows,
    write_resolved_events,
)
from app.events.index_rows import EventRows
from app.events.record import EventRecord, ReportRecord
from app.events.render import build_event_body, encode_event_body
from app.events.verify import find_event_faults
from app.sources.changes import write_sources
from app.sources.schemas import Source

pytestmark = pytest.mark.slow

BY = Writer("tests")


def rerender(database: Database) -> int:
    return rerender_events(database, BY, add_fields=True)


def list_faults(database: Database) -> list[str]:
    with database.connect() as db:
        return [fault for fault in find_event_faults(db) if "mends" in fault]


def store_old_document(database: Database, key: str) -> None:
    """Store an event as it was rendered before `part_of` existed."""
    with database.write() as db:
        body = build_event_body(
            EventRecord(key=key, title="Old", date="2020-01-01"), "curated",
            load_render_context(db), {},
        )  # fmt: skip
        rows = EventRows()
        old = encode_event_body(body).replace(b',"part_of":null', b"")
        rows.add_event(body, old, current_write_transaction(db).last_seq + 1)
        store_event_rows(db, rows, {}, BY)


def test_old_document_gets_the_new_fields_as_a_derived_revision(editor: Any) -> None:
    store_old_document(editor.database, "old")
    assert "part_of" not in editor.send_ok("GET", "/v1/events/curated:old")
    version = editor.read_version()
    assert [rerender(editor.database), rerender(editor.database)] == [1, 0]
    event = editor.send_ok("GET", "/v1/events/curated:old")
    assert (event["part_of"], event["revision"]) == (None, 2)
    then = editor.send_ok("GET", f"/v1/events/curated:old?as_of={version}")
    assert "part_of" not in then
    with editor.database.connect() as db:
        derived = select(revisions.c.derived).where(revisions.c.id == "curated:old")
        assert list(db.scalars(derived.order_by(revisions.c.seq))) == [False, True]


def test_ids_of_older_rules_are_found_and_mended(editor: Any) -> None:
    source = Source.model_construct(
        id="bad\u200bid", kind="news", title="T", publisher="P", url="https://p.example/a b"
    )
    record = EventRecord(
        key="line\nbreak ", title="t", date="2020-01-01", reports=[ReportRecord("bad\u200bid")]
    )
    long = EventRecord(key="é" * 201, title="t", date="2020-01-01")
    with editor.database.write() as db:
        write_sources(db, [source], BY)
        write_resolved_events(db, [("curated:line\nbreak ", record)], BY)
        write_resolved_events(db, [(f"curated:{long.key}", long)], BY)
    assert len(list_faults(editor.database)) == 3
    notes = mend_stored_ids(editor.database, BY)
    assert "event 'curated:line\\nbreak ' is now 'curated:line_break'" in notes
    assert "source 'bad\\u200bid' is now 'bad_id'" in notes
    assert list_faults(editor.database) == []
    event = editor.send_ok("GET", "/v1/events/curated:line_break")
    assert event["reports"][0]["source"] == "bad_id"
    assert event["reports"][0]["url"] == "https://p.example/a%20b"
    assert editor.send_ok("PUT", "/v1/events/curated:line_break", event) == event
    assert mend_stored_ids(editor.database, BY) == []
