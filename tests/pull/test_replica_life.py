"""Two services: what is written at random at one arrives at the other, whatever happens between."""

from itertools import count
from typing import Any

import pytest
from examples import add_key
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from pull.replicas import KilledError, ServiceWire, follow_original, read_documents
from serving import open_client
from soak import choose_size

from app.db.engine import Database
from app.events.verify import find_event_faults
from app.pull import ledger, original

pytestmark = pytest.mark.slow

NUMBERS = count(1)
DATES = ("2020-01-01", "2020-02", "2020-01-15/2020-03-02")
pick = st.integers(0, 10_000)
contents = st.fixed_dictionaries(
    {
        "title": st.sampled_from(("a treaty", "a summit", "a quarrel")),
        "date": st.sampled_from(DATES),
        "type": st.sampled_from(("AGREE", "ACCUSE", None)),
        "tags": st.lists(st.sampled_from(("x", "y")), unique=True, max_size=2),
    }
)


class TwoLives(RuleBasedStateMachine):
    """An original that is written at random, and a replica that follows it now and then."""

    api: TestClient
    copy: TestClient
    key: str
    origin: Database
    replica: Database

    def __init__(self) -> None:
        super().__init__()
        self.life = next(NUMBERS)
        self.dataset, self.other = f"life{self.life}", f"other{self.life}"
        self.numbers = count(1)
        self.events: list[str] = []
        self.ended: list[str] = []
        self.gone: list[str] = []
        self.people: list[str] = []
        self.sources: list[str] = []
        for code in (self.dataset, self.other):
            fields = {"code": code, "name": "A life", "version": "1", "licence": "none"}
            self.write("POST", "/v1/datasets", {**fields, "citation": "none"})
        self.events_of_others = [self.make_event(self.other, 0, {"date": DATES[0], "title": "t"})]

    def write(self, method: str, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = self.api.request(method, path, json=body, headers=headers)
        assert answer.status_code < 500, answer.text
        return answer

    def choose(self, among: list[str], number: int, *more: str) -> str:
        chosen = [*among, *more]
        return chosen[number % len(chosen)]

    def make_event(self, dataset: str, number: int, content: dict[str, Any]) -> str:
        key = f"e{next(self.numbers)}"
        sides = (self.choose(self.people, number, "ARM", "RUS"), "AZE" if number % 2 else "FRA")
        parts = [{"actor": sides[0], "role": "initiator"}, {"actor": sides[1], "role": "target"}]
        url = f"https://news.example/{self.life}/{number % 5}"
        cited: Any = {"publisher": f"P{number % 3}", "url": url, "title": "News"}
        if self.sources and number % 2:
            cited = self.choose(self.sources, number)
        body = {**content, "dataset": dataset, "key": key, "participants": parts}
        body["location"] = {"name": "a place", "country": sides[0]} if number % 3 else None
        answer = self.write("POST", "/v1/events", {**body, "reports": [{"source": cited}]})
        if answer.status_code == 422:  # a person has no country
            body["location"] = None
            answer = self.write("POST", "/v1/events", {**body, "reports": [{"source": cited}]})
        assert answer.status_code == 201, answer.text
        self.sources = sorted({*self.sources, answer.json()["reports"][0]["source"]})
        return f"{dataset}:{key}"

    @rule(number=pick, content=contents)
    def add_event(self, number: int, content: dict[str, Any]) -> None:
        self.events.append(self.make_event(self.dataset, number, content))

    @rule(number=pick, content=contents, status=st.sampled_from(("reported", "retracted")))
    def change_event(self, number: int, content: dict[str, Any], status: str) -> None:
        if self.events:
            ident = self.choose(self.events, number)
            body = {**content, "status": status, "reason": "at random"}
            self.write("PATCH", f"/v1/events/{ident}", body)

    @rule(one=pick, other=pick)
    def merge_events(self, one: int, other: int) -> None:
        if self.events:
            loser = self.choose(self.events, one)
            survivor = self.choose(self.events, other, *self.events_of_others)
            answer = self.write("POST", f"/v1/events/{loser}/merge", {"into": survivor})
            if answer.is_success and loser != survivor:
                self.events.remove(loser)
                self.ended.append(loser)

    @rule(number=pick, kind_of_actor=st.sampled_from(("person", "organization")))
    def add_actor(self, number: int, kind_of_actor: str) -> None:
        code = f"p{self.life}-{next(self.numbers)}"
        body = {"code": code, "kind": kind_of_actor, "name": f"The {code}"}
        self.write("POST", "/v1/actors", body)
        self.people.append(code)
        if kind_of_actor == "person":
            self.add_membership(number, len(self.people) - 1)

    @rule(number=pick, of=pick)
    def add_membership(self, number: int, of: int) -> None:
        if self.people:
            step = {"step": "in-force", "date": self.choose(["2019", "2020-01-10"], number)}
            state = self.choose([], number, "ARM", "RUS", "FRA")
            body = {"actor": self.choose(self.people, of), "group": state, "role": "official"}
            self.write("POST", "/v1/memberships", {**body, "steps": [step]})

    @rule(number=pick)
    def end_membership(self, number: int) -> None:
        if self.people:
            actor = self.choose(self.people, number)
            found = self.api.get("/v1/memberships", params={"actor": actor}).json()["data"]
            for one in found[:1]:
                ident = ":".join(str(one[n]) for n in ("actor", "group", "role", "spell"))
                self.write("DELETE", f"/v1/memberships/{ident}", {"reason": "at random"})

    @rule(number=pick, name=st.sampled_from(("A", "B", "C")))
    def rename_actor(self, number: int, name: str) -> None:
        code = self.choose(self.people, number, "ARM")
        self.write("PATCH", f"/v1/actors/{code}", {"name": f"{name} {code}"})

    @rule(one=pick, other=pick)
    def merge_actors(self, one: int, other: int) -> None:
        if self.people:
            loser, survivor = self.choose(self.people, one), self.choose(self.people, other)
            answer = self.write("POST", f"/v1/actors/{loser}/merge", {"into": survivor})
            if answer.is_success and loser != survivor:
                self.people.remove(loser)
                self.gone.append(f"/v1/actors/{loser}")

    @rule(number=pick)
    def retract_actor(self, number: int) -> None:
        if self.people:
            code = self.choose(self.people, number)
            if self.write("DELETE", f"/v1/actors/{code}", {"reason": "unused"}).is_success:
                self.people.remove(code)

    @rule(number=pick, grade=st.sampled_from(("A", "C", None)), title=st.sampled_from("xy"))
    def change_source(self, number: int, grade: str | None, title: str) -> None:
        if self.sources:
            ident = self.choose(self.sources, number)
            self.write("PATCH", f"/v1/sources/{ident}", {"reliability": grade, "title": title})

    @rule(one=pick, other=pick)
    def merge_sources(self, one: int, other: int) -> None:
        if self.sources:
            loser, survivor = self.choose(self.sources, one), self.choose(self.sources, other)
            answer = self.write("POST", f"/v1/sources/{loser}/merge", {"into": survivor})
            if answer.is_success and loser != survivor:
                self.sources.remove(loser)
                self.gone.append(f"/v1/sources/{loser}")

    @rule(name=st.sampled_from(("A life", "Another")))
    def change_dataset(self, name: str) -> None:
        self.write("PATCH", f"/v1/datasets/{self.dataset}", {"name": name})

    @rule(page=st.sampled_from((3, 40, 1000)), requests=st.integers(0, 12), late=st.booleans())
    def follow_until_killed(self, page: int, requests: int, late: bool) -> None:
        """Follow with a process that ends at once, between requests or within a transaction."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(original, "PAGE_CHANGES", page)
            if late:
                patch.setattr(ledger, "write_items", end_process)
            try:
                wire = ServiceWire(self.api, requests)
                follow_original(self.replica, self.api, self.dataset, wire=wire)
            except KilledError:
                pass

    @rule()
    def follow_to_the_end(self) -> None:
        follow_original(self.replica, self.api, self.dataset)
        theirs, ours = (read_documents(db, self.dataset) for db in (self.origin, self.replica))
        assert ours == theirs
        for path in [*(f"/v1/events/{ident}" for ident in self.ended), *self.gone]:
            there, here = (one.get(path, follow_redirects=False) for one in (self.api, self.copy))
            if "events" in path and self.other in there.headers["Location"]:
                assert here.json()["status"] == "retracted"
            elif here.status_code != 404:  # no event here ever needed it
                assert here.headers["Location"] == there.headers["Location"], path
        path = f"/v1/datasets/{self.dataset}"
        assert self.api.get(path).json() == self.copy.get(path).json()

    def teardown(self) -> None:
        self.follow_to_the_end()
        with self.replica.connect() as db:
            version = ledger.read_source(db, f"entente-{self.dataset}").mark
        assert not follow_original(self.replica, self.api, self.dataset).rows
        with self.replica.connect() as db:
            assert ledger.read_source(db, f"entente-{self.dataset}").mark == version
            assert list(find_event_faults(db)) == []


def end_process(*_: Any) -> None:
    """End the process, before the transaction is committed."""
    raise KilledError


@pytest.mark.soak
def test_a_replica_converges_whatever_is_written_there(
    database: Database, replica: Database
) -> None:
    key = add_key(database)
    urls = [one.engine.url.render_as_string(hide_password=False) for one in (database, replica)]
    with open_client(urls[0], key_rate=0) as api, open_client(urls[1]) as copy:
        fields = {"api": api, "copy": copy, "key": key, "origin": database, "replica": replica}
        chosen = settings(
            max_examples=choose_size(2, 60), stateful_step_count=choose_size(25, 50),
            deadline=None, phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        run_state_machine_as_test(type("TwoLives", (TwoLives,), fields), settings=chosen)
