"""Indexes are rewritten without gaps, and how revisions are sought is as dense as it can be."""

import time

import make
import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from typer.testing import CliRunner

from app import cli
from app.db.compaction import CompactionDelayedError, compact_database
from app.db.engine import Database
from app.db.tables import commits, revisions
from app.events.verify import find_event_faults

R = revisions.c
INVALID = "SELECT relname FROM pg_class JOIN pg_index ON indexrelid = oid WHERE NOT indisvalid"
NAMES = "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"


@pytest.fixture
def filled(database: Database) -> Database:
    with database.write() as db:
        make.dataset(db)
        for n in range(20):
            make.event(db, "ARM", "AZE", key=f"e{n}")
    return database


def find_faults(database: Database) -> list[str]:
    with database.connect() as db:
        return list(find_event_faults(db))


def test_gaps_go(filled: Database) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
    row = "'made:gap' || CAST(i AS varchar(9)), i, i, 0"
    fill = f'INSERT INTO loaded (event, digest, "row", unresolved) {numbers} SELECT {row} FROM n'
    with filled.engine.begin() as db:
        db.exec_driver_sql(fill)
        db.exec_driver_sql("DELETE FROM loaded")
    [done] = list(compact_database(filled, least=400_000))
    assert done.name in ("pk_loaded", "the whole file")
    assert done.before - done.after > 400_000


def test_compacting_keeps_each_row_and_index(kind: str, filled: Database) -> None:
    names = set[str]()
    if kind == "postgresql":
        with filled.engine.connect() as db:
            names = set(db.scalars(text(NAMES)))
    done = list(compact_database(filled, least=0))
    assert find_faults(filled) == []
    with filled.write() as db:
        make.event(db, "ARM", key="later")
    assert find_faults(filled) == []
    if kind == "postgresql":
        assert {one.name for one in done} == names
        with filled.engine.connect() as db:
            assert set(db.scalars(text(NAMES))) == names
            assert db.scalar(text("SHOW statement_timeout")) == "0"
    else:
        assert [one.name for one in done] == ["the whole file"]


def test_what_an_interrupted_rewriting_left_is_dropped(kind: str, filled: Database) -> None:
    if kind == "sqlite":
        pytest.skip("VACUUM leaves nothing")
    apart = filled.engine.execution_options(isolation_level="AUTOCOMMIT")
    with apart.connect() as db:
        with pytest.raises(IntegrityError):  # as an interruption does, this leaves it invalid
            db.exec_driver_sql(
                "CREATE UNIQUE INDEX CONCURRENTLY pk_events_ccnew1 ON events (dataset)"
            )
        assert list(db.scalars(text(INVALID))) == ["pk_events_ccnew1"]
        assert not [one for one in compact_database(filled) if "cc" in one.name]
        assert list(db.scalars(text(INVALID))) == []


def test_a_transaction_that_goes_on_for_long_is_not_waited_for(kind: str, filled: Database) -> None:
    if kind == "sqlite":
        pytest.skip("readers are not in the way")
    with filled.connect() as db:
        db.execute(text("SELECT 1"))
        time.sleep(1.1)
        with pytest.raises(CompactionDelayedError, match="gone on for"):
            list(compact_database(filled, least=0, patience=1))
    assert list(compact_database(filled, least=0, patience=1))


def test_a_rewriting_that_is_given_up_leaves_nothing(kind: str, filled: Database) -> None:
    if kind == "sqlite":
        pytest.skip("readers are not in the way")
    with filled.connect() as db:
        db.execute(text("SELECT count(*) FROM keys"))
        with pytest.raises(DBAPIError, match="lock timeout"):
            list(compact_database(filled, least=0, patience=1))
    with filled.connect() as db:
        assert list(db.scalars(text(INVALID))) == []


def test_the_command_says_what_became_of_the_bytes(
    filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = filled.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url)
    said = CliRunner().invoke(cli.main, ["db", "compact"])
    assert said.exit_code == 0, said.output
    assert "bytes became" in said.output


def test_revisions_of_a_document_are_sought_by_an_index(kind: str, filled: Database) -> None:
    explain = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}[kind]
    wanted = {
        "kind = 'event' AND id = 'made:e1'": ("(kind=? AND id=?)", "ix_revisions_id"),
        "kind = 'actor' AND id > 'A'": ("(kind=? AND id>?)", "ix_revisions_edited"),
    }
    with filled.engine.connect() as db:
        if kind == "postgresql":
            db.exec_driver_sql("SET enable_seqscan = off")
        for asked, plans in wanted.items():
            rows = db.exec_driver_sql(f"{explain} SELECT seq FROM revisions WHERE {asked}")
            plan = " ".join(str(row[-1]) for row in rows)
            assert plans[kind == "postgresql"] in plan


@pytest.mark.parametrize("of", ["event", "actor"])
@pytest.mark.on_both
def test_a_number_that_occurs_twice_is_refused_or_found(
    kind: str, filled: Database, of: str
) -> None:
    columns = [c for c in R if c.name not in ("seq", "id")]
    with filled.engine.connect() as db:
        last = db.scalar(select(R.seq).order_by(R.seq.desc()).limit(1)) or 0
        row = db.execute(select(*columns, R.id).where(R.kind == of).limit(1)).one()
    try:
        with filled.engine.begin() as db:
            values = {c.key: v for c, v in zip([*columns, R.id], row, strict=True)}
            db.execute(insert(revisions).values(seq=last + 1, **values))
            db.execute(insert(commits).values(seq=last + 1, at="2100-01-01T00:00:00.000000Z"))
    except DBAPIError:
        assert (kind, of) != ("postgresql", "event")
    else:
        assert (kind, of) == ("postgresql", "event")
        fault = f"revisions: event {row.id} has revision 1 more than once"
        assert fault in find_faults(filled)
