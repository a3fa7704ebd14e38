"""Corrections of the bundled data: each is a revision with its own reason, in every database."""

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, func, select

from app.bundled import tables
from app.bundled.corrections import read_corrections
from app.bundled.load_bundled import build_bundled_record, load_bundled_data
from app.db.engine import Database
from app.db.migrate import downgrade_schema, upgrade_schema
from app.db.tables import house, revisions
from app.events.read import read_event
from app.events.verify import find_event_faults

INVASION = "curated:2022-02-russia-invades-ukraine"
CSTO = "ARM:CSTO:member:1"
TRADE = "curated:2023-armenia-russia-trade"


class EarlierFolder:
    """The bundled folder as it was before some corrections."""

    def __init__(self, contents: dict[str, str]) -> None:
        self.contents, self.real = contents, tables.BUNDLED_FOLDER
        self.name = ""

    def __truediv__(self, name: str) -> "EarlierFolder | Path":
        if name not in self.contents:
            return Path(str(self.real)) / name
        self.name = name
        return self

    def read_bytes(self) -> bytes:
        return self.contents[self.name].encode()

    def read_text(self, _: str) -> str:
        return self.contents[self.name]


def list_reasons(database: Database, ident: str) -> list[str | None]:
    r = revisions.c
    with database.connect() as db:
        return list(db.scalars(select(r.reason).where(r.id == ident).order_by(r.revision)))


def test_history_shows_the_article_and_the_correction(api: TestClient) -> None:
    history = api.get(f"/v1/events/{INVASION}/history").json()["data"]
    assert [revision["document"]["date"] for revision in history] == ["2022-02", "2022-02-24"]
    assert history[1]["reason"].startswith("The invasion began on 24 February 2022")
    assert "info-res-2022-02-24-ukraine" in history[1]["reason"]
    assert "date" in {change["field"] for change in history[1]["changed"]}


def test_history_of_memberships_actors_and_sources_says_why(api: TestClient) -> None:
    for path in ("memberships/" + CSTO, "actors/EU", "sources/axios-2022-09-19-pelosi"):
        [revision] = api.get(f"/v1/{path}/history").json()["data"]
        assert revision["reason"].startswith("bundled data, corrected: "), path


def test_every_correction_is_of_something_bundled_and_cites_known_sources() -> None:
    record = build_bundled_record()
    ids = {
        "actor": {actor.code for actor in record.actors},
        "source": {source.id for source in record.sources},
        "membership": {membership.id for membership in record.memberships},
        "event": {f"{name}:{e.key}" for name, events in record.events.items() for e in events},
    }
    seen = set()
    for correction in read_corrections():
        assert (set(correction.ids) <= ids[correction.kind]) != correction.dropped, correction
        assert set(correction.sources) <= ids["source"], correction
        assert correction.reason.endswith("."), correction
        assert not correction.was or correction.kind == "event", correction
        seen |= {(ident, correction.reason) for ident in correction.ids}
    assert len(seen) == sum(len(correction.ids) for correction in read_corrections())


@pytest.mark.slow
@pytest.mark.by_turns
def test_a_database_of_before_gets_each_correction_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One event still differs, one has been corrected without a reason, one was dropped since."""
    lines = (tables.BUNDLED_FOLDER / "events.ndjson").read_text("utf-8").splitlines()
    events = {e["key"]: e for e in map(json.loads, lines)}
    events["2022-02-russia-invades-ukraine"]["date"] = "2022-02"
    trade = {**events["2019-10-01-putin-visits-yerevan"], "key": "2023-armenia-russia-trade"}
    earlier = "\n".join(json.dumps(e) for e in (*events.values(), trade))
    downgrade_schema(database, "base")
    upgrade_schema(database)
    with monkeypatch.context() as patched:
        folder = EarlierFolder({"events.ndjson": earlier, "corrections.ndjson": ""})
        patched.setattr(tables, "BUNDLED_FOLDER", folder)
        assert load_bundled_data(database)
    for ident in (INVASION, CSTO, TRADE):
        assert list_reasons(database, ident) == ["bundled data"]

    assert load_bundled_data(database)
    for ident, start in (
        (INVASION, "The intensity typed by hand is dropped"),
        (CSTO, "Armenia froze its part in practice"),
        (TRADE, "A yearly statistic is no event"),
        ("curated:2023-09-28-karabakh-dissolution-announced", "That a republic dissolves itself"),
    ):
        first, second = list_reasons(database, ident)
        assert first == "bundled data"
        assert second is not None
        assert second.startswith(start)
    assert "The invasion began" in str(list_reasons(database, INVASION)[1])
    with database.connect() as db:
        assert json.loads(read_event(db, INVASION).document)["date"] == "2022-02-24"
        assert json.loads(read_event(db, TRADE).document)["status"] == "retracted"
        assert list(find_event_faults(db)) == []
        last = db.scalar(select(func.max(revisions.c.seq)))

    with database.write() as db:
        db.execute(delete(house).where(house.c.name == "bundled"))
    assert load_bundled_data(database)
    with database.connect() as db:
        assert db.scalar(select(func.max(revisions.c.seq))) == last
