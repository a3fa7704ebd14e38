"""Random histories of faults: what is stored in the end is what a faultless pull stores."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import stamina
from ingest.loading import find_faults
from pull.pulling import drop_waits, list_events, list_states, publish_slot, run_round
from pull.stand_in import PASSING, Fault, Sources, list_slots, run_sources
from soak import choose_size

from app.db.engine import Database
from app.ingest.remote import download

pytestmark = pytest.mark.slow

DAY = datetime(2026, 1, 2, tzinfo=UTC)
HISTORIES, SLOTS = choose_size(1, 4), choose_size(6, 16)


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sources]:
    monkeypatch.setattr(download, "IDLE_SECONDS", 0.2)
    drop_waits()
    with run_sources(DAY) as found:
        yield found
    stamina.set_testing(False)


def live_through(
    database: Database, sources: Sources, chance: random.Random, begin: datetime
) -> None:
    """Publish slots while anything goes wrong, and go on until nothing is open."""
    for at in list_slots(begin, SLOTS):
        publish_slot(sources, at)
        stamp = f"{at:%Y%m%d%H%M%S}"
        for stream in ("export", "mentions"):
            if chance.random() < 0.4:
                kind = chance.choice(PASSING)
                sources.faults.append(Fault(f"{stamp}.{stream}", kind, chance.randint(1, 9)))
        if chance.random() < 0.2:
            sources.faults.append(Fault("lastupdate|masterfile", chance.choice(("500", "cut")), 5))
        if chance.random() < 0.1:  # published again
            publish_slot(sources, at, tone=f"{chance.uniform(-9, 9):.2f}")
        sources.now = at + timedelta(minutes=5)
        if chance.random() < 0.8:
            run_round(database, sources)
    sources.faults.clear()
    for _ in range(14):  # what was missing is looked for again after a day
        run_round(database, sources)
        sources.now += timedelta(hours=3)


@pytest.mark.soak
def test_nothing_is_lost_whatever_goes_wrong(database: Database, sources: Sources) -> None:
    expected: list[str] = []
    for number in range(HISTORIES):
        begin = sources.now.replace(minute=0) + timedelta(hours=1)
        live_through(database, sources, random.Random(number), begin)
        slots = list_slots(begin, SLOTS)
        expected += [f"{at:%y%m%d%H%M}{n:02}" for at in slots for n in range(2)]
        mine = {f"{at:%Y%m%d%H%M%S}" for at in slots}
        states = {n: s for n, s in list_states(database).items() if n[:14] in mine}
        assert set(states.values()) == {"loaded"}, (number, states)
    assert list_events(database) == sorted(expected)
    assert find_faults(database) == []
