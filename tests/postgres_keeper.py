"""Ends a PostgreSQL server and removes its files when none of its users is left, also killed ones.

A process of its own, which waits for the lock that its users share: the system takes it back from
whatever ends, in whichever way. Arguments: the file with the lock, the server's process, its files.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import sys
import time

ENOUGH = 30.0
"""Seconds in which a server ends."""


def end_server(server: int, files: str) -> None:
    """End a server without ceremony, and remove its files."""
    until = time.monotonic() + ENOUGH
    with contextlib.suppress(ProcessLookupError):
        os.kill(server, signal.SIGQUIT)
        # It removes this file last. Its process may stay, where nothing reaps what has ended.
        while os.path.exists(f"{files}/data/postmaster.pid") and time.monotonic() < until:
            time.sleep(0.01)
    shutil.rmtree(files, ignore_errors=True)


if __name__ == "__main__":
    with open(sys.argv[1]) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        end_server(int(sys.argv[2]), sys.argv[3])
