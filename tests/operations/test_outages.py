"""The database killed, its disk full, the clock set: nothing acknowledged is lost."""

import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from conftest import fill_with_actors
from examples import add_key
from pair_writers import PairWriters
from postgres import Server, find_free_port, make_server_folder, run_postgresql
from replication import Place
from service import Service
from soak import choose_size

from app.db.engine import Database
from app.events.verify import find_event_faults

pytestmark = [pytest.mark.slow, pytest.mark.soak]

KILLS = choose_size(1, 50)
CLOCK = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
JUMPS = ("-1d", "+400d", "+0d", "-3700s", "+1d", "-30d", "+0d")
"""What is added to the clock, one after the other."""


def test_a_killed_database_loses_nothing_that_was_acknowledged() -> None:
    """PostgreSQL, all of its processes at once; the service goes on without a restart."""
    dice, place = random.Random(3), Place(*make_server_folder(briefly=True))
    data, port = place.base / "data", find_free_port()
    try:
        place.run("initdb", "-A", "trust", "-E", "UTF8", "--locale=C", "-U", "postgres", "-D", data)
        place.start(data, "", port)
        url = Server(f"postgresql://postgres@127.0.0.1:{port}", "").create_database("killed")
        fill_with_actors(url)
        with closing(Database(url)) as database:
            service = Service(url, add_key(database))
            writers = PairWriters(service)
            service.start()
            for _ in range(KILLS):
                with writers.write_meanwhile():
                    writers.wait_for_more()
                    time.sleep(dice.uniform(0.0, 0.5))
                    place.kill(data)
                    time.sleep(dice.uniform(0.0, 0.2))
                    place.start(data, "", port)
                    writers.wait_for_more()
                database.engine.dispose()
                with database.connect() as db:
                    assert list(find_event_faults(db)) == []
            writers.check_record(database)
            assert set(writers.refused) <= {503}, writers.refused
            service.kill()
    finally:
        place.stop(data)
        shutil.rmtree(place.base, ignore_errors=True)


@contextmanager
def mount_small_disk(size: int) -> Iterator[Path]:
    """Mount a file system of some size, in memory; skips where that is not allowed."""
    folder = Path(tempfile.mkdtemp(prefix="entente-disk-"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(folder)]
    try:
        if subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("file systems cannot be mounted here")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    finally:
        folder.rmdir()


def remount_disk(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


@pytest.fixture
def small_disk(kind: str) -> Iterator[tuple[str, Path]]:
    """A database with actors on a small disk of its own, and where that is."""
    with mount_small_disk(1 << 30) as disk:
        if kind == "sqlite":
            url = f"sqlite:///{disk}/small.db"
            fill_with_actors(url)
            yield url, disk
            return
        # A server of its own: a full disk stops the checkpoints of all databases of a server.
        with run_postgresql(briefly=True) as server:
            if os.geteuid() == 0:  # then the server runs as this user
                shutil.chown(disk, "nobody")
            with psycopg.connect(f"{server.address}/postgres", autocommit=True) as db:
                db.execute(f"CREATE TABLESPACE small LOCATION '{disk}'".encode())
                db.execute("CREATE DATABASE small TEMPLATE template0 TABLESPACE small")
            url = f"{server.address.replace('postgresql:', 'postgresql+psycopg:')}/small"
            fill_with_actors(url)
            try:
                yield url, disk
            finally:
                server.drop_database("small")
                with psycopg.connect(f"{server.address}/postgres", autocommit=True) as db:
                    db.execute("DROP TABLESPACE small")


def wait_for_refusal(service: Service, writers: PairWriters) -> None:
    """Wait until writes are refused for want of space, and check what reading and readiness say.

    Readiness is red until a write succeeds, and a smaller one may still find its place.
    """
    until = time.monotonic() + 120
    while 507 not in writers.refused:
        assert time.monotonic() < until, "the disk is never full"
        time.sleep(0.02)
    assert service.ask("GET", "/v1/actors/ARM")[0] == 200
    while (ready := service.ask("GET", "/readyz"))[0] == 200:
        assert time.monotonic() < until, "readiness stays green"
    assert (ready[0], ready[1]["type"]) == (503, "/problems/full")


def test_a_full_disk(small_disk: tuple[str, Path]) -> None:
    url, disk = small_disk
    with closing(Database(url)) as database:
        service = Service(url, add_key(database))
        writers = PairWriters(service)
        used = shutil.disk_usage(disk).used
        remount_disk(disk, f"size={used + (1 << 20)}")
        service.start()
        try:
            with writers.write_meanwhile():
                wait_for_refusal(service, writers)
                assert set(writers.refused) <= {507, 503}, writers.refused
                remount_disk(disk, "size=1g")
                writers.wait_for_more()
                assert service.ask("GET", "/readyz")[0] == 200
            writers.check_record(database)
        finally:
            service.kill()


@pytest.mark.skipif(not Path(CLOCK).exists(), reason="needs libfaketime: apt install faketime")
def test_a_clock_that_jumps(database: Database, tmp_path: Path) -> None:
    """Versions go on, instants never go back, and a day asked for is the day it was."""
    added = tmp_path / "clock"
    added.write_text("+0d")
    settings = {
        "LD_PRELOAD": CLOCK, "FAKETIME_TIMESTAMP_FILE": str(added), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1",
    }  # fmt: skip
    url = database.engine.url.render_as_string(hide_password=False)
    service = Service(url, add_key(database), settings=settings)
    writers = PairWriters(service)
    service.start()
    try:
        for jump in JUMPS:
            with writers.write_meanwhile():
                writers.wait_for_more()
                added.write_text(jump)
                writers.wait_for_more()
                time.sleep(0.1)
            assert service.ask("GET", "/readyz")[0] == 200
        writers.check_record(database)
        assert not writers.refused
    finally:
        service.kill()
    with database.connect() as db:
        written = db.exec_driver_sql("SELECT at FROM commits ORDER BY seq").scalars().all()
    assert list(map(str, written)) == sorted(map(str, written))
