"""A page that the database joins is the page that is read row by row."""

from collections.abc import Iterator, Sequence
from typing import Any

import make
import pytest

from app.db.engine import Database
from app.db.lineage_table import read_version
from app.db.packed_documents import DocumentDictionary
from app.db.repacking import Repacking, pack_stored
from app.events.counts import count_timeline
from app.events.filter import EventQuery
from app.events.queries import resolve_filter
from app.events.read import read_event_body, read_event_page
from app.events.resolved_filter import ResolvedFilter

pytestmark = [pytest.mark.slow, pytest.mark.on_both]
DAYS = ("2020-01-01", "2020-01-02", "2020-01-02/2020-01-04", "2019-12/2020-01-03", "2020-02")
QUESTIONS: Sequence[dict[str, object]] = (
    {},
    {"actor": ["USA"]},
    {"actor": ["USA"], "since": "2020-01-02"},
    {"actor": ["USA", "RUS"], "since": "2020-01-02", "until": "2020-01-31"},
    {"between": ["USA,RUS"], "sort": "date"},
    {"sort": "-recorded"},
    {"sort": "recorded", "since": "2020-01-02"},
    {"sort": "relevance", "q": "naïve"},
    {"actor": ["USA"], "since": "2020-01-02", "as_of": "9"},
    {"since": "2031"},
)


def write_events(database: Database, first: int) -> None:
    with database.write() as db:
        for number in range(first, first + 30):
            words = f'naïve, {{"id":{number}}} → ' + f"words number {number * 7919} " * 9
            make.event(db, "USA", "RUS", date=DAYS[number % len(DAYS)], title=words)


def compare_pages(database: Database) -> None:
    """Compare each page of each question, read both ways."""
    for asked in QUESTIONS:
        for limit in (1, 7, 60):
            cursor: str | None = None
            for _ in range(9):
                more = {"limit": limit, "cursor": cursor}
                query = EventQuery.model_validate({"dataset": ["made"], **asked, **more})
                with database.connect() as db:
                    resolved = resolve_filter(db, query, 9 if "as_of" in asked else None)
                    known = resolved, b"key", read_version(db)
                    documents, cursor = read_event_page(db, query, *known)
                    body = ",".join(documents).encode(), cursor
                    assert read_event_body(db, query, *known) == body
                if cursor is None:
                    break


def read_buckets(database: Database) -> list[dict[str, Any]]:
    """Read a timeline, whose titles are joined too."""
    with database.connect() as db:
        return count_timeline(db, ResolvedFilter(dataset=("made",)), "month", 3).buckets


def run_through(steps: Iterator[Repacking]) -> int:
    *_, last = steps
    return last.changed


def test_joined_pages_are_those_read_row_by_row(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("repacking", "dictionaries"):
        monkeypatch.setattr(f"app.db.{name}.MIN_SAMPLES", 20)
    with database.write() as db:
        make.dataset(db)
    write_events(database, 0)
    compare_pages(database)
    plain = read_buckets(database)
    assert run_through(pack_stored(database)) > 30
    compare_pages(database)  # all are packed
    assert read_buckets(database) == plain
    assert any(bucket["top"] for bucket in plain)
    pack = DocumentDictionary.pack

    def pack_others(one: DocumentDictionary, text: bytes) -> bytes | None:
        return None if text.startswith(b'{"id":"made:e') else pack(one, text)

    monkeypatch.setattr(DocumentDictionary, "pack", pack_others)
    write_events(database, 30)
    compare_pages(database)  # half of them are
    read_buckets(database)
