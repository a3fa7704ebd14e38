"""A follower of another Entente that is killed at any moment loses nothing, doubles nothing."""

import os
import random
import subprocess
import sys
import time

import pytest
from make import BY, dataset
from pull.replicas import read_documents
from serving import serve_database
from soak import choose_size
from sqlalchemy import func, select

from app.db.engine import Database
from app.db.tables import revisions
from app.events.changes import write_events
from app.events.record import convert_record
from app.events.verify import find_event_faults

pytestmark = pytest.mark.slow

EVENTS, KILLS = choose_size(600, 20_000), choose_size(1, 30)
PAGE = choose_size(40, 100)
PROGRAM = f"""
from app.pull import original
original.PAGE_CHANGES = {PAGE}
from app.cli import main
main()
"""


def start_follower(replica: Database, address: str) -> subprocess.Popen[bytes]:
    words = ("follow", "entente", address, "--dataset", "made", "--once", "--accept-terms")
    environment = os.environ | {
        "ENTENTE_DATABASE_URL": replica.engine.url.render_as_string(hide_password=False),
        "ENTENTE_ALLOW_PRIVATE_ADDRESSES": "true", "ENTENTE_PULL_PAUSE": "0",
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words], env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def count_documents(replica: Database) -> int:
    with replica.connect() as db:
        asked = select(func.count()).where(revisions.c.id.startswith("made:"))
        return int(db.scalar(asked) or 0)


def wait_for_page(replica: Database, least: int) -> None:
    """Wait until the follower has written what it has, or had before, all of."""
    until = time.monotonic() + 60
    while count_documents(replica) < min(least, EVENTS):
        assert time.monotonic() < until, "the follower writes nothing"
        time.sleep(0.02)


def fill_original(database: Database) -> None:
    """Write events, and half of them once more."""
    fields = [
        {"key": f"e{n}", "title": f"Event {n}", "date": "2020-01-01",
         "participants": [{"actor": "ARM", "role": "initiator"}]}
        for n in range(EVENTS)
    ]  # fmt: skip
    with database.write() as db:
        dataset(db)
        write_events(db, [convert_record(one) for one in fields], "made", BY)
        again = [convert_record(one | {"title": "Again"}) for one in fields[: EVENTS // 2]]
        write_events(db, again, "made", BY)


@pytest.mark.soak
@pytest.mark.by_turns
def test_a_follower_of_a_service_that_is_killed_loses_nothing(
    database: Database, replica: Database
) -> None:
    chance = random.Random(7)
    fill_original(database)
    with serve_database(database.engine.url.render_as_string(hide_password=False)) as address:
        for _ in range(KILLS):
            follower = start_follower(replica, address)
            wait_for_page(replica, count_documents(replica) + 1)
            time.sleep(chance.uniform(0, choose_size(1, 4)) / 4)
            follower.kill()
            follower.communicate()
        last = start_follower(replica, address)
        said = last.communicate()[0].decode()
        assert last.returncode == 0, said
        assert "not rendered" not in said
    assert read_documents(replica, "made") == read_documents(database, "made")
    r = revisions.c
    asked = select(func.max(r.revision)).where(r.kind == "event", r.id.startswith("made:"))
    with replica.connect() as db:
        assert db.scalar(asked) <= 2  # none was written twice
        assert list(find_event_faults(db)) == []
