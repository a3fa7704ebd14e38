"""A replica of a dataset at another Entente: terms, closed datasets, lineages, and its commands."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from examples import add_key
from fastapi.testclient import TestClient
from ingest.loading import EVENT_TABLES, list_refreshed_tables
from pull.pulling import drop_waits
from pull.replicas import ServiceWire, follow_original, read_documents
from serving import open_client, serve_database
from typer.testing import CliRunner, Result

from app import cli
from app.access.keys import create_key
from app.db.engine import Database
from app.db.lineage_table import begin_lineage
from app.db.reader import read_unsearched_codes
from app.events.verify import find_event_faults
from app.events.word_index import find_word_faults
from app.ingest.loading import maintenance
from app.ingest.remote.errors import DownloadError
from app.pull import ledger
from app.pull.items import PullError
from app.pull.original import ChangeFeed, Original, Position
from app.sources.covered import read_dataset_document

pytestmark = [pytest.mark.slow, pytest.mark.by_turns]

DATASET = {
    "code": "desk", "name": "The desk", "version": "1", "licence": "CC BY 4.0", "citation": "Desk",
    "terms": "Name the desk.", "scope": "What the desk sees.", "first": "2020-01-01",
    "last": "2020-12-31",
}  # fmt: skip


def url_of(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


@pytest.fixture
def service(database: Database) -> Iterator[TestClient]:
    """The original, with a dataset of two events."""
    key = add_key(database)
    with open_client(url_of(database)) as client:
        client.headers["Authorization"] = f"Bearer {key}"
        client.post("/v1/datasets", json=DATASET).raise_for_status()
        add_events(client, "a", "b")
        yield client


def add_events(client: TestClient, *keys: str, **more: Any) -> None:
    parts = [{"actor": "ARM", "role": "initiator"}, {"actor": "AZE", "role": "target"}]
    source = {"publisher": "Herald", "url": "https://herald.example/1", "title": "News"}
    body = {"dataset": "desk", "title": "A meeting", "date": "2020-03-04", "type": "CONSULT"}
    body |= {"participants": parts, "reports": [{"source": source}], **more}
    client.post("/v1/events", json=[{**body, "key": key} for key in keys]).raise_for_status()


def test_terms_are_accepted_once_and_go_along(
    service: TestClient, database: Database, replica: Database
) -> None:
    with pytest.raises(PullError, match="Name the desk"):
        follow_original(replica, service, "desk", accepts=False)
    with replica.connect() as db:
        assert read_dataset_document(db, "desk") is None
    report = follow_original(replica, service, "desk")
    assert (report.new, report.changed, report.retracted) == (2, 0, 0)
    assert read_documents(replica, "desk") == read_documents(database, "desk")
    with replica.connect() as db, database.connect() as there:
        assert read_dataset_document(db, "desk") == read_dataset_document(there, "desk")
    follow_original(replica, service, "desk", accepts=False)


@pytest.mark.on_both
def test_a_replica_that_is_begun_brings_its_statistics_up_to_date(
    kind: str, service: TestClient, replica: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "LEAST_EVENTS_FOR_STATISTICS", 2)
    follow_original(replica, service, "desk")
    assert (list_refreshed_tables(replica) >= EVENT_TABLES) == (kind == "sqlite")  # of the original


def test_a_round_without_news_asks_for_two_pages(service: TestClient, replica: Database) -> None:
    follow_original(replica, service, "desk")
    wire = ServiceWire(service)
    assert follow_original(replica, service, "desk", wire=wire).rows == 0
    assert wire.requests == 2


def test_what_is_needed_is_looked_up_where_it_passed_long_ago(
    service: TestClient, replica: Database
) -> None:
    service.post(
        "/v1/actors", json={"code": "desk-envoy", "kind": "person", "name": "An envoy"}
    ).raise_for_status()
    step = {"step": "in-force", "date": "2019"}
    body = {"actor": "desk-envoy", "group": "ARM", "role": "official", "steps": [step]}
    service.post("/v1/memberships", json=body).raise_for_status()
    follow_original(replica, service, "desk")
    with open_client(url_of(replica)) as copy:
        assert copy.get("/v1/actors/desk-envoy").status_code == 404  # nothing needs it
        parts = [{"actor": "desk-envoy", "role": "initiator"}, {"actor": "AZE", "role": "target"}]
        add_events(service, "c", participants=parts)
        follow_original(replica, service, "desk")
        shown = copy.get("/v1/events/desk:c").json()["participants"]
        assert ("ARM", "desk-envoy") in [(part["actor"], part["via"]) for part in shown]
        ours, theirs = (one.get("/v1/actors/desk-envoy").json() for one in (copy, service))
        assert ours == theirs


def test_one_that_is_closed_later_is_closed_here_too(
    service: TestClient, database: Database, replica: Database
) -> None:
    follow_original(replica, service, "desk")
    with database.write() as db:
        admin, reader = create_key(db, "boss", "admin"), create_key(db, "r", "read", reads=["desk"])
    service.headers["Authorization"] = f"Bearer {admin}"
    service.patch("/v1/datasets/desk", json={"access": "closed"}).raise_for_status()
    add_events(service, "c")
    del service.headers["Authorization"]
    with pytest.raises(PullError, match="ENTENTE_ORIGINAL_KEY"):
        follow_original(replica, service, "desk")
    with open_client(url_of(replica)) as copy:
        assert copy.get("/v1/events/desk:a").status_code == 403
    assert follow_original(replica, service, "desk", key=reader).new == 1
    wire = ServiceWire(service)
    follow_original(replica, service, "desk", key=reader, wire=wire)
    assert reader not in "".join(wire.asked)
    with replica.connect() as db:
        said = json.dumps(ledger.read_source(db, "entente-desk").lists)
        assert reader not in said + str(ledger.read_source(db, "entente-desk"))


def test_what_is_searched_there_is_searched_here(service: TestClient, replica: Database) -> None:
    follow_original(replica, service, "desk")
    for searched in (False, True):
        service.patch("/v1/datasets/desk", json={"searched": searched}).raise_for_status()
        follow_original(replica, service, "desk")
        with replica.connect() as db:
            assert ("desk" in read_unsearched_codes(db)) is not searched
            assert list(find_word_faults(db)) == []


def test_another_history_is_refused_until_it_begins_again(
    service: TestClient, database: Database, replica: Database
) -> None:
    with database.connect() as db:
        version = db.exec_driver_sql("SELECT max(seq) FROM revisions").scalar()
    add_events(service, "c")
    follow_original(replica, service, "desk")
    with database.write() as db:
        begin_lineage(db, "a test", forked_at=version)
    service.delete("/v1/events/desk:b", params={"reason": "gone"}).raise_for_status()
    with pytest.raises(PullError, match="--begin-again"):
        follow_original(replica, service, "desk")
    with replica.write() as db:  # what was written in the history that was left
        db.exec_driver_sql("UPDATE pull_sources SET error = NULL")
    copy = read_documents(replica, "desk")
    assert json.loads(copy["desk:b"] + b"}")["status"] == "reported"
    follow_original(replica, service, "desk", begins_again=True)
    assert read_documents(replica, "desk") == read_documents(database, "desk")
    assert follow_original(replica, service, "desk").rows == 0


def test_a_dataset_of_its_own_is_not_written_over(
    service: TestClient, database: Database, replica: Database
) -> None:
    with open_client(url_of(replica)) as copy:
        copy.headers["Authorization"] = f"Bearer {add_key(replica)}"
        copy.post("/v1/datasets", json=DATASET).raise_for_status()
        add_events(copy, "own", "a", title="Another meeting")
    with pytest.raises(PullError, match="is here already"):
        follow_original(replica, service, "desk")
    follow_original(replica, service, "desk", begins_again=True)
    ours, theirs = read_documents(replica, "desk"), read_documents(database, "desk")
    assert json.loads(ours.pop("desk:own") + b"}")["status"] == "retracted"
    assert ours == theirs
    with replica.connect() as db:
        assert list(find_event_faults(db)) == []


def test_what_was_merged_leads_to_the_same_event(service: TestClient, replica: Database) -> None:
    follow_original(replica, service, "desk")
    service.post("/v1/events/desk:a/merge", json={"into": "desk:b"}).raise_for_status()
    [merge] = service.get("/v1/changes?kind=event&id=desk:a&after=0").json()["data"][-1:]
    assert (merge["action"], merge["into"]) == ("merge", "desk:b")
    assert service.get("/v1/events/desk:a/history").json()["data"][-1]["into"] == "desk:b"
    follow_original(replica, service, "desk")
    with open_client(url_of(replica), follow_redirects=False) as copy:
        assert copy.get("/v1/events/desk:a").headers["Location"].endswith("desk:b")


def test_an_edit_here_is_warned_about_and_lasts_until_the_next_change_there(
    service: TestClient, database: Database, replica: Database, caplog: pytest.LogCaptureFixture
) -> None:
    follow_original(replica, service, "desk")
    with open_client(url_of(replica)) as copy:
        copy.headers["Authorization"] = f"Bearer {add_key(replica)}"
        copy.patch("/v1/actors/AZE", json={"name": "Other"}).raise_for_status()
    add_events(service, "c")
    follow_original(replica, service, "desk")
    assert "not rendered as at the original, such as desk:c" in caplog.text
    service.patch("/v1/actors/AZE", json={"name": "A name"}).raise_for_status()
    follow_original(replica, service, "desk")
    assert read_documents(replica, "desk") == read_documents(database, "desk")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("id=desk:a", "id"), ("id=ARM&kind=actor&kind=source", "id"), ("id=&kind=event", "id"),
        ("kind=event&id=desk:a&actor=ARM", "id"), ("kind=event&id=%00", "id"),
        ("kind=event" + "&id=x" * 101, "id"),
    ],
)  # fmt: skip
def test_ids_of_changes_need_one_kind(api: TestClient, query: str, field: str) -> None:
    answer = api.get(f"/v1/changes?{query}")
    assert answer.status_code == 422
    assert any(field in map(str, e["loc"]) for e in answer.json()["errors"])


def test_changes_of_one_document_are_all_its_revisions(api: TestClient) -> None:
    found = api.get("/v1/changes?kind=actor&id=ARM&id=AZE&derived=true&limit=1000").json()["data"]
    assert {one["id"] for one in found} == {"ARM", "AZE"}
    assert api.get("/v1/changes?kind=actor&id=nothing").json()["meta"]["reason"] == "no_match"


def run_command(*words: str) -> Result:
    return CliRunner().invoke(cli.main, list(words))


@pytest.mark.parametrize(
    "words",
    [
        ("pull", "entente", "https://a.example"),
        ("pull", "entente", "--dataset", "desk"),
        ("follow", "entente", "a.example", "--dataset", "desk"),
        ("follow", "entente", "https://a.example", "gdelt", "--dataset", "desk"),
        ("pull", "entente", "https://a.example", "--dataset", "desk", "--dry-run"),
        ("pull", "gdelt", "https://a.example"),
    ],
)
def test_wrong_words_are_refused(words: tuple[str, ...]) -> None:
    result = run_command(*words)
    assert result.exit_code == 2, result.output
    assert "entente" in result.stderr or "one word too many" in result.stderr


def test_the_command_follows_over_a_network(
    service: TestClient, database: Database, replica: Database, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    drop_waits()
    secret = tmp_path / "key"
    secret.write_text(add_key(database))
    for name, value in {
        "DATABASE_URL": url_of(replica), "ALLOW_PRIVATE_ADDRESSES": "true", "PULL_PAUSE": "0",
        "ORIGINAL_KEY_FILE": str(secret),
    }.items():  # fmt: skip
        monkeypatch.setenv(f"ENTENTE_{name}", value)
    with serve_database(url_of(database)) as address:
        words = ("entente", address, "--dataset", "desk", "--accept-terms")
        unknown = run_command("pull", "entente", address, "--dataset", "nothing")
        assert (unknown.exit_code, "has no dataset nothing" in unknown.stderr) == (2, True)
        first = run_command("pull", *words, "--json")
        assert first.exit_code == 0, first.output
        assert json.loads(first.stdout)["new"] == 2
        add_events(service, "c")
        second = run_command("follow", *words, "--once")
        assert (second.exit_code, "1 new" in second.stdout) == (0, True), second.output
        assert "nothing new" not in second.stdout
        assert "nothing new" in run_command("pull", *words).stdout
    assert read_documents(replica, "desk") == read_documents(database, "desk")
    listed = run_command("pulls").stdout
    assert "entente-desk" in listed
    assert secret.read_text() not in first.output + second.output + listed
    down = run_command("pull", "entente", address, "--dataset", "desk")
    assert (down.exit_code, "did not answer" in down.stderr) == (1, True)


class OneAnswer:
    """A wire on which everything has the same answer."""

    now = datetime.now(UTC)

    def __init__(self, body: bytes = b"", failure: DownloadError | None = None) -> None:
        self.body, self.failure = body, failure

    def read(self, *_: Any, **__: Any) -> bytes:
        """Answer, or fail."""
        if self.failure is not None:
            raise self.failure
        return self.body

    fetch: Any = read


@pytest.mark.parametrize(
    "body",
    [
        b"<html>", b"", b"[]", b'{"data": []}', b'{"data": [], "meta": {"version": 1}, "links": 3}',
        b'{"data": [{"seq": "1"}], "meta": {"version": 1}, "links": {"next": null}}',
        b'{"data": [], "meta": {"version": 1}, "links": {"next": "/v1/changes?after=x&lineage=a"}}',
        b'{"data": [], "meta": {"version": 1}, "links": {"next": "/v1/changes?after=1"}}',
    ],
)  # fmt: skip
def test_what_is_no_page_of_changes_is_refused(body: bytes) -> None:
    feed = ChangeFeed(Original(OneAnswer(body), "https://a.example"), [], Position(0))
    with pytest.raises(PullError, match=r"https://a\.example is no Entente") as wrong:
        feed.read_page()
    assert wrong.value.exit_code == 2


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [(410, "--begin-again", 2), (401, "needs a key", 2), (403, "does not give this", 2),
     (404, "answered 404", 2), (422, "answered 422", 2), (0, "no route", 1)],
)  # fmt: skip
def test_a_refusal_says_what_to_do(status: int, said: str, code: int) -> None:
    failure = DownloadError(f"answered {status}" if status else "no route", status=status)
    original = Original(OneAnswer(failure=failure), "https://a.example")
    with pytest.raises(PullError, match=said) as wrong:
        original.read_newest()
    assert wrong.value.exit_code == code


def test_a_page_goes_on_where_its_link_says_and_at_no_other_address() -> None:
    link = "https://elsewhere.example/v1/changes?after=7&lineage=0a0b0c0d"
    body = f'{{"data": [], "meta": {{"version": 9}}, "links": {{"next": "{link}"}}}}'
    feed = ChangeFeed(Original(OneAnswer(body.encode()), "https://a.example"), [], Position(0))
    feed.read_page()
    assert (feed.upto, feed.is_done) == (Position(7, "0a0b0c0d"), False)
    assert Position.parse_label(feed.upto.label) == feed.upto
    assert Position.parse_label(None) == Position(0)
