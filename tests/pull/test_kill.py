"""A follower that is killed at any moment loses nothing and does nothing twice."""

import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from pull.pulling import list_events, list_states, publish_slot
from pull.stand_in import Sources, list_slots, run_sources
from soak import choose_size
from sqlalchemy import func, select

from app.db.engine import Database
from app.db.tables import revisions
from app.events.verify import find_event_faults

pytestmark = pytest.mark.slow

DAY = datetime(2026, 1, 2, tzinfo=UTC)
SLOTS, KILLS = choose_size(16, 672), choose_size(2, 50)


def start_follower(url: str, sources: Sources) -> subprocess.Popen[bytes]:
    words = ("follow", "gdelt", "--once", "--since", "2026-01-02", "--accept-terms")
    environment = os.environ | {
        "ENTENTE_DATABASE_URL": url, "ENTENTE_GDELT_URL": sources.url,
        "ENTENTE_ALLOW_PRIVATE_ADDRESSES": "true", "ENTENTE_PULL_PAUSE": "0",
    }  # fmt: skip
    command = [sys.executable, "-m", "app", *words, "--order", "oldest"]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def wait_for_requests(sources: Sources, more: int, follower: subprocess.Popen[bytes]) -> None:
    """Wait until the sources were asked so many times more, or the follower has ended."""
    least, until = len(sources.requests) + more, time.monotonic() + 60
    while len(sources.requests) < least and follower.poll() is None:
        assert time.monotonic() < until, "the follower asks for nothing"
        time.sleep(0.005)


def list_revisions(database: Database) -> dict[str, int]:
    """List the events with the number of their latest revision."""
    r = revisions.c
    asked = select(r.id, func.max(r.revision)).where(r.kind == "event").group_by(r.id)
    with database.connect() as db:
        return {row[0]: row[1] for row in db.execute(asked) if row[0].startswith("gdelt:")}


@pytest.mark.soak
def test_a_follower_that_is_killed_loses_nothing(database: Database) -> None:
    chance = random.Random(7)
    url = database.engine.url.render_as_string(hide_password=False)
    with run_sources(DAY) as sources:
        slots = list_slots(DAY, SLOTS)
        for at in slots:
            publish_slot(sources, at)
        sources.now = slots[-1] + timedelta(minutes=5)
        for _ in range(KILLS):
            follower = start_follower(url, sources)
            wait_for_requests(sources, chance.randint(2, choose_size(12, 50)), follower)
            follower.kill()
            follower.communicate()
            with database.connect() as db:
                assert list(find_event_faults(db)) == []
        last = start_follower(url, sources)
        said = last.communicate()[0].decode()
        assert last.returncode == 0, said
    keys = sorted(f"{at:%y%m%d%H%M}{n:02}" for at in slots for n in range(2))
    assert list_events(database) == keys
    states = list_states(database)
    assert (len(states), set(states.values())) == (2 * SLOTS, {"loaded"})
    # Each event was loaded once and got its mention once.
    assert set(list_revisions(database).values()) == {2}
    asked = {name: sources.count_requests(name) for name in states}
    assert max(asked.values()) <= 1 + KILLS
    assert sum(asked.values()) <= len(states) + KILLS + 1
