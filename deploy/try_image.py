"""Start the service of an image in it, ask it for everything that takes an extra, and end it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

PORT = 18973
PATHS = (
    "/v1/events?actor=ARM",
    "/v1/shifts?actor=ARM&toward=RUS",
    "/v1/timeline?actor=ARM&format=svg",
    "/v1/timeline?actor=ARM&format=png",
    "/v1/brief?actor=ARM&toward=RUS&format=pdf",
    "/v1/events?actor=ARM&format=parquet",
    "/metrics",
)


def try_service() -> None:
    """Ask the service until it has answered every path; raises where one does not answer."""
    address, until = f"http://127.0.0.1:{PORT}", time.monotonic() + 300
    while True:
        try:
            urlopen(f"{address}/readyz", timeout=5).close()
            break
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
    for path in PATHS:
        with urlopen(address + path, timeout=60) as answer:
            print(f"{answer.status} {path}: {len(answer.read()):,} bytes", flush=True)


def main() -> None:
    """Check the user and the root, try the service, and verify what it has stored."""
    if os.getuid() != 10001 or os.access("/", os.W_OK):
        sys.exit("the root can be written, or the user is not the image's")
    try:
        Path("/opt/entente/written").touch()
    except OSError as refused:
        print(f"the root is read-only: {refused}")
    else:
        sys.exit("the root can be written")
    service = subprocess.Popen(["entente", "serve", "--port", str(PORT), "--first-start"])
    try:
        try_service()
        begun = time.monotonic()
        service.send_signal(signal.SIGTERM)
        status = service.wait(30)
    finally:
        service.kill()
    print(f"ended with {status} after {time.monotonic() - begun:.1f} s")
    subprocess.run(["entente", "verify"], check=True)


if __name__ == "__main__":
    main()
