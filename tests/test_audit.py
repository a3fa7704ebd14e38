"""The audit fails where a locked package has an advisory, and says where none could be asked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import audit
import pytest

PINS = audit.read_pins(*(audit.ROOT / name for name in audit.LOCKS))
ADVISORY = {"id": "GHSA-1", "aliases": ["CVE-2026-1"], "fixed_in": ["99"], "withdrawn": None}


@contextmanager
def run_index(
    advisories: dict[str, list[dict[str, object]]] | None, *, knows_none: bool = False
) -> Iterator[str]:
    """Run an index that knows these advisories by package; None: it knows of none at all."""

    class Index(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.split("/")[2]
            known = {} if advisories is None else {"vulnerabilities": advisories.get(name, [])}
            body = json.dumps(known).encode()
            self.send_response(404 if knows_none or name == PINS[-1][0] else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/pypi"
    finally:
        server.shutdown()
        server.server_close()


def test_locked_packages_without_advisories_pass(capsys: pytest.CaptureFixture[str]) -> None:
    withdrawn = ADVISORY | {"withdrawn": "2026-11-01T00:00:00Z"}
    with run_index({PINS[0][0]: [withdrawn]}) as index:
        assert audit.main(["--index", index]) == 0
    assert f"0 advisories on {len(PINS)} packages" in capsys.readouterr().out


def test_an_advisory_fails_unless_it_is_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    name, version = PINS[3]
    with run_index({name: [ADVISORY]}) as index:
        assert audit.main(["--index", index]) == 1
        said = capsys.readouterr().out
        assert f"{name} {version}: CVE-2026-1, GHSA-1, mended in 99" in said
        assert audit.main(["--index", index, "--ignore", "CVE-2026-1"]) == 0


def test_where_no_source_can_be_reached_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with run_index(None) as without_advisories, run_index({}, knows_none=True) as without_json:
        for index in (without_advisories, without_json, "http://127.0.0.1:9/pypi"):
            assert audit.main(["--index", index]) == 0
            assert audit.UNREACHED in capsys.readouterr().err
