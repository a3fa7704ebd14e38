"""Runs the service in a process of its own, so that tests can kill it or write to it hard."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def find_free_port() -> int:
    """Return a port on which no server listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class Service:
    """A server on a database; started, killed and started again on the same port."""

    url: str
    key: str
    port: int = field(default_factory=find_free_port)
    workers: int = 1
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        environment = os.environ | {
            "ENTENTE_DATABASE_URL": self.url,
            "ENTENTE_CURSOR_KEY": "test",
            "ENTENTE_WORKERS": str(self.workers),
            **self.settings,
        }
        command = [sys.executable, "-m", "app", "serve", "--port", str(self.port)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
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
