"""A revision has the instant of its commit, whether or not its row repeats it."""

import make
import pytest
from sqlalchemy import select

from app.db.engine import Database
from app.db.migrate import downgrade_schema, upgrade_schema
from app.db.revision_rows import instant_of
from app.db.tables import commits, revisions

R = revisions.c
BEFORE = "20261202_denser"


def read_instants(database: Database) -> list[tuple[int, str, str]]:
    with database.connect() as db:
        found = select(R.seq, R.own_instant, instant_of(revisions)).order_by(R.seq)
        return [tuple(row) for row in db.execute(found)]


@pytest.fixture
def written(database: Database) -> list[tuple[int, str, str]]:
    with database.write() as db:
        make.dataset(db)
        make.event(db, "ARM", key="e1")
    with database.write() as db:
        make.event(db, "ARM", key="e1", title="changed")
        make.event(db, "AZE", key="e2")
    return read_instants(database)


def test_each_revision_of_a_commit_has_its_instant(
    database: Database, written: list[tuple[int, str, str]]
) -> None:
    with database.connect() as db:
        [(last, then), (before, earlier)] = db.execute(
            select(commits.c.seq, commits.c.at).order_by(commits.c.seq.desc()).limit(2)
        )
    assert {own for _, own, _ in written} == {""}
    assert last - before == 2
    assert [at for seq, _, at in written if seq > before] == [then, then]
    assert [at for seq, _, at in written if seq <= before][-2:] == [earlier, earlier]


def test_a_downgrade_writes_instants_and_they_stay(
    database: Database, written: list[tuple[int, str, str]]
) -> None:
    downgrade_schema(database, BEFORE)
    upgrade_schema(database)
    again = read_instants(database)
    assert [(seq, at) for seq, _, at in again] == [(seq, at) for seq, _, at in written]
    assert all(own == at for _, own, at in again)
    with pytest.raises(Exception, match="a revision is never changed"), database.write() as db:
        db.exec_driver_sql("UPDATE revisions SET at = ''")
    with database.write() as db:
        make.event(db, "ARM", key="e3")
    assert read_instants(database)[-1][1] == ""
