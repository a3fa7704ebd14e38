"""Killed at random moments of writing: every acknowledged write is there, none by half."""

import random
import time

import pytest
from examples import add_key
from pair_writers import PairWriters
from service import Service
from soak import choose_size

from app.db.engine import Database

TIMES = choose_size(1, 50)


@pytest.mark.slow
@pytest.mark.soak
def test_killed_while_writing(database: Database) -> None:
    service = Service(database.engine.url.render_as_string(hide_password=False), add_key(database))
    dice = random.Random(7)
    writers = PairWriters(service)
    for _ in range(TIMES):
        service.start()
        with writers.write_meanwhile():
            writers.wait_for_more()
            time.sleep(dice.uniform(0.0, 0.8))
            service.kill()
    service.start()
    try:
        writers.check_record(database)
    finally:
        service.kill()
