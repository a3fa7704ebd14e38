"""GDELT followed and pulled from the stand-in, with all that goes wrong."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import stamina
from ingest.loading import EVENT_TABLES, find_faults, list_refreshed_tables
from ingest.rows import make_table
from pull.pulling import (
    drop_waits,
    follow_slots,
    list_events,
    list_states,
    make_settings,
    publish_slot,
    run_round,
)
from pull.stand_in import PASSING, SLOT, Sources, list_slots, pack, run_sources

from app.db.engine import Database
from app.ingest.loading import maintenance
from app.ingest.remote import download
from app.ingest.remote.address import FileAddress
from app.ingest.remote.errors import UntrustedHostError
from app.pull.gdelt import parse_list
from app.pull.items import PullError, PullWindow
from app.pull.ledger import read_open_items
from app.pull.round import Round
from app.pull.sources import SourceOptions, make_source
from app.pull.terms import require_terms
from app.pull.wire import Wire
from app.settings import Settings
from app.sources.covered import read_dataset_document, read_slot_days

pytestmark = pytest.mark.slow

DAY = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sources]:
    """The stand-in, at the beginning of a day."""
    monkeypatch.setattr(download, "IDLE_SECONDS", 0.2)
    drop_waits()
    with run_sources(DAY + timedelta(minutes=5)) as found:
        yield found
    stamina.set_testing(False)


def make_keys(slots: list[datetime]) -> list[str]:
    return sorted(f"{at:%y%m%d%H%M}{n:02}" for at in slots for n in range(2))


def test_a_followed_day_is_whole_and_each_file_is_asked_for_once(
    database: Database, sources: Sources
) -> None:
    slots = list(list_slots(DAY, 5))
    reports = follow_slots(database, sources, slots)
    assert list_events(database) == make_keys(slots)
    assert set(list_states(database).values()) == {"loaded"}
    assert {(r.outcomes["loaded"], r.requests) for r in reports} == {(2, 3)}
    assert sources.count_requests(r"lastupdate\.txt") == 5
    assert sources.count_requests("masterfilelist") == 0
    for at in slots:
        assert sources.count_requests(f"{at:%Y%m%d%H%M%S}.export") == 1
    agents = {headers["User-Agent"] for _, headers in sources.requests}
    assert len(agents) == 1
    assert "desk@example.org" in agents.pop()
    assert find_faults(database) == []


@pytest.mark.on_both
def test_a_round_that_loads_much_brings_statistics_up_to_date(
    kind: str, database: Database, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "LEAST_EVENTS_FOR_STATISTICS", 5)
    follow_slots(database, sources, [DAY])
    assert list_refreshed_tables(database) == set()
    publish_slot(sources, DAY + SLOT, rows=3)
    sources.now += SLOT
    assert run_round(database, sources).new == 6
    assert (list_refreshed_tables(database) >= EVENT_TABLES) == (kind == "postgresql")


@pytest.mark.by_turns
def test_a_round_with_nothing_new_is_one_request_and_no_revision(
    database: Database, sources: Sources
) -> None:
    follow_slots(database, sources, [DAY])
    sources.requests.clear()
    report = run_round(database, sources)
    assert (report.requests, report.outcomes, report.rows) == (1, {}, 0)
    assert sources.requests[0][1]["If-None-Match"]


def test_slots_missed_in_an_outage_are_fetched_with_one_list(
    database: Database, sources: Sources
) -> None:
    slots = list(list_slots(DAY, 9))
    follow_slots(database, sources, slots[:1])
    for at in slots[1:]:
        publish_slot(sources, at)
    sources.now = slots[-1] + timedelta(minutes=5)
    report = run_round(database, sources)
    assert report.outcomes == {"loaded": 16}
    assert list_events(database) == make_keys(slots)
    assert sources.count_requests("masterfilelist") == 1


@pytest.mark.parametrize("fault", [*PASSING, "stall", "challenge"])
def test_nothing_is_lost_and_nothing_twice(
    database: Database, sources: Sources, fault: str
) -> None:
    slots = list(list_slots(DAY, 3))
    sources.break_next(f"{slots[1]:%Y%m%d%H%M%S}", fault, 9)
    follow_slots(database, sources, slots)
    sources.faults.clear()
    sources.now += timedelta(hours=2)
    publish_slot(sources, slots[-1] + 8 * SLOT, rows=0)
    run_round(database, sources)
    assert list_events(database) == make_keys(slots)
    mine = {f"{at:%Y%m%d%H%M%S}" for at in slots}
    states = list_states(database).items()
    assert {state for name, state in states if name[:14] in mine} == {"loaded"}
    with database.connect() as db:
        assert [day.covered for day in read_slot_days(db)["gdelt"]] == [4]
    assert find_faults(database) == []


def test_a_slot_that_never_comes_is_late_and_then_a_gap(
    database: Database, sources: Sources
) -> None:
    follow_slots(database, sources, [DAY])
    publish_slot(sources, DAY + 2 * SLOT)
    sources.now = DAY + 2 * SLOT + timedelta(minutes=5)
    run_round(database, sources)
    gap = f"{DAY + SLOT:%Y%m%d%H%M%S}.export.CSV.zip"
    assert list_states(database)[gap] == "late"
    for hours, state in ((4, "missing"), (24 * 9, "missing")):
        sources.now = DAY + timedelta(hours=hours)
        run_round(database, sources)
        assert list_states(database)[gap] == state
    with database.connect() as db:
        item = next(one for one in read_open_items(db, "gdelt") if one.name == gap)
        [day] = read_slot_days(db)["gdelt"]
    assert item.next_try is None  # a gap for good
    assert "00:15" in day.list_missing()
    before = sources.count_requests(gap)
    sources.now += timedelta(days=2)
    run_round(database, sources)
    assert sources.count_requests(gap) == before


@pytest.mark.by_turns
def test_a_late_slot_is_no_gap(database: Database, sources: Sources) -> None:
    follow_slots(database, sources, [DAY])
    sources.publish(DAY + SLOT, "export", "", listed=True)
    late = sources.objects.pop(sources.publish(DAY + SLOT, "mentions", ""))
    sources.now = DAY + SLOT + timedelta(minutes=5)
    run_round(database, sources)
    name = f"{DAY + SLOT:%Y%m%d%H%M%S}.mentions.CSV.zip"
    assert list_states(database)[name] == "late"
    sources.objects[f"/gdeltv2/{name}"] = late
    sources.now += timedelta(minutes=15)
    run_round(database, sources)
    assert list_states(database)[name] == "empty"


def test_a_file_that_is_published_again_is_loaded_again(
    database: Database, sources: Sources
) -> None:
    follow_slots(database, sources, list(list_slots(DAY, 2)))
    publish_slot(sources, DAY, rows=3, tone="2.5")
    sources.now += timedelta(days=1)
    report = run_round(database, sources)
    assert (report.new, report.changed) == (2, 2)  # an event and a mention more
    assert f"{DAY:%y%m%d%H%M}02" in list_events(database)
    assert run_round(database, sources).outcomes == {}


@pytest.mark.by_turns
def test_a_list_with_wrong_lines_loses_no_other(database: Database, sources: Sources) -> None:
    slots = list(list_slots(DAY, 4))
    follow_slots(database, sources, slots[:1])
    line = f"11 {'0' * 32} http://data.gdeltproject.org/gdeltv2/20260102001500.export.CSV.zip"
    other = f"1 {'0' * 32} http://x/../y.zip"
    sources.extra_lines = ["", "12 abc", line, line, "http://only", other]
    for at in slots[1:]:
        publish_slot(sources, at)
    sources.now = slots[-1] + timedelta(minutes=5)
    run_round(database, sources)
    assert list_events(database) == make_keys(slots)
    listed, wrong = parse_list("\r\n".join(sources.extra_lines))
    assert (len(listed), wrong) == (1, 2)


@pytest.mark.by_turns
def test_the_clock_of_the_source_counts(
    database: Database, sources: Sources, caplog: pytest.LogCaptureFixture
) -> None:
    sources.skew = -timedelta(hours=1)
    with caplog.at_level(logging.WARNING):
        follow_slots(database, sources, list(list_slots(DAY + timedelta(hours=3), 3)))
    assert "differ by" in caplog.text
    assert len(list_events(database)) == 0  # an hour off, all its slots seem to be of the future
    sources.skew = timedelta(0)
    run_round(database, sources)
    assert len(list_events(database)) == 2


@pytest.mark.by_turns
def test_a_source_that_is_down_ends_the_round(database: Database, sources: Sources) -> None:
    follow_slots(database, sources, [DAY])
    for at in list_slots(DAY + SLOT, 6):
        publish_slot(sources, at)
    sources.now = DAY + 6 * SLOT + timedelta(minutes=5)
    sources.break_next(r"zip", "500", 999)
    report = run_round(database, sources)
    assert report.outcomes == {"failed": 3}
    assert report.stopped
    assert report.left == 9
    sources.faults.clear()
    sources.now += timedelta(minutes=31)
    assert run_round(database, sources).outcomes["loaded"] == 12


def test_a_window_is_pulled_from_the_list(database: Database, sources: Sources) -> None:
    slots = list_slots(DAY - timedelta(days=1), 9)
    for at in slots:
        publish_slot(sources, at, rows=1)
    window = PullWindow(slots[2], slots[7])
    assert run_round(database, sources, window=window).outcomes == {"loaded": 12}
    assert len(list_events(database)) == 6
    with database.connect() as db:
        [day] = read_slot_days(db)["gdelt"]
    assert day.covered == 6
    assert run_round(database, sources, window=window).outcomes == {}


@pytest.mark.by_turns
def test_terms_are_accepted_once(database: Database, sources: Sources) -> None:

    source = make_source("gdelt", make_settings(sources), SourceOptions())
    with pytest.raises(PullError, match="--accept-terms"):
        require_terms(database, source, accepts=False, now="2026-01-01T00:00:00Z")
    require_terms(database, source, accepts=True, now="2026-01-01T00:00:00Z")
    require_terms(database, source, accepts=False, now="2026-02-01T00:00:00Z")
    with database.connect() as db:
        stored = read_dataset_document(db, "gdelt")
    assert stored is not None
    assert stored.terms
    assert stored.terms.endswith("Accepted on 2026-01-01.")


@pytest.mark.by_turns
def test_an_archive_of_another_slot_is_refused(database: Database, sources: Sources) -> None:

    name = f"{DAY:%Y%m%d%H%M%S}.export.CSV.zip"
    sources.publish_file(name, pack("20200101000000.export.CSV", make_table("gdelt-v2")))
    run_round(database, sources)
    assert list_states(database)[name] == "bad"
    assert list_events(database) == []


class ExpiredHost(Wire):
    """A wire on which the usual host has no valid certificate."""

    def __init__(self, settings: Settings, asked: list[str]) -> None:
        super().__init__(settings, sleep=lambda _: None)
        self._asked = asked

    def fetch(self, address: FileAddress, folder: Path, **_: Any) -> download.Download:
        """Fail as an expired certificate does; elsewhere answer with an empty list."""
        self._asked.append(address.url)
        if address.host == "data.gdeltproject.org":
            raise UntrustedHostError("has no valid certificate: it has expired")
        (folder / "list").write_text("")
        return download.Download(folder / "list")


@pytest.mark.by_turns
def test_an_expired_certificate_leads_to_the_other_host(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    settings, asked = Settings(), list[str]()
    source = make_source("gdelt", settings, SourceOptions())
    report = Round(database, source, ExpiredHost(settings, asked)).run()
    assert (report.outcomes, report.stopped) == ({}, None)
    assert [url.split("/")[2] for url in asked] == [
        "data.gdeltproject.org", "storage.googleapis.com",
    ]  # fmt: skip
    assert "has expired" in caplog.text
    assert all(url.startswith("https://") for url in asked)
