"""Every test that asks for `database` runs on SQLite and on PostgreSQL.

But for those marked `by_turns`: what only reads, or is refused before a database is asked. Of
these each case runs on one of the two, and `test_same_answers.py` compares what both answer.
"""

import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from other_processor import WANTED, other_processor
from postgres import Server, run_postgresql
from serving import open_client

from app.bundled.load_bundled import load_bundled_data
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from app.shifts.materialized.rebuild import rebuild_stale_dyads

KINDS = ("sqlite", "postgresql")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what runs on PostgreSQL as slow, and leave out what has its turn on the other one."""
    left_out = []
    for item in items:
        kind = item.callspec.params.get("kind") if hasattr(item, "callspec") else None
        if kind == "postgresql" or "postgresql" in item.name:
            item.add_marker("slow")
        if kind in KINDS and item.get_closest_marker("by_turns") is not None:
            case = item.nodeid.replace(kind, "")
            if KINDS[zlib.crc32(case.encode()) % 2] != kind:
                left_out.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]


@pytest.fixture(scope="session", autouse=WANTED)
def another_processor() -> Iterator[None]:
    """Compute as another processor does; only where `ENTENTE_OTHER_PROCESSOR` is set."""
    with other_processor():
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL of the suite's own."""
    with run_postgresql(briefly=True) as found:
        yield found


def fill_database(url: str) -> None:
    """Create the schema in a database, and load the bundled data."""
    made = Database(url)
    upgrade_schema(made)
    load_bundled_data(made)
    rebuild_stale_dyads(made)
    made.close()


class Templates(dict[str, str]):
    """Databases with the bundled data, by kind, each made when it is first asked for."""

    def __init__(self, folder: Path, request: pytest.FixtureRequest) -> None:
        super().__init__()
        self._folder, self._request = folder, request

    def __missing__(self, kind: str) -> str:
        if kind == "sqlite":
            self[kind] = f"sqlite:///{self._folder / 'bundled.db'}"
        else:
            self[kind] = self._request.getfixturevalue("server").create_database("bundled")
        fill_database(self[kind])
        return self[kind]


@pytest.fixture(scope="session")
def templates(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> dict[str, str]:
    """A database of each kind with the bundled data, made once, to be copied or read."""
    return Templates(tmp_path_factory.mktemp("db"), request)


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Which database a test runs on."""
    return str(request.param)


def copy_database(kind: str, name: str, folder: Path, request: pytest.FixtureRequest) -> str:
    """Copy the bundled database, and return the URL of the copy.

    The copy lasts as long as the fixture that asks for it. PostgreSQL copies a template only while
    no client is connected to it.
    """
    template = request.getfixturevalue("templates")[kind]
    name = f"{name}-{uuid4().hex[:8]}"  # a fixture may be made more than once
    if kind == "sqlite":
        shutil.copy(template.removeprefix("sqlite:///"), folder / f"{name}.db")
        return f"sqlite:///{folder / name}.db"
    server: Server = request.getfixturevalue("server")
    request.addfinalizer(lambda: server.drop_database(name))
    return server.create_database(name, template="bundled")


@pytest.fixture(scope="session")
def api(
    kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[TestClient]:
    """The service on the bundled data, to be read only."""
    url = copy_database(kind, "served", tmp_path_factory.mktemp("api"), request)
    with open_client(url, show_faults=False) as client:
        yield client


@pytest.fixture
def database(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database of its own for a test that writes, with the bundled data."""
    made = Database(copy_database(kind, f"own-{uuid4().hex}", tmp_path, request))
    yield made
    made.close()
