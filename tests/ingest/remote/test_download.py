"""Files by address: whole or not at all, whatever the host does on the way."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stamina
from ingest.remote.stand_in import Host, Request, digest_of, run_host
from ingest.rows import join_events, make_event
from sqlalchemy import select
from typer.testing import CliRunner

from app.cli import main
from app.db.engine import Database
from app.db.tables import pull_items
from app.ingest.remote import download
from app.ingest.remote.address import FileAddress, is_public, parse_address
from app.ingest.remote.download import DownloadLimits, FileRequest, fetch_file
from app.ingest.remote.errors import DownloadError, InterruptedDownloadError

BODY = bytes(range(256)) * 2000
HERE = DownloadLimits(1 << 20, allow_private=True, contact="desk@example.org")


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "IDLE_SECONDS", 0.5)
    stamina.set_testing(True, attempts=download.ATTEMPTS)  # tries as often, without the waits
    with run_host() as running:
        yield running
    stamina.set_testing(False)


def fetch(url: str, folder: Path, limits: DownloadLimits = HERE) -> bytes:
    return fetch_file(FileRequest(parse_address(url)), folder, limits).path.read_bytes()


def test_a_file_arrives_through_cuts_stalls_and_errors(host: Host, tmp_path: Path) -> None:
    url = host.answer(
        "/a.csv",
        lambda r: r.send_status(503, Retry_After="1"),
        lambda r: r.send_file(BODY, cut=1000),
        lambda r: r.send_file(BODY, cut=200_000, pause=1.5),
        lambda r: r.send_status(500),
        lambda r: r.send_file(BODY),
    )
    said: list[tuple[int, int | None]] = []
    address = parse_address(f"{url}#sha256={digest_of(BODY).upper()}")
    path = fetch_file(FileRequest(address), tmp_path, HERE, lambda *now: said.append(now)).path
    assert path.read_bytes() == BODY
    assert path.name == "a.csv"
    assert said[-1] == (len(BODY), len(BODY))
    ranges = [headers.get("Range") for _, headers in host.requests]
    assert ranges == [None, None, "bytes=1000-", "bytes=201000-", "bytes=201000-"]
    assert host.requests[0][1]["User-Agent"].startswith("entente/")
    assert "desk@example.org" in host.requests[0][1]["User-Agent"]


def test_a_file_that_changed_meanwhile_is_fetched_anew(host: Host, tmp_path: Path) -> None:
    newer = BODY[::-1]
    url = host.answer(
        "/a", lambda r: r.send_file(BODY, cut=5000), lambda r: r.send_file(newer, tag='"2"')
    )
    assert fetch(url, tmp_path) == newer


@pytest.mark.parametrize("more", [{"ranges": False}, {"tag": ""}, {"tag": 'W/"1"'}])
def test_a_host_without_ranges_begins_again(
    host: Host, tmp_path: Path, more: dict[str, Any]
) -> None:
    url = host.answer(
        "/a", lambda r: r.send_file(BODY, cut=5000, **more), lambda r: r.send_file(BODY, **more)
    )
    assert fetch(url, tmp_path) == BODY


@pytest.mark.parametrize(
    ("respond", "said"),
    [
        (lambda r: r.send_status(404), "answered 404"),
        (lambda r: r.send_status(429, Retry_After="9000"), "asks to wait 9000 seconds"),
        (lambda r: r.send_file(BODY * 5), "more than the 1,048,576 allowed"),
        (lambda r: r.send_status(302, Location="/round"), "redirected more than 5 times"),
        (lambda r: r.send_status(302, Location="file:///etc/passwd"), "must begin with https"),
        (lambda r: r.send_status(302, Location="http://u:p@127.0.0.1/"), "name or password"),
        (lambda r: r.send_file(BODY, length=len(BODY) + 9), "was cut"),
    ],
)
def test_what_cannot_be_fetched_says_why(
    host: Host, tmp_path: Path, respond: Any, said: str
) -> None:
    host.answer("/round", lambda r: r.send_status(302, Location="/round"))
    with pytest.raises(DownloadError, match=said.replace("(", "\\(")) as failed:
        fetch(host.answer("/a", respond), tmp_path)
    repeats = isinstance(failed.value, InterruptedDownloadError)
    assert len(host.requests) == (download.ATTEMPTS if repeats else len(host.requests))


def test_a_wrong_checksum_loads_nothing(host: Host, tmp_path: Path) -> None:
    url = host.answer("/a", lambda r: r.send_file(BODY))
    with pytest.raises(DownloadError, match="nothing was loaded"):
        fetch(f"{url}#md5={digest_of(b'', 'md5')}", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_private_hosts_are_refused_by_number_by_name_and_behind_redirects(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = host.answer("/a", lambda r: r.send_file(BODY))
    strict = DownloadLimits(1 << 20)
    port = url.rpartition(":")[2]
    for told in (url, f"http://localhost:{port}", f"http://[::ffff:127.0.0.1]:{port}"):
        with pytest.raises(DownloadError, match="private address"):
            fetch(told, tmp_path, strict)
    looked_up = []

    def answer_by_turns(name: str, *_: Any, **__: Any) -> list[Any]:
        looked_up.append(name)
        number = "127.0.0.1" if len(looked_up) == 1 else "93.184.216.34"
        return [(0, 0, 0, "", (number, int(port.partition("/")[0])))]

    monkeypatch.setattr(socket, "getaddrinfo", answer_by_turns)
    with pytest.raises(DownloadError, match="private address"):
        fetch(url.replace("127.0.0.1", "rebinds.example"), tmp_path, strict)
    assert len(looked_up) == 1
    assert host.requests == []


@pytest.mark.parametrize(
    "number",
    [
        "10.0.0.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "::1",
        "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1",
    ],
)  # fmt: skip
def test_numbers_of_private_networks(number: str) -> None:
    assert not is_public(number)


def test_numbers_of_the_internet() -> None:
    assert all(map(is_public, ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"]))


@pytest.mark.parametrize(
    "text",
    [
        "ftp://a.example/b", "https://", "https://u:p@a.example/", "https://a.example:x/",
        "https://a.example/b c", "https://a.example/é", "https://a.example/#sha256=12",
        "https://a.example/#crc=12", "https://[::1/", "https://a.example/b\nc",
    ],
)  # fmt: skip
def test_addresses_that_are_refused(text: str) -> None:
    with pytest.raises(DownloadError):
        parse_address(text)


def test_addresses_and_names_of_files() -> None:
    address = parse_address("https://a.example/x/%2e%2e%2fb%20c.csv.gz?d=1")
    assert address.file_name == "b_c.csv.gz"
    assert parse_address("https://a.example").file_name == "download"
    assert address.follow_redirect("https://b.example/c#d") == FileAddress("https://b.example/c")
    with pytest.raises(DownloadError, match="from https to http"):
        address.follow_redirect("http://a.example/")


def test_a_file_is_loaded_by_its_address(
    database: Database, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url)
    body = join_events(make_event("one"), make_event("two")).encode()
    there = host.answer("/release/events.ndjson", lambda r: r.send_file(body))
    gone = host.answer("/gone.csv", lambda r: r.send_status(410))
    refused = CliRunner().invoke(main, ["load", there])
    assert refused.exit_code == 1
    assert "ENTENTE_ALLOW_PRIVATE_ADDRESSES" in refused.output
    monkeypatch.setenv("ENTENTE_ALLOW_PRIVATE_ADDRESSES", "true")
    done = CliRunner().invoke(main, ["load", there, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["new"] == 2
    lost = CliRunner().invoke(main, ["load", gone])
    assert lost.exit_code == 1
    assert "answered 410" in lost.output


def test_an_address_is_fetched_again_only_if_it_has_changed(
    host: Host, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url)
    monkeypatch.setenv("ENTENTE_ALLOW_PRIVATE_ADDRESSES", "true")
    bodies = [join_events(make_event("a")).encode(), join_events(make_event("b")).encode()]

    def answer(request: Request) -> None:
        tag = digest_of(bodies[0])[:8]
        if request.headers.get("If-None-Match") == f'"{tag}"':
            request.send_status(304)
        else:
            request.send_file(bodies[0], tag=f'"{tag}"')

    there = host.answer("/events.ndjson", *[answer] * 6) + "?token=s3cret"
    host.answers["/events.ndjson?token=s3cret"] = host.answers["/events.ndjson"]
    counts = []
    for words in ([], [], ["--again"], ["--dataset", "desk"], []):
        result = CliRunner().invoke(main, ["load", there, "--json", *words])
        assert result.exit_code == 0, result.output
        counts.append(json.loads(result.stdout)["rows"] if result.stdout else 0)
        if len(counts) == 4:
            bodies.pop(0)  # another version
    assert counts == [1, 0, 1, 1, 1]
    with database.connect() as db:
        kept = db.execute(select(pull_items)).all()
    assert len(kept) == 2
    assert "s3cret" not in repr(kept)
