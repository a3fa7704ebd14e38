"""Totals: exact where asked, and honest about being an estimate."""

import make
import pytest
from fastapi.testclient import TestClient

from app.db.engine import Database
from app.events import read
from app.events.resolved_filter import ResolvedFilter


def test_total_is_left_out_by_default(api: TestClient) -> None:
    assert "count" not in api.get("/v1/events").json()["meta"]


def test_an_exact_total_is_the_length_of_the_list(api: TestClient) -> None:
    found = api.get("/v1/events", params={"actor": "ARM", "count": "exact", "limit": 1000}).json()
    assert found["meta"]["count"] == len(found["data"])
    assert found["meta"]["count_is"] == "exact"


def test_few_events_are_counted_even_for_an_estimate(api: TestClient) -> None:
    meta = api.get("/v1/events", params={"actor": "ARM", "count": "estimate"}).json()["meta"]
    assert meta["count_is"] == "exact"


def test_many_are_estimated_from_how_dense_the_newest_are(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "SAMPLE_SIZE", 10)
    with database.write() as db:
        make.dataset(db)
        for day in range(1, 29):
            make.event(db, "USA", date=f"2020-02-{day:02d}")
        wanted = ResolvedFilter(dataset=("made",))
        found = read.read_event_page_meta(db, wanted, "estimate", 1, empty=False)
    assert (found.count, found.count_is) == (28, "estimate")


@pytest.mark.slow
def test_relations_have_their_years_and_pages(api: TestClient) -> None:
    whole = api.get("/v1/actors/ARM/relations", params={"limit": 1000}).json()["data"]
    assert all(r["count"] == sum(y["count"] for y in r["series"]) for r in whole)
    paged, address = [], "/v1/actors/ARM/relations?limit=7"
    while address:
        answer = api.get(address).json()
        paged += answer["data"]
        address = answer["links"]["next"]
    assert paged == whole
