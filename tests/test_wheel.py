"""The wheel is complete: it runs outside the checkout, from a bare environment."""

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copy, copytree, ignore_patterns
from urllib.request import Request, urlopen

import pytest

from app.ingest.jobs.job_store import SMALL_IMPORT_BYTES

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
BUILD_FILES = ("setup.py", "pyproject.toml", "README.md", *PROJECT["license-files"])
pytestmark = pytest.mark.slow


def list_source_files() -> set[str]:
    """Name every file of `app/`, `migrations/` and the docs as it is called in the wheel."""
    names = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")}
    for folder in ("app", "migrations"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and path.name[0] != ".":
                names.add(path.relative_to(ROOT).as_posix())
    return {name if name.startswith("app/") else f"app/{name}" for name in names}


def list_wheel_files(wheel: Path) -> set[str]:
    """Name the files of a wheel, its metadata left out."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def build_wheel(source: Path, target: Path) -> Path:
    """Build a wheel offline, with the setuptools that is installed."""
    flags = ["--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(target)]
    run_in([sys.executable, "-m", "pip", "wheel", "-q", *flags, str(source)], target.parent)
    [wheel] = target.glob("*.whl")
    return wheel


def run_in(command: list[str], folder: Path, **settings: str) -> str:
    """Run a command in a folder, without the checkout on its path; return what it printed."""
    done = subprocess.run(
        command, cwd=folder, env=clean_environment() | settings, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def clean_environment() -> dict[str, str]:
    """Return the environment without what leads Python to the checkout."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "ENTENTE_"))}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout: building leaves files behind, and takes up what a build left."""
    folder = tmp_path_factory.mktemp("source") / "entente"
    folder.mkdir()
    for name in BUILD_FILES:
        copy(ROOT / name, folder)
    for name in ("app", "docs", "migrations"):
        copytree(ROOT / name, folder / name, ignore=ignore_patterns("__pycache__", "screenshots"))
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return build_wheel(source, tmp_path_factory.mktemp("wheel") / "built")


@dataclass(frozen=True)
class Installed:
    """An environment that has the wheel and its dependencies, and knows no checkout."""

    folder: Path

    def command(self, *words: str) -> list[str]:
        """The installed command `entente` with these words."""
        return [str(self.folder / "env/bin/entente"), *words]

    @property
    def url(self) -> str:
        """Where its database is."""
        return f"sqlite:///{self.folder}/entente.db"


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in an environment of its own, with the bundled data in a database."""
    folder = tmp_path_factory.mktemp("installed")
    python = folder / "env/bin/python"
    venv.create(folder / "env", with_pip=False, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q"]
    run_in([*pip, "--no-deps", "--no-index", str(wheel)], folder)
    # The dependencies are those of this environment. A path in a .pth file is only looked in:
    # the .pth of an editable install, which lies there too, does not count.
    own = Path(run_in([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
                   folder).strip())  # fmt: skip
    (own / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n", "utf-8")
    made = Installed(folder)
    run_in(made.command("db", "upgrade", "--bundled"), folder, ENTENTE_DATABASE_URL=made.url)
    return made


def test_a_forgotten_folder_or_data_file_is_missed(wheel: Path) -> None:
    assert list_wheel_files(wheel) == list_source_files()


def test_the_source_distribution_builds_the_same_wheel(source: Path, tmp_path: Path) -> None:
    code = "from setuptools.build_meta import build_sdist; import sys; build_sdist(sys.argv[1])"
    run_in([sys.executable, "-c", code, str(tmp_path)], source)
    [packed] = tmp_path.glob("*.tar.gz")
    shutil.unpack_archive(packed, tmp_path)
    unpacked = tmp_path / packed.name.removesuffix(".tar.gz")
    assert list_wheel_files(build_wheel(unpacked, tmp_path / "built")) == list_source_files()


def test_the_wheel_names_its_version_and_licences(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        metadata = archive.read(name).decode().splitlines()
        licences = {path.rpartition("/")[2] for path in archive.namelist() if "/licenses/" in path}
    assert f"Version: {PROJECT['version']}" in metadata
    assert f"License-Expression: {PROJECT['license']}" in metadata
    assert licences == {"LICENSE", "LICENSE-DATA"}


def test_the_installed_command_says_its_version(installed: Installed) -> None:
    printed = run_in(installed.command("--version"), installed.folder)
    assert printed == f"entente {PROJECT['version']}\n"


def test_everything_is_imported_from_the_wheel(installed: Installed) -> None:
    code = (
        "import json, sys, app.cli, app.main, app.db.migrate as m\n"
        "print(json.dumps([str(m.find_migrations()), *(x.__file__ or x.__path__[0]"
        " for n, x in sys.modules.items() if n.split('.')[0] == 'app')]))"
    )
    printed = run_in([str(installed.folder / "env/bin/python"), "-c", code], installed.folder)
    places = json.loads(printed)
    assert len(places) > 50
    assert [place for place in places if not place.startswith(str(installed.folder))] == []


@pytest.fixture(scope="module")
def served(installed: Installed) -> Iterator[str]:
    """The address of the service, started by the installed command."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        installed.command("serve", "--port", str(port)), cwd=installed.folder,
        env=clean_environment() | {"ENTENTE_DATABASE_URL": installed.url},
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 120
        while True:
            try:
                fetch_body(f"{address}/healthz")
                break
            except OSError:
                assert process.poll() is None, "the service ended"
                assert time.monotonic() < until, "the service did not start in time"
                time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def fetch_body(url: str) -> bytes:
    """The body of a good answer."""
    with urlopen(url, timeout=30) as answer:
        return bytes(answer.read())


def test_it_serves_the_bundled_events(served: str) -> None:
    assert len(json.loads(fetch_body(f"{served}/v1/events?actor=ARM&limit=2"))["data"]) == 2
    assert json.loads(fetch_body(f"{served}/v1/datasets/curated"))["licence"] == "CC BY 4.0"
    assert json.loads(fetch_body(f"{served}/openapi.json"))["info"]["title"] == "Entente"


def test_it_serves_the_explorer(served: str) -> None:
    assert fetch_body(f"{served}/").startswith(b"<!doctype html>")
    assert b"import " in fetch_body(f"{served}/explorer/views/events.js")
    assert b'<li id="onset-set">' in fetch_body(f"{served}/help/glossary")


def test_a_large_import_finds_its_worker_process(served: str, installed: Installed) -> None:
    key = run_in(
        installed.command("keys", "create", "wheel"), installed.folder,
        ENTENTE_DATABASE_URL=installed.url,
    ).strip()  # fmt: skip
    event = {"title": "A meeting " * 30, "date": "2023-10-03", "status": "reported"}
    participants = [{"actor": "ARM", "role": "participant"}, {"actor": "FRA", "role": "host"}]
    report = {"source": {"publisher": "A paper"}}
    rows = [
        json.dumps({**event, "key": f"m{n}", "participants": participants, "reports": [report]})
        for n in range(700)
    ]
    body = "\n".join(rows).encode()
    assert len(body) > SMALL_IMPORT_BYTES
    headers = {"Authorization": f"Bearer {key}", "Prefer": "wait=60"}
    request = Request(f"{served}/v1/imports?dataset=desk", body, headers, method="POST")
    with urlopen(request, timeout=90) as answer:
        job = json.loads(answer.read())
    assert (job["state"], job["new"]) == ("done", 700)
