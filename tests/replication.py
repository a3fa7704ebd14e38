"""A primary server and a hot standby of it, which lags; both of the suite's own."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from postgres import find_free_port, make_server_folder, running_servers

NAME = "replicated"
FAST_FLAGS = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder for servers, their programs, and how these are run: not by root."""

    base: Path
    home: Path
    options: dict[str, Any]

    def run(self, program: str, *arguments: object, logged: Path | None = None) -> None:
        """Run a program; raises RuntimeError with its messages, or a log, where it fails."""
        options = self.options
        if logged is not None:  # a server would keep the pipes of its starter open
            options = options | {"capture_output": False, "stdout": subprocess.DEVNULL}
            options |= {"stderr": subprocess.DEVNULL}
        command = [str(self.home / program), *map(str, arguments)]
        done = subprocess.run(command, check=False, **options)
        if done.returncode:
            reason = logged.read_text() if logged and logged.exists() else done.stderr
            raise RuntimeError(f"{program} failed: {reason}")

    def start(self, data: Path, flags: str, port: int | None = None) -> int:
        """Start a server on a folder of data, and return its port."""
        port = port or find_free_port()
        own = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.base}"
        log = self.base / f"{data.name}.log"
        self.run("pg_ctl", "-D", data, "-w", "-l", log, "-o", f"{own} {flags}", "start", logged=log)
        running_servers.add(_read_process(data))
        return port

    def stop(self, data: Path) -> None:
        """Stop a server at once, if it runs."""
        with suppress(FileNotFoundError):
            running_servers.discard(_read_process(data))
        stop = [str(self.home / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"]
        subprocess.run(stop, check=False, **self.options)

    def kill(self, data: Path) -> None:
        """Kill all processes of a server, as a power cut would, and wait until they are gone."""
        process = _read_process(data)
        running_servers.discard(process)
        below = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        for one in (process, *map(int, below)):
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        until = time.monotonic() + 30
        while not all(map(_has_ended, (process, *map(int, below)))):
            if time.monotonic() > until:
                raise RuntimeError("the server's processes do not end")
            time.sleep(0.01)
        # A server looks for the process that these name, which may wait for its parent.
        for left in (data / "postmaster.pid", *self.base.glob(".s.PGSQL.*.lock")):
            left.unlink()


def _has_ended(process: int) -> bool:
    """Whether a process is gone, or waits for its parent to take notice."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _read_process(data: Path) -> int:
    """The process of the server that runs on a folder of data."""
    return int((data / "postmaster.pid").read_text().split()[0])


@dataclass(slots=True)
class Replication:
    """The two servers; either may be stopped, and the standby promoted."""

    place: Place
    ports: dict[str, int]

    def url(self, *servers: str, **more: str) -> str:
        """The address of the database at some servers, the first one that fits."""
        hosts = "&".join(f"host=127.0.0.1:{self.ports[name]}" for name in servers)
        return f"postgresql+psycopg://postgres@/{NAME}?{hosts}" + "".join(
            f"&{name}={value}" for name, value in more.items()
        )

    @property
    def writer(self) -> str:
        """The address of whichever server takes writes."""
        return self.url("primary", "standby", target_session_attrs="read-write")

    @property
    def reader(self) -> str:
        """The address of the standby."""
        return self.url("standby")

    def run(self, server: str, statement: str) -> None:
        """Run a statement at a server."""
        address = f"postgresql://postgres@127.0.0.1:{self.ports[server]}/{NAME}"
        with psycopg.connect(address, autocommit=True) as db:
            db.execute(statement)

    def stop(self, server: str) -> None:
        """Stop a server at once, as its death would."""
        self.place.stop(self.place.base / server)

    def promote(self) -> None:
        """Make the standby take writes."""
        self.run("standby", "SELECT pg_wal_replay_resume()")
        self.run("standby", "SELECT pg_promote(true, 30)")

    def find_folder(self, server: str) -> Path:
        """The folder of a server's data."""
        return self.place.base / server


@contextmanager
def run_replication(
    fill: Callable[[str], None], delay_ms: int = 0, *, safe: bool = False
) -> Iterator[Replication]:
    """Run a primary with a filled database, and a standby that replays some time later.

    `safe`: commits wait for the standby, and both write to their disk.
    """
    flags = "" if safe else FAST_FLAGS
    place = Place(*make_server_folder(briefly=not safe))
    primary, standby = place.base / "primary", place.base / "standby"
    found = Replication(place, {})
    try:
        how = ("-N", "-A", "trust", "-E", "UTF8", "--locale=C", "-U", "postgres")
        place.run("initdb", *how, "-D", primary)
        named = "-c cluster_name=primary"
        found.ports["primary"] = port = place.start(primary, f"{flags} {named}")
        address = f"postgresql://postgres@127.0.0.1:{port}"
        with psycopg.connect(f"{address}/postgres", autocommit=True) as db:
            db.execute(f"CREATE DATABASE {NAME} TEMPLATE template0")
        fill(found.url("primary"))
        place.run("pg_basebackup", "-d", f"{address}/", "-D", standby, "-R", "-c", "fast")
        behind = f"-c recovery_min_apply_delay={delay_ms}ms -c hot_standby_feedback=on"
        found.ports["standby"] = place.start(standby, f"{flags} {behind}")
        if safe:
            found.run("primary", "ALTER SYSTEM SET synchronous_standby_names = '*'")
            found.run("primary", "SELECT pg_reload_conf()")
        yield found
    finally:
        place.stop(standby)
        place.stop(primary)
        shutil.rmtree(place.base, ignore_errors=True)
