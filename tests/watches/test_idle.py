"""Without a watch, nothing is compared and nothing written."""

import make

from app.db.engine import Database
from app.watches.matching import WatchMatcher


def test_a_database_without_watches_is_left_alone(database: Database) -> None:
    with database.write() as db:
        make.dataset(db)
    writes: list[bool] = []
    database.count_use = lambda _seconds, is_write: writes.append(is_write)
    assert WatchMatcher(database).match_batch() is False
    assert set(writes) == {False}
