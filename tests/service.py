"""Runs the service in a process of its own, so that tests can kill it or write to it hard."""

import http.client
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from postgres import running_servers

from app.start import main

ROOT = Path(__file__).resolve().parents[1]
_nursery = multiprocessing.get_context("forkserver")
_nursery.set_forkserver_preload(["app.main", "app.cli.serve"])
"""A process that has imported the application once, and of which the services are forks: most of
their start is that import, more than a second of CPU."""


def find_free_port() -> int:
    """Return a port on which no server listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_command(words: list[str], environment: dict[str, str]) -> None:
    """Run the command line in a process that was forked for it."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["entente", *words]
    main()


class ForkedCommand:
    """A process that runs the command line, with the methods of one of `subprocess`."""

    def __init__(self, words: list[str], environment: dict[str, str]) -> None:
        self._process: ForkServerProcess = _nursery.Process(
            target=run_command, args=(words, environment), daemon=True
        )
        self._process.start()
        running_servers.add(forkserver._forkserver._forkserver_pid)  # type: ignore[attr-defined]

    def poll(self) -> int | None:
        """Return its exit code; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """Wait until it ends, and return its exit code."""
        self._process.join(timeout)
        code = self._process.exitcode
        assert code is not None, "the process goes on"
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        assert self._process.pid is not None
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


@dataclass(slots=True)
class Service:
    """A server on a database; started, killed and started again on the same port."""

    url: str
    key: str
    port: int = field(default_factory=find_free_port)
    workers: int = 1
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | ForkedCommand | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        environment = os.environ | {
            "ENTENTE_DATABASE_URL": self.url,
            "ENTENTE_CURSOR_KEY": "test",
            "ENTENTE_WORKERS": str(self.workers),
            **self.settings,
        }
        words = ["serve", "--port", str(self.port)]
        if self.workers == 1:
            self.process = ForkedCommand(words, environment)
        else:  # a supervisor starts its processes itself
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", *words], cwd=ROOT, env=environment,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        until = time.monotonic() + 90
        while time.monotonic() < until:
            try:
                if self.ask("GET", "/healthz")[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
        self.kill()
        raise RuntimeError("the service did not start")

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """End it gracefully, and return its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(20)

    def ask(
        self, method: str, path: str, body: Any = None, timeout: float = 30, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        """Send a request, and return status, JSON and headers of the answer."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            sent = None if body is None else json.dumps(body).encode()
            more = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
            client.request(method, path, sent, more | headers)
            answer = client.getresponse()
            document = json.loads(answer.read() or b"null")
            return answer.status, document, {k.lower(): v for k, v in answer.getheaders()}
        finally:
            client.close()
