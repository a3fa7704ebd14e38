"""What must be refused: addresses inside, wrong bodies, other people's watches."""

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpcore2
import pytest
from fastapi.testclient import TestClient
from make import dataset
from serving import open_client, run_apart
from typer.testing import CliRunner, Result
from watches.receiver import Request, run_receiver
from watches.test_delivery import keep, make_key, open_api, write

from app import cli
from app.cli import terminal
from app.db.engine import Database
from app.watches import sender
from app.watches.sender import AsyncGuardedBackend, send_message
from app.watches.signatures import WatchSecret, make_secret

pytestmark = pytest.mark.slow

KEPT = [WatchSecret(make_secret())]


def send(url: str, **more: Any) -> sender.SendResult:
    found = run_apart(send_message(url, "msg_1", b"{}", KEPT, allow_private=False, **more))
    assert not found.arrived
    return found


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:10.0.0.1]"]
)
def test_private_hosts_are_refused_when_the_connection_is_made(host: str) -> None:
    assert send(f"http://{host}:9/x").error == "leads to a private address"


def test_a_name_with_one_private_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = ["93.184.215.14", "192.168.1.1"]
    monkeypatch.setattr(sender, "resolve_host", lambda *_: numbers)
    assert send("https://rebound.example/").error == "leads to a private address"


def test_the_connection_goes_to_the_number_that_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sender, "resolve_host", lambda *_: ["93.184.215.14"])
    asked = []

    async def connect_tcp(_: object, host: str, *__: object) -> None:
        asked.append(host)
        raise httpcore2.ConnectError("no network here")

    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", connect_tcp)
    backend = AsyncGuardedBackend(allow_private=False)
    with pytest.raises(httpcore2.ConnectError):
        run_apart(backend.connect_tcp("rebound.example", 443))
    assert asked == ["93.184.215.14"]


def test_a_receiver_that_never_answers_or_never_ends_is_left() -> None:
    def answer_for_ever(request: Request) -> None:
        request.send_response(200)
        request.end_headers()
        while True:
            request.wfile.write(b"x" * 65_536)

    with run_receiver() as receiver, socket.create_server(("127.0.0.1", 0)) as silent:
        receiver.answers["/hook"] = answer_for_ever
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        found = run_apart(send_message(url, "msg_1", b"{}", KEPT, allow_private=True, seconds=0.2))
        assert found.error == "did not answer within 0 seconds"
        ended = run_apart(
            send_message(f"{receiver.url}/hook", "msg_1", b"{}", KEPT, allow_private=True)
        )
        assert ended.arrived


URL = ["body", "webhook", "url"]
WRONG: list[tuple[Any, list[Any]]] = [
    ({}, ["body", "name"]),
    ({"name": "w"}, ["body"]),
    ({"name": "w", "events": {}, "shift": {"actor": "ARM", "toward": "RUS"}}, ["body"]),
    ({"name": "", "events": {}}, ["body", "name"]),
    ({"name": "w", "events": {"actor": ["Nowhere"]}}, ["body", "events", "actor"]),
    ({"name": "w", "events": {"actors": ["ARM"]}}, ["body", "events", "actors"]),
    ({"name": "w", "events": {"since": "yesterday"}}, ["body", "events", "since"]),
    ({"name": "w", "events": {"as_of": "5"}}, ["body", "events", "as_of"]),
    ({"name": "w", "events": {"dataset": ["nope"]}}, ["body", "events", "dataset"]),
    ({"name": "w", "events": {"min_intensity": 5, "max_intensity": 1}}, ["body", "events"]),
    ({"name": "w", "events": {}, "after": 10**9}, ["body", "after"]),
    ({"name": "w", "events": {}, "after": -1}, ["body", "after"]),
    ({"name": "w", "events": {}, "webhook": {"url": "ftp://x.example/"}}, URL),
    ({"name": "w", "events": {}, "webhook": {"url": "http://10.1.2.3/"}}, URL),
    ({"name": "w", "events": {}, "webhook": {"url": "https://u:p@x.example/"}}, URL),
    ({"name": "w", "shift": {"actor": "ARM"}}, ["body", "shift", "toward"]),
    ({"name": "w", "shift": {"actor": "ARM", "toward": "ARM"}}, ["body", "shift", "toward"]),
    ({"name": "w", "shift": {"actor": "ARM", "toward": "RUS", "verdict": "sure"}},
     ["body", "shift", "verdict"]),
    ([], ["body"]),
]  # fmt: skip


def test_wrong_bodies_name_the_field(database: Database) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    key = make_key(database)
    with open_client(url, in_background=True) as api:
        for body, loc in WRONG:
            answer = api.post("/v1/watches", json=body, headers=key)
            assert answer.status_code == 422, (body, answer.text)
            assert answer.json()["errors"][0]["loc"] == loc, (body, answer.text)
        assert api.post("/v1/watches", content=b"{", headers=key).status_code == 400
        for patch in ({"state": "suspended"}, {"rotate_secret": 1}, {"after": 1}, {"events": {}},
                      {"overlap_hours": 1e9}):  # fmt: skip
            made = api.post("/v1/watches", json={"name": "w", "events": {}}, headers=key).json()
            answer = api.patch(f"/v1/watches/{made['id']}", json=patch, headers=key)
            assert answer.status_code == 422, (patch, answer.text)
        for ident in ("w_0", "%00", "w" * 70, "é"):
            for path in ("", "/deliveries", "/feed"):
                answer = api.get(f"/v1/watches/{ident}{path}", headers=key)
                assert answer.status_code in (404, 422), (ident, path)


def test_scopes_and_the_number_of_watches_are_kept(database: Database) -> None:
    reader, writer = make_key(database, "r", "read"), make_key(database, "w", "write")
    body = {"name": "w", "events": {"actor": "ARM"}}
    with open_api(database, writer, watches_per_key=2) as api:
        assert api.post("/v1/watches", json=body, headers=reader).status_code == 403
        assert [api.post("/v1/watches", json=body).status_code for _ in range(3)] == [201, 201, 409]
        assert api.get("/v1/limits").json()["watches"]["per_key"] == 2
        api.headers.pop("Authorization")
        assert api.get("/v1/watches").status_code == 401
        api.headers.update(reader)
        watcher = make_key(database, "k")
        created = api.post("/v1/events", json={"key": "x"}, headers=watcher)
        assert created.status_code == 403


def list_titles(api: TestClient, address: str) -> list[str]:
    return [item["title"] for item in api.get(address).json()["items"]]


def test_a_feed_says_what_was_said_to_who_has_its_address(database: Database) -> None:
    with database.write() as db:
        dataset(db)
    with open_api(database, make_key(database)) as api:
        watch = keep(api, None, actor="ARM")
        write(database, "ARM", key="one", title="a & b")
        write(database, "ARM", key="one", title="a & b", status="retracted")
        while len(api.get(f"/v1/watches/{watch['id']}/deliveries").json()["data"]) < 2:
            pass
        feeds, key = watch["feeds"], api.headers.pop("Authorization")
        assert list_titles(api, feeds["json_feed"]) == ["Retracted: a & b", "New: a & b"]
        atom = api.get(feeds["atom"])
        assert atom.headers["content-type"] == "application/atom+xml"
        assert atom.text.count("<entry>") == 2
        assert "Retracted: a &amp; b" in atom.text
        again = api.get(feeds["atom"], headers={"If-None-Match": atom.headers["etag"]})
        assert again.status_code == 304
        assert api.get(feeds["atom"].replace("token=", "token=x")).status_code == 404
        assert api.get(f"/v1/watches/{watch['id']}/feed").status_code == 401
        api.headers["Authorization"] = key
        assert list_titles(api, f"/v1/watches/{watch['id']}/feed?format=json")[0][:4] == "Retr"
        api.patch(f"/v1/watches/{watch['id']}", json={"rotate_feeds": True})
        assert api.get(feeds["atom"]).status_code == 404


def test_an_actor_that_is_merged_is_still_watched(database: Database) -> None:
    with database.write() as db:
        dataset(db)
    with open_api(database, make_key(database, "editor", "write")) as api:
        for code in ("AAA1", "BBB1"):
            body = {"code": code, "kind": "armed_group", "name": f"Group {code}"}
            assert api.post("/v1/actors", json=body).status_code == 201
        watch = keep(api, None, actor="BBB1")
        write(database, "BBB1", key="before")
        merged = api.post("/v1/actors/BBB1/merge", json={"into": "AAA1", "reason": "same"})
        assert merged.status_code == 200, merged.text
        write(database, "AAA1", key="after")
        address = f"/v1/watches/{watch['id']}/deliveries"
        while len(said := api.get(address).json()["data"]) < 2:
            pass
        assert [one["change"] for one in said] == ["added", "added"]


def test_the_terminal_keeps_watches(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url)
    monkeypatch.setenv("ENTENTE_WATCH_PRIVATE_ADDRESSES", "true")
    monkeypatch.setattr(terminal.console, "width", 240)
    make_key(database, "A. Reader")

    def run(*words: str) -> Result:
        with ThreadPoolExecutor(1) as apart:  # a browser may keep a loop in this thread
            return apart.submit(CliRunner().invoke, cli.main, ["watch", *words]).result()

    with run_receiver() as receiver:
        made = run("add", "mine", "--owner", "A. Reader", "--webhook", f"{receiver.url}/hook",
                   "--actor", "ARM", "--type", "AGREE")  # fmt: skip
        assert made.exit_code == 0, made.output
        ident = made.stdout.strip()
        assert "whsec_" in made.stderr
        assert ident in run("list").stdout
        assert run("test", ident).exit_code == 0
        assert len(receiver.list_messages()) == 1
        receiver.answers["/hook"] = lambda request: request.answer(500)
        assert run("test", ident).exit_code == 1
    for words in (("pause", ident), ("resume", ident, "--after", "0"), ("deliveries", ident),
                  ("replay", ident), ("remove", ident)):  # fmt: skip
        assert run(*words).exit_code == 0, words
    assert run("remove", ident).exit_code == 2
    assert run("add", "x", "--owner", "unknown", "--actor", "ARM").exit_code == 2
    assert "--owner" in run("add", "x", "--actor", "ARM").stderr
    assert run("add", "x", "--owner", "A. Reader", "--actor", "Nowhere").exit_code == 2
    assert run("add-shift", "x", "--owner", "A. Reader", "--actor", "ARM", "--toward",
               "RUS").exit_code == 0  # fmt: skip
    assert run("--actor", "ARM", "--after", "0", "--no-wait").exit_code == 0
    assert run("--actor", "Nowhere").exit_code == 2
