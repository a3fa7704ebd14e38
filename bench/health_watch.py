"""Ask for `/healthz` ten times a second, each time on a new connection, as monitoring does.

It is a process of its own: clients by the hundred that share one wait for each other.
"""

import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

PAUSE_SECONDS = 0.1
QUESTION = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def ask_for_health(port: int) -> float:
    """Return the seconds until an answer of 200 is there, connecting included."""
    begun = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as asking:
        asking.sendall(QUESTION)
        answer = b""
        while part := asking.recv(4096):
            answer += part
    assert answer.split()[1] == b"200", answer
    return time.perf_counter() - begun


@contextmanager
def watch_health(port: int) -> Iterator[list[float]]:
    """Ask until the end of the block; the list, empty until then, has the seconds of each."""
    command = [sys.executable, "-I", "-S", __file__, str(port)]
    waits: list[float] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as asking:
        yield waits
        answered, _ = asking.communicate()
    assert asking.returncode == 0, "an answer to /healthz was no 200"
    waits += map(float, answered.split())


def main() -> None:
    """Ask, printing the seconds of each answer, until the input is closed."""
    while not select.select([sys.stdin], [], [], PAUSE_SECONDS)[0]:
        print(ask_for_health(int(sys.argv[1])), flush=True)


if __name__ == "__main__":
    main()
