"""Watches over HTTP with a real receiver: order, signatures, retries, dead letters, kills."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient
from make import dataset, event
from serving import open_client
from sqlalchemy import select, update
from standardwebhooks.webhooks import WebhookVerificationError
from watches.receiver import Receiver, run_receiver

from app.access.keys import create_key, revoke_key
from app.db.engine import Database
from app.db.tables import datasets, watches
from app.db.tables import keys as keys_table
from app.settings import WATCH_ANSWER_SECONDS

pytestmark = [pytest.mark.slow, pytest.mark.by_turns]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with run_receiver() as found:
        yield found


def make_key(database: Database, name: str = "keeper", scope: Any = "watch") -> dict[str, str]:
    with database.write() as db:
        return {"Authorization": f"Bearer {create_key(db, name, scope)}"}


@contextmanager
def open_api(database: Database, key: dict[str, str], **more: Any) -> Iterator[TestClient]:
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url, in_background=True, watch_private_addresses=True, **more) as api:
        api.headers.update(key)
        yield api
        api.headers.pop("Authorization")


def keep(api: TestClient, url: str | None, **events: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"name": "w", "events": events}
    if url is not None:
        body["webhook"] = {"url": url}
    answer = api.post("/v1/watches", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def write(database: Database, *actors: str, **more: Any) -> str:
    with database.write() as db:
        return event(db, *actors, **more)


def wait_until(api: TestClient, watch: str, state: str, count: int) -> list[dict[str, Any]]:
    """Wait until so many deliveries of a watch are in a state."""

    until = time.monotonic() + 15
    while True:
        found = api.get(f"/v1/watches/{watch}/deliveries", params={"state": state}).json()["data"]
        if len(found) >= count:
            return list(found)
        assert time.monotonic() < until, api.get(f"/v1/watches/{watch}/deliveries").text
        time.sleep(0.02)


def test_a_matching_event_arrives_signed_and_in_order(
    database: Database, receiver: Receiver
) -> None:
    with database.write() as db:
        dataset(db)
    with open_api(database, make_key(database)) as api:
        watch = keep(api, f"{receiver.url}/hook", actor="ARM", type="AGREE")
        first = write(database, "ARM", type="AGREE", title="one")
        write(database, "RUS", type="AGREE")
        write(database, "ARM", type="CONSULT")
        key = first.removeprefix("made:")
        write(database, "ARM", type="AGREE", title="two", key=key)
        write(database, "ARM", type="CONSULT", title="two", key=key)
        write(database, "ARM", type="AGREE", title="two", key=key)
        write(database, "ARM", type="AGREE", title="two", key=key, status="retracted")
        messages = receiver.wait_for(5)
        said = [m.verify(watch["secret"]) for m in messages]
        assert [s["type"] for s in said] == [
            "event.added", "event.changed", "event.left", "event.entered", "event.retracted",
        ]  # fmt: skip
        assert said[1]["data"]["changed"] == [{"field": "title", "before": "one", "after": "two"}]
        assert said[0]["data"]["event"] == json.loads(api.get(f"/v1/events/{first}?as_of="
            f"{said[0]['data']['change']['seq']}").text)  # fmt: skip
        seqs = [s["data"]["change"]["seq"] for s in said]
        assert seqs == sorted(seqs)
        delivered = wait_until(api, watch["id"], "delivered", 5)
        assert [d["id"] for d in reversed(delivered)] == [m.ident for m in messages]
        shown = api.get(f"/v1/watches/{watch['id']}").json()
        assert (shown["pending"], shown["next_attempt"]) == (0, None)
        assert "secret" not in shown


def test_a_failing_receiver_is_tried_again_with_the_same_id(
    database: Database, receiver: Receiver
) -> None:
    with database.write() as db:
        dataset(db)
    answers = iter([500, 503, 204])
    receiver.answers["/hook"] = lambda request: request.answer(next(answers, 204))
    with open_api(database, make_key(database)) as api:
        watch = keep(api, f"{receiver.url}/hook", actor="ARM")
        write(database, "ARM")
        write(database, "ARM", "RUS")
        messages = receiver.wait_for(4)
        assert [m.ident for m in messages[:3]] == [messages[0].ident] * 3
        assert messages[3].ident != messages[0].ident
        for message in messages:
            message.verify(watch["secret"])
        second, first = wait_until(api, watch["id"], "delivered", 2)
        assert (first["attempts"], first["status"], second["attempts"]) == (3, 204, 1)
        assert api.get(f"/v1/watches/{watch['id']}").json()["failures"] == 0


def test_a_dead_letter_is_replayed_and_a_dead_receiver_suspends(
    database: Database, receiver: Receiver
) -> None:
    with database.write() as db:
        dataset(db)
    receiver.answers["/hook"] = lambda request: request.answer(500)
    with open_api(database, make_key(database)) as api:
        watch = keep(api, f"{receiver.url}/hook", actor="ARM")
        other = keep(api, f"{receiver.url}/other", actor="ARM")
        for _ in range(3):
            write(database, "ARM")
        [dead] = wait_until(api, watch["id"], "dead", 1)
        assert (dead["attempts"], dead["status"], dead["error"]) == (3, 500, "answered 500")
        receiver.wait_for(3, "/other")
        while (shown := api.get(f"/v1/watches/{watch['id']}").json())["state"] == "active":
            time.sleep(0.02)
        assert shown["state_reason"] == "4 attempts in a row failed: answered 500"
        assert shown["pending"] == 2
        write(database, "ARM")
        del receiver.answers["/hook"]
        before = len(receiver.list_messages())
        replayed = api.post(f"/v1/watches/{watch['id']}/replay", json={"seq": dead["seq"]})
        assert replayed.json() == {"replayed": 1}
        api.patch(f"/v1/watches/{watch['id']}", json={"state": "active"})
        receiver.wait_for(before + 4)
        seqs = [d["seq"] for d in wait_until(api, watch["id"], "delivered", 4)]
        said = [m.verify(watch["secret"])["data"]["change"]["seq"]
                for m in receiver.list_messages()[before:]]  # fmt: skip
        assert said == sorted(seqs) == [d["seq"] for d in reversed(
            api.get(f"/v1/watches/{other['id']}/deliveries").json()["data"])]  # fmt: skip
        assert api.post(f"/v1/watches/{watch['id']}/replay").json() == {"replayed": 0}
        assert api.post(f"/v1/watches/{watch['id']}/replay", json={"seq": 1}).status_code == 404


def test_receivers_that_never_answer_keep_no_other_waiting(
    database: Database, receiver: Receiver
) -> None:
    with database.write() as db:
        dataset(db)
    ended = threading.Event()
    stuck = [f"/stuck/{n}" for n in range(8)]
    for path in stuck:
        receiver.answers[path] = lambda request: request.answer(204) if ended.wait(30) else None
    with open_api(database, make_key(database)) as api:
        for path in (*stuck, "/hook"):
            keep(api, f"{receiver.url}{path}", actor="ARM")
        write(database, "ARM")
        until = time.monotonic() + WATCH_ANSWER_SECONDS / 3
        while not all(map(receiver.list_messages, stuck)) and time.monotonic() < until:
            time.sleep(0.02)  # nothing tells of messages that are not answered
        write(database, "ARM")
        write(database, "ARM")
        begun = time.monotonic()
        receiver.wait_for(3)
        assert time.monotonic() - begun < WATCH_ANSWER_SECONDS / 2
        assert all(len(receiver.list_messages(path)) == 1 for path in stuck)  # still unanswered
        ended.set()


def test_a_receiver_that_is_gone_suspends_at_once(database: Database, receiver: Receiver) -> None:
    with database.write() as db:
        dataset(db)
    receiver.answers["/hook"] = lambda request: request.answer(410)
    with open_api(database, make_key(database)) as api:
        watch = keep(api, f"{receiver.url}/hook", actor="ARM")
        write(database, "ARM")
        receiver.wait_for(1)
        while (shown := api.get(f"/v1/watches/{watch['id']}").json())["state"] == "active":
            time.sleep(0.02)
        assert shown["state_reason"] == "the receiver answered 410 Gone"


def test_a_paused_watch_goes_on_where_it_stopped_and_after_any_version(
    database: Database, receiver: Receiver
) -> None:
    with database.write() as db:
        dataset(db)
    with open_api(database, make_key(database)) as api:
        watch = keep(api, f"{receiver.url}/hook", actor="ARM")
        where = f"/v1/watches/{watch['id']}"
        write(database, "ARM", title="one")
        receiver.wait_for(1)
        assert api.patch(where, json={"state": "paused"}).json()["state"] == "paused"
        write(database, "ARM", title="two")
        api.patch(where, json={"state": "active"})
        receiver.wait_for(2)
        write(database, "ARM", title="three")
        messages = receiver.wait_for(3)
        titles = [m.verify(watch["secret"])["data"]["event"]["title"] for m in messages]
        assert titles == ["one", "two", "three"]
        api.patch(where, json={"state": "active", "after": 0})
        again = receiver.wait_for(6)[3:]
        assert [m.ident for m in again] == [m.ident for m in messages]
        backlog = keep(api, f"{receiver.url}/late", actor="ARM")
        body = {"name": "w", "events": {"actor": "ARM"}, "after": 0}
        body["webhook"] = {"url": f"{receiver.url}/late"}
        late = api.post("/v1/watches", json=body)
        assert late.status_code == 201
        assert [m.verify(late.json()["secret"])["data"]["event"]["title"]
                for m in receiver.wait_for(3, "/late")] == titles  # fmt: skip
        assert api.get(f"/v1/watches/{backlog['id']}/deliveries").json()["data"] == []


def test_two_secrets_sign_while_one_is_replaced(database: Database, receiver: Receiver) -> None:
    with database.write() as db:
        dataset(db)
    with open_api(database, make_key(database)) as api:
        watch = keep(api, f"{receiver.url}/hook", actor="ARM")
        where, old = f"/v1/watches/{watch['id']}", watch["secret"]
        patched = api.patch(where, json={"rotate_secret": True, "overlap_hours": 1}).json()
        new = patched["secret"]
        assert patched["webhook"]["secrets"] == 2
        write(database, "ARM")
        [message] = receiver.wait_for(1)
        assert message.verify(old) == message.verify(new)
        newest = api.patch(where, json={"rotate_secret": True, "overlap_hours": 0}).json()["secret"]
        write(database, "ARM")
        message = receiver.wait_for(2)[1]
        message.verify(newest)
        for gone in (old, new):
            with pytest.raises(WebhookVerificationError):
                message.verify(gone)


def test_secrets_derived_from_a_key_are_not_in_the_database(
    database: Database, receiver: Receiver
) -> None:
    key = make_key(database)
    with open_api(database, key) as api:
        older = keep(api, f"{receiver.url}/hook", actor="ARM")
    with open_api(database, key, watch_key="a key of sixteen letters") as api:
        watch = keep(api, f"{receiver.url}/derived", actor="ARM")
        with database.connect() as db:
            stored = dict(map(tuple, db.execute(select(watches.c.id, watches.c.secrets))))
        assert older["secret"] in stored[older["id"]]
        assert watch["secret"].removeprefix("whsec_") not in stored[watch["id"]]
        assert api.post(f"/v1/watches/{watch['id']}/test").json()["arrived"]
        assert api.post(f"/v1/watches/{older['id']}/test").json()["arrived"]
        [derived], [full] = receiver.list_messages("/derived"), receiver.list_messages("/hook")
        derived.verify(watch["secret"])
        full.verify(older["secret"])
        replaced = api.patch(f"/v1/watches/{older['id']}", json={"rotate_secret": True}).json()
        assert api.post(f"/v1/watches/{older['id']}/test").json()["arrived"]
        receiver.list_messages("/hook")[1].verify(replaced["secret"])
    with open_api(database, key, watch_key="another key of the service") as api:
        failed = api.post(f"/v1/watches/{watch['id']}/test").json()
        assert not failed["arrived"]
        assert "ENTENTE_WATCH_KEY" in failed["error"]
        assert len(receiver.list_messages("/derived")) == 1


def test_a_revoked_key_suspends_and_a_key_of_the_same_name_goes_on(
    database: Database, receiver: Receiver
) -> None:
    with database.write() as db:
        dataset(db)
    with open_api(database, make_key(database)) as api:
        watch = keep(api, f"{receiver.url}/hook", actor="ARM")
        with database.write() as db:
            revoke_key(db, "keeper")
        write(database, "ARM")
        api.headers.update(make_key(database, "root", "admin"))
        while (shown := api.get(f"/v1/watches/{watch['id']}").json())["state"] == "active":
            time.sleep(0.02)
        assert shown["state_reason"] == "no key named 'keeper' is in force"
        api.headers.update(make_key(database, "other"))
        assert api.get(f"/v1/watches/{watch['id']}").status_code == 404
        assert api.get("/v1/watches").json()["data"] == []
        api.headers.update(make_key(database))
        api.patch(f"/v1/watches/{watch['id']}", json={"state": "active"})
        receiver.wait_for(1)
        assert [w["id"] for w in api.get("/v1/watches").json()["data"]] == [watch["id"]]
        assert api.delete(f"/v1/watches/{watch['id']}").status_code == 200
        assert api.get(f"/v1/watches/{watch['id']}").status_code == 404


def test_a_test_message_is_sent_at_once(database: Database, receiver: Receiver) -> None:
    with open_api(database, make_key(database)) as api:
        watch = keep(api, f"{receiver.url}/hook", actor="ARM")
        found = api.post(f"/v1/watches/{watch['id']}/test").json()
        assert (found["arrived"], found["status"], found["error"]) == (True, 204, None)
        [message] = receiver.list_messages()
        assert message.verify(watch["secret"])["type"] == "watch.test"
        receiver.answers["/hook"] = lambda request: request.answer(302, Location="/other")
        found = api.post(f"/v1/watches/{watch['id']}/test").json()
        assert (found["arrived"], found["error"]) == (False, "answered 302")
        assert receiver.list_messages("/other") == []
        silent = keep(api, None, actor="ARM")
        assert api.post(f"/v1/watches/{silent['id']}/test").status_code == 409


def test_a_watch_says_what_its_owner_may_read(database: Database, receiver: Receiver) -> None:
    with database.write() as db:
        dataset(db)
        db.execute(update(datasets).values(access="closed"))
        keys = [{"Authorization": f"Bearer {create_key(db, name, 'watch', reads=reads)}"}
                for name, reads in (("outside", ()), ("inside", ("made",)))]  # fmt: skip
    with open_api(database, keys[0]) as api:
        outside = keep(api, f"{receiver.url}/outside", actor="ARM")
        api.headers.update(keys[1])
        inside = keep(api, f"{receiver.url}/hook", actor="ARM")
        write(database, "ARM")
        receiver.wait_for(1)
        wait_until(api, inside["id"], "delivered", 1)
        api.patch(f"/v1/watches/{inside['id']}", json={"state": "paused"})
        write(database, "ARM")
        with database.write() as db:
            db.execute(update(keys_table).where(keys_table.c.name == "inside").values(reads=None))
        api.patch(f"/v1/watches/{inside['id']}", json={"state": "active"})
        write(database, "RUS")
        feed = api.get(f"/v1/watches/{inside['id']}/feed?format=json").json()
        assert feed["items"] == []
        api.headers.update(keys[0])
        assert api.get(f"/v1/watches/{outside['id']}/deliveries").json()["data"] == []
    assert receiver.list_messages("/outside") == []
    assert len(receiver.list_messages()) == 1
