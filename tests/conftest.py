"""Every test that asks for `database` runs on SQLite and on PostgreSQL; its cases by turns."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from cpu_seconds import CpuSeconds
from fastapi.testclient import TestClient
from hypothesis import settings as hypothesis_settings
from long_first import LongFirst
from make import name_first_lineage
from no_processes import NoProcesses
from other_processor import WANTED, other_processor
from postgres import Server, lock_file, share_postgresql
from serving import open_client
from shared_dialects import create_similar_engine
from soak import IN_FULL
from sqlalchemy import select
from turns import KINDS, list_left_out, mark_slow

from app.actors.changes import write_actors, write_memberships
from app.bundled.load_bundled import BUNDLED_WRITER, build_bundled_record, load_bundled_data
from app.db import engine as app_engine
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from app.db.packed_documents import DocumentDictionary, add_dictionary
from app.db.tables import dictionaries
from app.shifts.materialized.rebuild import rebuild_stale_dyads
from app.sources.changes import write_datasets, write_sources
from bench import generate

# A suite that passes has to pass again: only `make soak` draws examples at random, and none has to
# be ready within a time that a busy machine misses.
hypothesis_settings.register_profile("tests", deadline=None, derandomize=not IN_FULL, database=None)
hypothesis_settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that lists where the time goes."""
    parser.addoption("--cpu", action="store_true", help="list seconds of CPU by file of tests")


def pytest_configure(config: pytest.Config) -> None:
    """Measure, where that is asked for; and let the processes of a run share files and tests."""
    config.pluginmanager.register(NoProcesses())
    if config.getoption("--cpu"):
        config.pluginmanager.register(CpuSeconds())
    if hasattr(config, "workerinput"):
        os.environ["FOLDER_OF_TEST_RUN"] = str(Path(config.option.basetemp).parent)
        config.pluginmanager.register(LongFirst())


def pytest_sessionstart() -> None:
    """Collect no garbage while tests are imported: it takes a quarter of that and finds nothing."""
    gc.disable()
    pytest.MonkeyPatch().setattr(app_engine, "create_engine", create_similar_engine)


def pytest_collection_finish() -> None:
    """Leave out what was imported wherever garbage is collected from now on, which is seldom."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is slow, and leave out what has its turn on the other database."""
    mark_slow(items)
    on_sqlite = "not slow" in config.option.markexpr  # `make quick`
    left_out = list_left_out(items, on_sqlite=on_sqlite)
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
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the processes of a run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def server(run_folder: Path) -> Iterator[Server]:
    """A PostgreSQL of the run's own."""
    with share_postgresql(run_folder) as found:
        yield found


def fill_database(url: str) -> None:
    """Create the schema in a database, and load the bundled data."""
    made = Database(url)
    upgrade_schema(made)
    name_first_lineage(made)
    load_bundled_data(made)
    rebuild_stale_dyads(made)
    made.close()


def fill_with_actors(url: str) -> None:
    """Create the schema in a database, and load what is bundled but for the events.

    A tenth of the time to copy and to verify, for tests that bring their own events.
    """
    made, record = Database(url), build_bundled_record()
    upgrade_schema(made)
    name_first_lineage(made)
    cited = {source for m in record.memberships for step in m.steps for source in step.sources}
    with made.write() as db:
        write_actors(db, record.actors, BUNDLED_WRITER)
        write_datasets(db, record.datasets, BUNDLED_WRITER)
        write_sources(db, [s for s in record.sources if s.id in cited], BUNDLED_WRITER)
        write_memberships(db, record.memberships, BUNDLED_WRITER)
    made.close()


GENERATED_EVENTS = 20_000


def fill_with_generated(url: str) -> None:
    """Create the schema in a database, and write generated events, for what is counted of many."""
    made = Database(url)
    generate.fill_database(made, GENERATED_EVENTS)
    made.close()


CONTENTS = {
    "bundled": fill_database,
    "actors": fill_with_actors,
    "generated": fill_with_generated,
}
"""How a template is filled, by the name of what is in it."""


class Templates(dict[str, str]):
    """Databases to be copied, by kind and content, each made when it is first asked for.

    The processes of a run share them. They are not to be read either: PostgreSQL copies a database
    only while no client is connected to it.
    """

    def __init__(self, folder: Path, request: pytest.FixtureRequest) -> None:
        super().__init__()
        self._folder, self._request = folder, request

    def __missing__(self, key: str) -> str:
        kind, content = key.split()
        name = f"{kind}-{content}"
        if kind == "postgresql":  # a server ends with its last user, and what it has with it
            server: Server = self._request.getfixturevalue("server")
            name = f"{name}-{server.address.rpartition(':')[2]}"
        written = self._folder / f"{name}.url"
        with lock_file(self._folder / f"{name}.lock"):
            if written.exists():
                self[key] = written.read_text()
                return self[key]
            if kind == "sqlite":
                self[key] = f"sqlite:///{self._folder / name}.db"
            else:
                self[key] = server.create_database(f"{content}-{uuid4().hex[:8]}")
            CONTENTS[content](self[key])
            written.write_text(self[key])
        return self[key]


@pytest.fixture(scope="session")
def templates(run_folder: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """A database of each kind and content, made once, to be copied."""
    return Templates(run_folder, request)


class ReadCopies(dict[str, str]):
    """Copies of the bundled data to be read only, by kind, each made when it is first asked for."""

    def __init__(self, folder: Path, request: pytest.FixtureRequest) -> None:
        super().__init__()
        self._folder, self._request = folder, request

    def __missing__(self, kind: str) -> str:
        self[kind] = copy_database(kind, "read", self._folder, self._request)
        return self[kind]


@pytest.fixture(scope="session")
def bundled_urls(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> dict[str, str]:
    """The bundled data on both databases, to be read only."""
    return ReadCopies(tmp_path_factory.mktemp("read"), request)


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Which database a test runs on."""
    return str(request.param)


_learned: set[str] = set()


def learn_dictionaries(url: str, content: str) -> None:
    """Read what a content is packed with, once in a process.

    Databases of the tests share a dialect, by which the one to read it from is found: the last that
    was opened, which may be gone by then.
    """
    if content in _learned:
        return
    made = Database(url)
    with made.connect() as db:
        for packed_with in db.scalars(select(dictionaries.c.content)):
            add_dictionary(DocumentDictionary(packed_with))
    made.close()
    _learned.add(content)


def copy_database(
    kind: str, name: str, folder: Path, request: pytest.FixtureRequest, content: str = "bundled"
) -> str:
    """Copy a template, and return the URL of the copy.

    The copy lasts as long as the fixture that asks for it.
    """
    template = request.getfixturevalue("templates")[f"{kind} {content}"]
    name = f"{name}-{uuid4().hex[:8]}"  # a fixture may be made more than once
    if kind == "sqlite":
        shutil.copy(template.removeprefix("sqlite:///"), folder / f"{name}.db")
        return f"sqlite:///{folder / name}.db"
    server: Server = request.getfixturevalue("server")
    if request.scope != "session":  # what lasts as long as the run goes with the server
        request.addfinalizer(lambda: server.drop_database(name))
    url = server.create_database(name, template=template.rpartition("/")[2])
    learn_dictionaries(url, content)
    return url


@pytest.fixture(scope="session")
def bundled_database(kind: str, bundled_urls: dict[str, str]) -> Iterator[Database]:
    """The bundled data, to be read only."""
    made = Database(bundled_urls[kind])
    yield made
    made.close()


@pytest.fixture(scope="session")
def api(
    bundled_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """The service on the bundled data, to be read only."""
    url = bundled_database.engine.url.render_as_string(hide_password=False)
    dumps = str(tmp_path_factory.mktemp("dumps"))
    with open_client(url, show_faults=False, dump_folder=dumps) as client:
        yield client


@pytest.fixture
def content(request: pytest.FixtureRequest) -> str:
    """The bundled actors; all that is bundled where a test is marked `bundled`."""
    return "actors" if request.node.get_closest_marker("bundled") is None else "bundled"


@pytest.fixture
def database(
    kind: str, content: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Database]:
    """A database of its own for a test that writes."""
    made = Database(copy_database(kind, "own", tmp_path, request, content))
    yield made
    made.close()
