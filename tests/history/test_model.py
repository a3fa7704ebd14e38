"""Random lives of a record, compared with a model of it in memory."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from examples import add_key
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from serving import open_client
from soak import choose_size

from app.db.engine import Database
from app.events.verify import find_event_faults

pytestmark = pytest.mark.slow

ACTORS = ("ARM", "RUS", "USA", "FRA")
DATES = ("2020-01-01", "2020-02", "2020-01-15/2020-03-02", "2019-12/..")
TITLES = st.sampled_from(("a treaty", "a summit", "a quarrel", "an exercise"))
NUMBERS = count(1)
SAID = ("title", "date", "status", "tags", "intensity")
"""Fields that the model follows."""

contents = st.fixed_dictionaries(
    {
        "title": TITLES,
        "date": st.sampled_from(DATES),
        "intensity": st.sampled_from((-8.0, -2.0, 0.0, 3.5)),
        "tags": st.lists(st.sampled_from(("x", "y")), unique=True, max_size=2).map(sorted),
        "participants": st.lists(
            st.fixed_dictionaries(
                {
                    "actor": st.sampled_from(ACTORS),
                    "role": st.sampled_from(("initiator", "target", "absent")),
                }
            ),
            min_size=1,
            max_size=3,
        ),
    }
)
pick = st.integers(0, 10_000)


class Life(RuleBasedStateMachine):
    """One dataset, written at random; the model holds its events at every version."""

    api: TestClient
    key: str
    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.dataset = f"life{next(NUMBERS)}"
        self.numbers = count(1)
        self.events: dict[str, dict[str, Any]] = {}
        self.ended: dict[str, str] = {}
        self.last: tuple[str, str, Any, dict[str, str], Any] | None = None
        self.feed: list[tuple[str, str]] = []
        fields = {"code": self.dataset, "name": "A life", "version": "1", "licence": "none"}
        self.write("POST", "/v1/datasets", {**fields, "citation": "none"})
        self.versions: dict[int, dict[str, dict[str, Any]]] = {self.version(): {}}

    def version(self) -> int:
        return int(self.api.get("/v1/changes?after=0&limit=1").json()["meta"]["version"])

    def write(self, method: str, path: str, body: Any, status: int | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": uuid4().hex}
        answer = self.api.request(method, path, json=body, headers=headers)
        assert answer.status_code == status or (status is None and answer.is_success), answer.text
        self.last = (method, path, body, headers, answer)
        return answer

    def noted(self, *acts: tuple[str, str]) -> None:
        self.feed += acts
        self.versions[self.version()] = deepcopy(self.events)

    def some(self, number: int, *, retracted: bool = False) -> str | None:
        meant = [i for i, e in self.events.items() if (e["status"] == "retracted") is retracted]
        return sorted(meant)[number % len(meant)] if meant else None

    @rule(batch=st.lists(contents, min_size=1, max_size=3))
    def create(self, batch: list[dict[str, Any]]) -> None:
        sent = [{**b, "dataset": self.dataset, "key": f"e{next(self.numbers)}"} for b in batch]
        self.write("POST", "/v1/events", sent)
        for body in sent:
            self.events[f"{self.dataset}:{body['key']}"] = {**body, "status": "reported"}
        self.noted(*(("create", f"{self.dataset}:{body['key']}") for body in sent))

    @rule(number=pick, content=contents)
    def replace(self, number: int, content: dict[str, Any]) -> None:
        if ident := self.some(number):
            self.changed(ident, "PUT", content, {**content, "status": "reported"})

    @rule(number=pick, title=TITLES, date=st.sampled_from(DATES))
    def patch(self, number: int, title: str, date: str) -> None:
        if ident := self.some(number):
            patch = {"title": title, "date": date}
            self.changed(ident, "PATCH", patch, {**self.events[ident], **patch})

    @rule(number=pick)
    def restore(self, number: int) -> None:
        if ident := self.some(number, retracted=True):
            patch = {"status": "reported"}
            self.changed(ident, "PATCH", patch, {**self.events[ident], **patch})

    def changed(self, ident: str, method: str, body: Any, after: dict[str, Any]) -> None:
        before = self.version()
        self.write(method, f"/v1/events/{ident}", body)
        event = self.events[ident]
        if self.version() == before:
            assert all(after.get(f) == event.get(f) for f in SAID)
            return
        key = ident.partition(":")[2]
        self.events[ident] = {**after, "dataset": self.dataset, "key": key}
        self.noted(("update", ident))

    @rule(number=pick)
    def retract(self, number: int) -> None:
        if ident := self.some(number):
            self.write("DELETE", f"/v1/events/{ident}", {"reason": "at random"})
            self.events[ident] = {**self.events[ident], "status": "retracted"}
            self.noted(("retract", ident))

    @rule(one=pick, other=pick)
    def merge(self, one: int, other: int) -> None:
        loser, survivor = self.some(one), self.some(other)
        if loser is None or survivor is None:
            return
        path, body = f"/v1/events/{loser}/merge", {"into": survivor, "reason": "the same"}
        if loser == survivor:
            self.write("POST", path, body, 409)
            return
        before = self.version()
        self.write("POST", path, body)
        kept, gone = self.events[survivor], self.events.pop(loser)
        tags = sorted({*kept["tags"], *gone["tags"]})
        self.events[survivor] = {**kept, "tags": tags}
        self.ended[loser] = survivor
        acts = [("update", survivor)] if self.version() - before == 2 else []
        self.noted(*acts, ("merge", loser))

    @precondition(lambda self: self.last is not None)
    @rule()
    def retry(self) -> None:
        method, path, body, headers, first = self.last  # type: ignore[misc]
        before = self.version()
        again = self.api.request(method, path, json=body, headers=headers)
        assert (again.status_code, again.text) == (first.status_code, first.text)
        assert self.version() == before

    @rule(number=pick)
    def outdated(self, number: int) -> None:
        if ident := self.some(number):
            headers = {"Authorization": f"Bearer {self.key}", "If-Match": '"1"'}
            path = f"/v1/events/{ident}"
            answer = self.api.patch(path, json={"title": "lost"}, headers=headers)
            assert answer.status_code == 412
            assert answer.json()["current"]["document"] == self.api.get(path).json()

    def listed(self, **asked: Any) -> dict[str, dict[str, Any]]:
        asked |= {"dataset": self.dataset, "limit": 1000}
        found = self.api.get("/v1/events", params=asked).json()["data"]
        listed = {event["id"]: {field: event[field] for field in SAID} for event in found}
        assert len(listed) == len(found)
        return listed

    def walked(self, version: int, sort: str, limit: int = 2) -> list[str]:
        """Ids of the whole list of a version, page by page."""
        found: list[str] = []
        url = f"/v1/events?dataset={self.dataset}&as_of={version}&sort={sort}&limit={limit}"
        while url:
            body = self.api.get(url).json()
            found += [event["id"] for event in body["data"]]
            url = body["links"]["next"]
        return found

    def modelled(self, version: int) -> dict[str, dict[str, Any]]:
        return {
            ident: {field: event[field] for field in SAID}
            for ident, event in self.versions[version].items()
            if event["status"] != "retracted"
        }

    @rule()
    def read(self) -> None:
        assert self.listed() == self.modelled(max(self.versions))
        for loser in self.ended:
            answer = self.api.get(f"/v1/events/{loser}", follow_redirects=False)
            assert answer.status_code == 308

    @rule(number=pick, actor=st.sampled_from(ACTORS))
    def read_then(self, number: int, actor: str) -> None:
        version = sorted(self.versions)[number % len(self.versions)]
        model = self.modelled(version)
        assert self.listed(as_of=version) == model
        acting = {
            ident
            for ident in model
            if actor in {p["actor"] for p in self.versions[version][ident]["participants"]}
        }
        assert set(self.listed(as_of=version, actor=actor)) == acting
        for sort in ("-date", "date", "recorded"):
            assert self.walked(version, sort) == self.walked(version, sort, limit=1000)
        early = {"until": "2020-01-10", "as_of": str(version)}
        begun = {i for i, e in model.items() if e["date"] in (DATES[0], DATES[3])}
        assert set(self.listed(**early)) == begun

    @rule(one=pick, other=pick)
    def compare(self, one: int, other: int) -> None:
        known = sorted(self.versions)
        first, last = sorted((known[one % len(known)], known[other % len(known)]))
        asked = {"from": first, "to": last, "dataset": self.dataset, "limit": 1000}
        found = self.api.get("/v1/diff", params=asked).json()["data"]
        before, after = self.modelled(first), self.modelled(last)
        shown = {d["id"]: d["change"] for d in found}
        assert {i for i, c in shown.items() if c in ("added", "entered")} == after.keys() - before
        assert {i for i, c in shown.items() if c == "retracted"} == before.keys() - after
        differ = {i for i in before.keys() & after if before[i] != after[i]}
        same = {i for i, c in shown.items() if c == "changed"}
        assert differ <= same <= before.keys() & after

    @rule(limit=st.integers(1, 7))
    def follow(self, limit: int) -> None:
        followed, url = [], f"/v1/changes?after=0&dataset={self.dataset}&status=reported"
        url += f"&status=retracted&limit={limit}"
        while url:
            body = self.api.get(url).json()
            followed += [(c["action"], c["id"]) for c in body["data"]]
            url = body["links"]["next"]
        assert followed == self.feed

    def teardown(self) -> None:
        with self.database.connect() as db:
            assert list(find_event_faults(db)) == []


@contextmanager
def serve_database(database: Database) -> Iterator[TestClient]:
    """The service on a database."""
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url) as api:
        yield api


@pytest.mark.soak
def test_random_writes_match_the_reference_model(database: Database) -> None:
    key = add_key(database)
    with serve_database(database) as api:
        fields = {"api": api, "key": key, "database": database}
        life = type("Life", (Life,), fields)
        chosen = settings(
            max_examples=choose_size(5, 60),
            stateful_step_count=25,
            deadline=None,
            phases=(Phase.explicit, Phase.generate),  # to shrink a life takes minutes
            suppress_health_check=list(HealthCheck),
        )
        run_state_machine_as_test(life, settings=chosen)


@pytest.mark.bundled
def test_verify_detects_corrupted_tables(database: Database) -> None:
    """What `verify` finds where something is off, so that finding nothing says something."""
    with database.connect() as db:
        assert list(find_event_faults(db)) == []
    with database.write() as db:
        db.exec_driver_sql("UPDATE day_sums SET n = n + 1 WHERE day = '2023-10-03'")
        db.exec_driver_sql("DELETE FROM tags WHERE tag = 'founding-case'")
        db.exec_driver_sql("UPDATE participations SET role = 'target' WHERE role = 'absent'")
    with database.connect() as db:
        found = json.dumps(list(find_event_faults(db)))
    assert all(name in found for name in ("day_sums", "tags", "participations"))
