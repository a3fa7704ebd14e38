"""With the setting `fast_statements` off, SQLAlchemy alone runs all statements."""

import json
from collections.abc import Iterator

import pytest
from examples import FILE
from fastapi.testclient import TestClient
from sqlalchemy import bindparam, select
from sqlalchemy.exc import DBAPIError

from app.db.dialect.fast_statements import compile_prepared, uses_fast_statements
from app.db.engine import Database
from app.db.tables import actors
from app.main import create_app
from app.settings import Settings

ADDRESSES = [
    "/v1/events?actor=ARM&since=2023&limit=5&count=exact",
    "/v1/events?between=ARM,RUS&as_of=1200&limit=5",
    "/v1/events?member_of=CSTO&q=treaty&limit=5",
    "/v1/timeline?actor=ARM&since=2020&granularity=month",
    "/v1/facets?by=type,actor,country",
    "/v1/actors/ARM/relations",
    "/v1/alignment?actor=ARM&toward=EU,USA&against=RUS,CSTO&known_by=2023-10-13",
    "/v1/shifts?actor=TUR&toward=USA",
    "/v1/shifts?actor=ARM",
    "/v1/similarity?actors=ARM,RUS&since=2000&until=2023",
    "/v1/ideal-points?actors=ARM,RUS",
    "/v1/events?format=ndjson&actor=ARM&limit=20",
]
LOOKUP = select(actors.c.kind).where(actors.c.code == bindparam("asked"))


@pytest.fixture(scope="module")
def plain_api(api: TestClient) -> Iterator[TestClient]:
    """The service on the database of `api`, with fast statements off."""
    url = api.app.state.settings.database_url  # type: ignore[attr-defined]
    settings = Settings(database_url=url, cursor_key="test", fast_statements=False)
    with TestClient(create_app(settings)) as client:
        yield client


@pytest.mark.parametrize("address", ADDRESSES)
def test_answers_do_not_depend_on_fast_statements(
    api: TestClient, plain_api: TestClient, address: str
) -> None:
    with plain_api.app.state.database.connect() as db:  # type: ignore[attr-defined]
        assert not uses_fast_statements(db)
    fast, plain = api.get(address), plain_api.get(address)
    assert (fast.status_code, plain.status_code) == (200, 200)
    assert fast.content == plain.content


@pytest.mark.slow
def test_documented_answers_do_not_depend_on_fast_statements(
    api: TestClient, plain_api: TestClient
) -> None:
    for example in json.loads(FILE.read_text(encoding="utf-8")).values():
        if "get" in example:
            fast, plain = api.get(example["get"]), plain_api.get(example["get"])
            assert fast.status_code == plain.status_code, example["get"]
            assert fast.headers.get("etag") == plain.headers.get("etag"), example["get"]


@pytest.mark.on_both
@pytest.mark.parametrize("fast", [True, False])
def test_setting_decides_which_way_rows_come(database: Database, fast: bool) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    chosen = Database(url, 1, fast_statements=fast)
    run = compile_prepared(database.engine.dialect.name, LOOKUP)
    with chosen.connect() as db:
        assert uses_fast_statements(db) is fast
        assert run.fetch_rows(db, {"asked": "ARM"}) == [("state",)]
        assert run.execute(db, {"asked": "ARM"}).all() == [("state",)]
        if database.engine.dialect.name == "postgresql":
            prepared = db.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar()
            assert prepared == (1 if fast else 0)
    chosen.close()


def test_setting_is_read_from_the_environment(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENTENTE_FAST_STATEMENTS", "false")
    chosen = Database(database.engine.url.render_as_string(hide_password=False))
    with chosen.connect() as db:
        assert not uses_fast_statements(db)
    chosen.close()


@pytest.mark.on_both
@pytest.mark.parametrize("fast", [True, False])
def test_statement_that_fails_raises_the_same_error(database: Database, fast: bool) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    chosen = Database(url, 1, fast_statements=fast)
    wrong = compile_prepared(database.engine.dialect.name, select(actors.c.kind.label("x")))
    with chosen.connect() as db:
        db.exec_driver_sql("ALTER TABLE actors RENAME TO elsewhere")
        with pytest.raises(DBAPIError):
            wrong.fetch_rows(db, {})
        db.rollback()
    chosen.close()
