"""The bundled data is brought in again after it changed: only what differs is written."""

import json
from pathlib import Path

import make
import pytest
from sqlalchemy import select

from app.bundled import load_bundled, tables
from app.db.engine import Database
from app.db.tables import revisions
from app.events.read import read_event
from app.events.verify import find_event_faults


class Folder:
    """The bundled folder, with other lines of events."""

    def __init__(self, events: str) -> None:
        self.events = events

    def __truediv__(self, name: str) -> "Folder | Path":
        return self if name == "events.ndjson" else Path(str(tables.FOLDER_OF_OLD)) / name

    def read_bytes(self) -> bytes:
        return self.events.encode()

    def read_text(self, _: str) -> str:
        return self.events


def list_written(database: Database, after: int) -> list[tuple[str, str, str | None]]:
    r = revisions.c
    with database.connect() as db:
        rows = db.execute(select(r.action, r.id, r.reason).where(r.seq > after).order_by(r.seq))
        return [tuple(row) for row in rows]


@pytest.mark.slow
@pytest.mark.bundled
def test_only_what_differs_is_written(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tables.BUNDLED_FOLDER
    lines = (old / "events.ndjson").read_text("utf-8").splitlines()
    changed, gone, edited = (json.loads(line) for line in lines[:3])
    changed["title"] = "Another title"
    with database.write() as db:
        fields = {**edited, "title": "Ours now"}
        make.write_events(db, [make.convert_record(fields)], "curated", make.BY)
        before = len(list_written(database, 0)) + 1
    monkeypatch.setattr(tables, "FOLDER_OF_OLD", old, raising=False)
    lines_read = "\n".join([json.dumps(changed), json.dumps(edited), *lines[3:]])
    monkeypatch.setattr(tables, "BUNDLED_FOLDER", Folder(lines_read))
    assert load_bundled.load_bundled_data(database)
    assert list_written(database, before) == [
        ("update", f"curated:{changed['key']}", "bundled data"),
        ("retract", f"curated:{gone['key']}", "no longer bundled"),
    ]
    assert not load_bundled.load_bundled_data(database)
    with database.connect() as db:
        assert (
            json.loads(read_event(db, f"curated:{edited['key']}").document)["title"] == "Ours now"
        )
        assert list(find_event_faults(db)) == []
