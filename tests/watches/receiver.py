"""A receiver of webhooks on loopback, which answers as it is asked to and checks signatures."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook


@dataclass(slots=True)
class Message:
    """A message as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def ident(self) -> str:
        return self.headers["webhook-id"]

    def verify(self, secret: str) -> Any:
        """Return the content; raises where the signature is not right."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass(slots=True)
class Receiver:
    """A receiver: its address, the messages that arrived, and how it answers by path."""

    url: str = ""
    messages: list[Message] = field(default_factory=list)
    answers: dict[str, Callable[["Request"], None]] = field(default_factory=dict)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, count: int, path: str = "/hook", seconds: float = 20) -> list[Message]:
        """Wait until so many messages arrived at a path, and return them."""
        until = time.monotonic() + seconds
        with self.arrived:
            while len(found := self.list_messages(path)) < count:
                left = until - time.monotonic()
                assert left > 0, f"{len(found)} of {count} messages arrived"
                self.arrived.wait(left)
        return found

    def list_messages(self, path: str = "/hook") -> list[Message]:
        """List the messages that arrived at a path."""
        return [message for message in self.messages if message.path == path]


class Request(BaseHTTPRequestHandler):
    """A request as the receiver gets it."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_POST(self) -> None:
        """Keep the message, and answer it."""
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size)
        if len(body) < size:  # its sender was killed in the middle of it
            self.close_connection = True
            return
        receiver = self.server.receiver
        headers = {name.lower(): value for name, value in self.headers.items()}
        with receiver.arrived:
            receiver.messages.append(Message(self.path, headers, body))
        receiver.answers.get(self.path, lambda request: request.answer(204))(self)
        with receiver.arrived:
            receiver.arrived.notify_all()

    def answer(self, status: int, **headers: str) -> None:
        """Answer with a status and no body."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    receiver: Receiver

    def handle_error(self, *_: object) -> None:
        """Say nothing of connections that the sender cut."""


@contextmanager
def run_receiver() -> Iterator[Receiver]:
    """Run a receiver for as long as the block runs."""
    server = _Server(("127.0.0.1", 0), Request)
    server.receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
