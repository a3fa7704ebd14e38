"""The command `entente serve`, which runs the HTTP service in one process or several."""

import gc
import os
import signal
import socket
import threading
from multiprocessing import connection, parent_process
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from app.cli.terminal import console, open_current_database
from app.http.server import BoundedHttpConnection as HttpConnection
from app.http.shared_counts import PROCESS_FOLDER
from app.logs import configure_logs
from app.memory import limit_memory_arenas
from app.operations.shared_metrics import SHARED_FOLDER
from app.settings import Settings
from app.tracing import check_tracing, start_tracing

YOUNG_OBJECTS = 20_000
"""New objects after which garbage is collected, of which requests leave next to none.

By default it is collected after 700 (2,000 since Python 3.13): a sixth of the time of a refusal."""
LISTENERS = 32
"""New connections that the event loop takes in a turn."""
SILENT_SECONDS = 120
"""Seconds without a sign of life after which a process is killed and replaced."""


def run_service(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    workers: Annotated[
        int, typer.Option(min=0, max=64, help="Processes that answer; 0: as ENTENTE_WORKERS says.")
    ] = 0,
    first_start: Annotated[
        bool, typer.Option("--first-start", help="Migrate and load the bundled data first.")
    ] = False,
) -> None:
    """Run the HTTP service.

    Several processes share one port. SIGHUP replaces them one by one, SIGTTIN adds one and SIGTTOU
    ends one; one that dies is replaced. One of them does the background work.
    """
    if workers:
        os.environ["ENTENTE_WORKERS"] = str(workers)  # the processes share limits by this number
    settings = Settings()
    check_tracing(os.environ)
    if first_start:
        from app.cli.first_start import prepare_first_start  # noqa: PLC0415

        prepare_first_start()
    open_current_database().close()
    console.print(f"Entente answers on http://{host}:{port}/docs", highlight=False)
    configure_logs(settings.log_format, settings.log_level)
    config = uvicorn.Config(
        create_process_app, factory=True, host=host, port=port, workers=settings.worker_count,
        log_config=None, access_log=False, ws="none", http=HttpConnection,
        timeout_graceful_shutdown=10, timeout_worker_healthcheck=SILENT_SECONDS,
    )  # fmt: skip
    if settings.worker_count == 1:
        uvicorn.Server(config).run(sockets=open_listeners(config))
        return
    supervisor = Supervisor(config, sockets=[config.bind_socket()])
    with TemporaryDirectory(prefix="entente-metrics-") as folder:
        os.environ[SHARED_FOLDER] = os.environ[PROCESS_FOLDER] = folder
        supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise typer.Exit(STARTUP_FAILURE)


def open_listeners(config: uvicorn.Config) -> list[socket.socket]:
    """Bind the address of a process that is the only one; returns the socket and copies of it.

    In a turn the event loop takes one new connection from each, and answers all who have asked:
    with one socket the last of 256 clients that ask again at once waited for seconds.
    """
    bound = config.bind_socket()
    return [bound, *(bound.dup() for _ in range(LISTENERS - 1))]


class Supervisor(Multiprocess):
    """Starts the processes, and replaces those that die as soon as they have."""

    def keep_subprocess_alive(self) -> None:
        """Ask each process for a sign of life, and replace those that give none.

        While this process has the other end of a pipe open too, it does not notice the death of one
        that it has just asked, and would wait for an answer for `SILENT_SECONDS`.
        """
        for process in self.processes:
            process.child_conn.close()
        super().keep_subprocess_alive()


def create_process_app() -> FastAPI:
    """Create the application of one process, which ends when its supervisor has died."""
    limit_memory_arenas()
    supervisor = parent_process()
    if supervisor is not None:
        threading.Thread(target=_end_with, args=(supervisor.sentinel,), daemon=True).start()
    settings = Settings()
    configure_logs(settings.log_format, settings.log_level)
    start_tracing()
    # Here, so that a supervisor, which answers nothing, does without the application: half a second
    # and 60 MB. Collecting garbage meanwhile takes a seventh of the time and finds none.
    gc.disable()
    from app.main import create_app  # noqa: PLC0415

    application = create_app(settings)
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    gc.enable()
    return application


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
