"""The client for Python, against the running service."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar, get_type_hints

import pandas as pd
import polars as pl
import pytest
from entente_client import (
    Change,
    DigestError,
    Dump,
    Entente,
    Event,
    Participant,
    ProblemError,
    Report,
    Signal,
    UnreachableError,
)
from entente_client.records import Location
from entente_client.transport import encode_parameters, read_retry_after
from openapi_document import DOCUMENT
from serving import serve_database

from app.db.engine import Database
from app.dumps.write import write_dumps

pytestmark = [pytest.mark.by_turns, pytest.mark.slow]


@pytest.fixture(scope="module")
def service(bundled_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with the bundled data and a dump."""
    folder = tmp_path_factory.mktemp("dumps")
    list(write_dumps(bundled_database, folder, ["realignments"], ["parquet"]))
    url = bundled_database.engine.url.render_as_string(hide_password=False)
    with serve_database(url, dump_folder=str(folder)) as address:
        yield address


@pytest.fixture(scope="module")
def client(service: str) -> Iterator[Entente]:
    with Entente(service) as made:
        yield made


def test_events_are_read_over_all_pages(client: Entente) -> None:
    events = client.events(actor="ARM", since="2018", limit=100)
    found = list(events)
    assert len(found) == events.count() > 100
    assert len({event["id"] for event in found}) == len(found)
    assert [event["id"] for event in events.stream()] == [event["id"] for event in found]
    assert client.event(found[0]["id"]) == found[0]


def test_a_permalink_answers_the_same(client: Entente, service: str) -> None:
    events = client.events(actor="ARM", since="2023-09", until="2023-10")
    assert events.permalink is not None
    assert events.permalink.startswith(service)
    assert f"as_of={events.version}" in events.permalink
    assert client.get(events.permalink)["data"] == list(events)


def test_frames_have_types_and_every_event(client: Entente, tmp_path: Path) -> None:
    events = client.events(actor="ARM", since="2018")
    count = events.count()
    frame, other = events.to_pandas(), events.to_polars()
    assert len(frame) == other.height == count
    assert other.schema["start"] == pl.Date
    assert {part["role"] for parts in frame.participants for part in parts} >= {"initiator"}
    flat = events.to_pandas(flat=True)
    assert "absent" in flat.columns
    file = events.save_parquet(tmp_path / "events.parquet")
    assert len(pd.read_parquet(file)) == count
    assert [path.name for path in tmp_path.iterdir()] == ["events.parquet"]


def test_lists_of_other_things(client: Entente) -> None:
    assert "ARM" in {member["actor"] for member in client.members("CSTO", on="2023-10-13")}
    assert client.resolve("Armenia")[0]["code"] == "ARM"
    assert client.actor("ARM")["name"] == "Armenia"
    assert "curated" in {dataset["code"] for dataset in client.datasets()}
    [shift] = client.shifts(actor="ARM", toward="CSTO")
    assert shift["verdict"] == "strong"
    assert list(client.alignment(actor="ARM", toward="RUS", granularity="year"))
    assert sum(bucket["count"] for bucket in client.timeline(actor="ARM")) > 100
    assert len(list(client.actors(limit=500))) > 200
    assert next(iter(client.sources()))["publisher"]


def test_an_empty_list_says_why(client: Entente) -> None:
    events = client.events(actor="ARM", until="1800")
    assert list(events) == []
    assert events.reason == "outside_coverage"


def test_a_refusal_has_suggestions(client: Entente) -> None:
    with pytest.raises(ProblemError) as refused:
        list(client.events(actor="Armenai"))
    assert refused.value.status == 422
    assert refused.value.suggestions[0] == "ARM"
    assert "query.actor" in str(refused.value)


def test_changes_go_on_where_they_ended(client: Entente) -> None:
    newest = client.events().version
    feed = client.changes(after=newest - 5)
    assert [change["seq"] for change in feed] == list(range(newest - 4, newest + 1))
    later = client.changes(feed.position or "")
    assert list(later) == list(feed) == []


def test_a_dump_is_downloaded_and_checked(client: Entente, tmp_path: Path) -> None:
    [dump] = client.dumps("realignments")
    file = client.download_dump(dump, tmp_path)
    whole = file.read_bytes()
    assert len(whole) == dump["bytes"]
    # An attempt that ended is gone on with, and what does not fit is refused.
    part = tmp_path / f"{dump['filename']}.part"
    part.write_bytes(whole[:1000])
    assert client.download_dump(dump, tmp_path).read_bytes() == whole
    part.write_bytes(b"x" * 1000)
    with pytest.raises(DigestError):
        client.download_dump(dump, tmp_path)
    assert not part.exists()


@pytest.mark.parametrize(
    ("type_", "schema"),
    [
        (Event, "Event"), (Participant, "Participant"), (Signal, "Signal"), (Report, "Report"),
        (Location, "Location"), (Dump, "Dump"),
    ],
)  # fmt: skip
def test_types_have_the_fields_of_the_api(type_: Any, schema: str) -> None:
    fields = DOCUMENT["components"]["schemas"][schema]["properties"]
    assert list(get_type_hints(type_)) == list(fields)


def test_types_of_changes_are_fields_of_the_api() -> None:
    fields = DOCUMENT["components"]["schemas"]["Change"]["properties"]
    assert get_type_hints(Change).keys() <= fields.keys()


def test_parameters_are_written_as_the_service_reads_them() -> None:
    asked = {"type": ["AGREE", "SUPPORT"], "via": False, "q": None, "limit": 5, "from_": 3}
    assert encode_parameters(asked) == [
        ("type", "AGREE"), ("type", "SUPPORT"), ("via", "false"), ("limit", "5"), ("from", "3"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("7", 7.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0), ("soon", None)],
)
def test_retry_after_is_read(header: str | None, seconds: float | None) -> None:
    assert read_retry_after(header) == seconds


class BusyService(BaseHTTPRequestHandler):
    """Answers with the statuses of its list, one after the other."""

    statuses: ClassVar[list[int]] = []
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        status = self.statuses.pop(0)
        self.asked.append(self.path)
        body = json.dumps({"title": "Busy", "status": status, "data": []}).encode()
        self.send_response(status)
        kind = "application/json" if status == 200 else "application/problem+json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == 503:
            self.send_header("Retry-After", "0")
        if status == 429:
            self.send_header("Retry-After", "3600")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@pytest.fixture
def busy() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), BusyService)
    BusyService.asked = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_busy_service_is_asked_again(busy: str) -> None:
    BusyService.statuses = [503, 503, 200]
    with Entente(busy) as client:
        assert client.get("/v1/events")["data"] == []
    assert len(BusyService.asked) == 3


@pytest.mark.parametrize(("statuses", "count"), [([503, 503], 2), ([429], 1), ([404], 1)])
def test_asking_again_ends(busy: str, statuses: list[int], count: int) -> None:
    BusyService.statuses = list(statuses)
    with Entente(busy, attempts=2) as client, pytest.raises(ProblemError) as refused:
        client.get("/v1/events")
    assert refused.value.status == statuses[-1]
    assert len(BusyService.asked) == count


def test_a_service_that_is_away_is_unreachable() -> None:
    with Entente("http://127.0.0.1:9", attempts=1) as client, pytest.raises(UnreachableError):
        client.get("/v1/events")
