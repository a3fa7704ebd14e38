"""A name that is given to an actor resolves stored events as a load that knew it would."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from examples import add_key
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest.loading import (
    find_faults,
    list_counts,
    load_file,
    read_document,
    read_documents,
    write_file,
)
from ingest.rows import join_events, make_event
from serving import open_client
from soak import choose_size
from sqlalchemy import func, select
from typer.testing import CliRunner

from app import cli
from app.db.engine import Database
from app.db.journal import Writer
from app.db.lineage_table import read_version
from app.db.tables import loaded, revisions, unresolved
from app.editing import apply_names
from app.editing.aliases import Alias, AliasConflictError, add_alias
from app.editing.apply_names import apply_known_names
from app.events.unresolved import read_unresolved_names

BY = Writer("tests")
KILLS = choose_size(1, 20)
MANY = choose_size(1200, 3000)
_numbers = count(1)


def give_alias(database: Database, name: str, actor: str, **period: str) -> bool:
    with database.write() as db:
        return add_alias(db, Alias.model_validate({"name": name, **period}), actor, BY).is_new


def list_totals(database: Database, *datasets: str) -> list[tuple[str, str, int]]:
    with database.connect() as db:
        return [(t.kind, t.name, t.times) for t in read_unresolved_names(db, datasets)]


def find_version(database: Database) -> int:
    with database.connect() as db:
        return read_version(db)


def make_party(name: str, role: str = "initiator", **more: str) -> dict[str, str]:
    return {"actor": name, "role": role, **more}


def make_loaded(database: Database, path: Path, dataset: str, *rows: dict[str, Any]) -> Path:
    load_file(database, write_file(path, join_events(*rows)), dataset=dataset)
    return path


@pytest.fixture
def chosen(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url)
    return database


def run_actors(*words: str) -> Any:
    return CliRunner().invoke(cli.main, ["actors", *words])


# ── the law ───────────────────────────────────────────────────────────────────────────────────
NAMES = ("Zedland", "name:Zedland", "militia:Zed Front", "Qumran Republic", "ARM", "RUS")
PLACES = (None, "name:Zedland", "fips:0Z", "name:Qumran Republic", "name:Armenia")
ALIASES = (("Zedland", "AZE"), ("militia:Zed Front", "armenian-parliament"), ("fips:0Z", "GEO"))
DAYS = ("1985-05-01", "2014-02-03", "2020-11/2020-12", "2023")
ROLES = ("initiator", "target", "participant", "host")

_parties = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(ROLES), st.sampled_from(("", "own code"))),
    max_size=4,
)
_rows = st.lists(
    st.tuples(
        _parties, st.sampled_from(PLACES), st.sampled_from(DAYS), st.sampled_from(("057", "190"))
    ),
    min_size=1,
    max_size=6,
)


def name_apart(name: str, number: int) -> str:
    """Give the names that nobody has a number, so that each try has its own."""
    known = name in ("ARM", "RUS", "name:Armenia")
    return name if known else f"{name}{number}" if name.startswith("fips") else f"{name} {number}"


def build_rows(drawn: Sequence[Any], number: int) -> list[dict[str, Any]]:
    rows = []
    for n, (parties, place, day, code) in enumerate(drawn):
        who = [
            make_party(name_apart(name, number), role, **({"native": native} if native else {}))
            for name, role, native in parties
        ]
        where = {} if place is None else {"location": {"country": name_apart(place, number)}}
        rows.append(make_event(f"e{n}", participants=who, date=day, cameo=code, **where))
    return rows


@settings(
    max_examples=choose_size(8, 150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@pytest.mark.slow
@given(drawn=_rows, dated=st.booleans(), some=st.sets(st.sampled_from(ALIASES)))
def test_applied_equals_a_load_that_knew_the_name(
    drawn: Sequence[Any],
    dated: bool,
    some: set[tuple[str, str]],
    database: Database,
    tmp_path: Path,
) -> None:
    number = next(_numbers)
    rows = build_rows(drawn, number)
    before, after = f"before{number}", f"after{number}"
    path = make_loaded(database, tmp_path / "rows", before, *rows)
    period = {"since": "2000-01-01", "until": "2021-01-01"} if dated else {}
    for name, actor in sorted(some):
        give_alias(database, name_apart(name, number), actor, **period)
    apply_known_names(database, BY, [before])
    load_file(database, path, dataset=after)

    applied, fresh = read_documents(database, before), read_documents(database, after)
    assert {k: v.replace(after, before) for k, v in fresh.items()} == {
        k.replace(before, after): v for k, v in applied.items()
    }
    assert list_totals(database, before) == list_totals(database, after)
    version = find_version(database)
    assert apply_known_names(database, BY) == 0
    assert list_counts(load_file(database, path, dataset=before)[0]) == {
        "rows": len(rows), "unchanged": len(rows),
    }  # fmt: skip
    assert find_version(database) == version
    assert find_faults(database) == []


# ── what stays ────────────────────────────────────────────────────────────────────────────────
def test_history_shows_what_was_not_known(database: Database, tmp_path: Path) -> None:
    row = make_event(participants=[make_party("Zedland"), make_party("ARM", "target")])
    make_loaded(database, tmp_path / "a", "mine", row)
    version = find_version(database)
    give_alias(database, "zedland", "AZE")
    by = Writer("tests", "named by hand")
    assert apply_known_names(database, by) == 1
    who = read_document(database, "mine:k1")["participants"]
    assert [(p["actor"], p["native"]) for p in who] == [("AZE", None), ("ARM", None)]
    with database.connect() as db:
        r = revisions.c
        last = select(r.action, r.derived, r.by, r.reason).where(r.id == "mine:k1", r.revision == 2)
        assert tuple(db.execute(last).one()) == ("update", True, "tests", "named by hand")
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url) as api:
        old = api.get("/v1/events/mine:k1", params={"as_of": version}).json()
        assert (old["participants"][0]["actor"], old["participants"][0]["native"]) == (
            None,
            "Zedland",
        )
        found = api.get("/v1/events", params={"actor": "AZE", "dataset": "mine"}).json()["data"]
        assert [one["id"] for one in found] == ["mine:k1"]
        sums = api.get("/v1/alignment", params={"actor": "AZE", "toward": "ARM", "dataset": "mine"})
        assert sum(point["n"] for point in sums.json()["data"]) == 1
    assert find_faults(database) == []


def test_an_edit_by_hand_survives_alias_and_load(database: Database, tmp_path: Path) -> None:
    who = [make_party("Zedland"), make_party("Qumran", "target")]
    path = make_loaded(database, tmp_path / "a", "mine", make_event(participants=who))
    url = database.engine.url.render_as_string(hide_password=False)
    key = {"Authorization": f"Bearer {add_key(database)}"}
    with open_client(url) as api:
        answer = api.patch("/v1/events/mine:k1", json={"title": "Better"}, headers=key)
        assert answer.status_code == 200, answer.text
    give_alias(database, "Zedland", "AZE")
    assert apply_known_names(database, BY) == 1
    assert list_counts(load_file(database, path, dataset="mine")[0]) == {"rows": 1, "unchanged": 1}
    body = read_document(database, "mine:k1")
    assert (body["title"], body["participants"][0]["actor"]) == ("Better", "AZE")
    assert list_totals(database, "mine") == [("actor", "Qumran", 1)]


def test_what_an_editor_replaced_is_left_alone(database: Database, tmp_path: Path) -> None:
    row = make_event(participants=[make_party("Zedland"), make_party("Qumran", "target")])
    make_loaded(database, tmp_path / "a", "mine", row)
    url = database.engine.url.render_as_string(hide_password=False)
    key = {"Authorization": f"Bearer {add_key(database)}"}
    who = [make_party("GEO"), {"native": "Qumran", "role": "target"}]
    with open_client(url) as api:
        answer = api.patch("/v1/events/mine:k1", json={"participants": who}, headers=key)
        assert answer.status_code == 200, answer.text
    assert list_totals(database, "mine") == [("actor", "Qumran", 1)]
    give_alias(database, "Zedland", "AZE")
    give_alias(database, "Qumran", "AZE")
    assert apply_known_names(database, BY) == 1
    found = [p["actor"] for p in read_document(database, "mine:k1")["participants"]]
    assert found == ["GEO", "AZE"]


def test_a_name_is_of_one_actor_at_a_time(database: Database) -> None:
    with pytest.raises(AliasConflictError, match=r"USA \(United States\).*ARM \(Armenia\)"):
        give_alias(database, "United States", "ARM")
    with pytest.raises(AliasConflictError, match="USA"):
        give_alias(database, "us", "ARM")  # an ISO code of another actor
    assert give_alias(database, "Zed", "ARM", until="2000-01-01")
    with pytest.raises(AliasConflictError, match="ARM"):
        give_alias(database, "zed", "AZE", until="1999-01-01")
    assert give_alias(database, "Zed", "AZE", since="2000-01-01")
    assert not give_alias(database, "ZED", "AZE", since="2001-01-01")
    version = find_version(database)
    assert not give_alias(database, "Republic of Armenia", "ARM")
    assert find_version(database) == version


# ── stopped in the middle ─────────────────────────────────────────────────────────────────────
def load_many(database: Database, path: Path, number: int) -> None:
    rows = [
        make_event(f"e{n:04}", participants=[make_party("Zedland"), make_party("ARM", "target")])
        for n in range(number)
    ]
    make_loaded(database, path, "mine", *rows)


def test_an_interrupted_run_goes_on(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply_names, "EVENTS_PER_TRANSACTION", 3)
    load_many(database, tmp_path / "a", 10)
    give_alias(database, "Zedland", "AZE")

    def stop(examined: int) -> None:
        if examined >= 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply_known_names(database, BY, on_progress=stop)
    assert list_totals(database, "mine") == [("actor", "Zedland", 4)]
    assert apply_known_names(database, BY) == 4
    assert list_totals(database, "mine") == []
    with database.connect() as db:
        assert db.scalar(select(func.sum(loaded.c.unresolved))) == 0
        count_of_second = select(func.count()).where(revisions.c.id.startswith("mine:"))
        assert db.scalar(count_of_second.where(revisions.c.derived)) == 10
    assert find_faults(database) == []


@pytest.mark.slow
@pytest.mark.soak
def test_a_killed_run_goes_on(database: Database, tmp_path: Path) -> None:
    load_many(database, tmp_path / "a", MANY)
    give_alias(database, "Zedland", "AZE")
    url = database.engine.url.render_as_string(hide_password=False)
    words = [sys.executable, "-m", "app", "actors", "apply-aliases"]
    dice = random.Random(3)
    for _ in range(KILLS):
        process = subprocess.Popen(words, env={**os.environ, "ENTENTE_DATABASE_URL": url})
        time.sleep(dice.uniform(0.8, 2.0))
        process.kill()
        process.wait()
    rest = MANY - sum(times for *_, times in list_totals(database, "mine"))
    assert apply_known_names(database, BY) == MANY - rest
    assert apply_known_names(database, BY) == 0
    again = load_file(database, tmp_path / "a", dataset="after")[0]
    assert again.stats.unresolved_parties == 0
    fresh = {k.partition(":")[2]: v for k, v in read_documents(database, "after").items()}
    applied = {k.partition(":")[2]: v for k, v in read_documents(database, "mine").items()}
    assert applied == {k: v.replace('"after', '"mine') for k, v in fresh.items()}
    assert find_faults(database) == []


# ── as people do it ───────────────────────────────────────────────────────────────────────────
def test_the_table_goes_out_and_comes_back(chosen: Database, tmp_path: Path) -> None:
    rows = [
        make_event(f"e{n}", participants=[make_party(name)])
        for n, name in enumerate(["Zedland", "Zedland", "=Zed, Inc.", "militia:Zed Front"])
    ]
    make_loaded(chosen, tmp_path / "a", "mine", *rows)
    table = run_actors("unresolved", "--dataset", "mine").stdout.splitlines()
    assert table[0].startswith("name,actor,since,until,kind,label,count")
    assert [line.partition(",")[0] for line in table[1:]] == [
        "Zedland",
        "\"'=Zed",
        "militia:Zed Front",
    ]
    filled = [line.replace(",,", ",AZE,", 1) for line in table[1:3]]
    file = write_file(tmp_path / "names.csv", "\n".join([table[0], *filled, table[3]]) + "\n")

    done = run_actors("alias", "--file", str(file), "--apply")
    assert done.exit_code == 0, done.output
    assert "3 events changed." in done.stdout
    assert list_totals(chosen, "mine") == [("code", "militia:Zed Front", 1)]
    again = run_actors("alias", "--file", str(file), "--apply")
    assert "is already" in again.stdout
    assert "0 events changed." in again.stdout
    assert run_actors("apply-aliases").stdout.strip() == "0 events changed."


def test_one_refused_alias_stores_none(chosen: Database, tmp_path: Path) -> None:
    version = find_version(chosen)
    lines = ["name,actor,since", "Zed,AZE,", "United States,AZE,", "Q,nobody at all,", "R,AZE,soon"]
    file = write_file(tmp_path / "names.csv", "\n".join(lines) + "\n")
    refused = run_actors("alias", "--file", str(file))
    assert refused.exit_code == 3
    named = [line.partition(":")[0] for line in refused.stderr.splitlines()]
    assert [name for name in named if name.startswith("line")] == ["line 3", "line 4", "line 5"]
    assert find_version(chosen) == version
    assert run_actors("alias", "--file", str(tmp_path / "none.csv")).exit_code == 2
    assert run_actors("alias", "Zed").exit_code == 2
    (tmp_path / "wrong.csv").write_text("a,b\n1,2\n")
    assert "no column actor" in run_actors("alias", "--file", str(tmp_path / "wrong.csv")).stderr


def test_over_http_in_parts(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply_names, "EVENTS_PER_TRANSACTION", 3)
    monkeypatch.setattr(apply_names, "MAX_CHANGED", 6)
    load_many(database, tmp_path / "a", 10)
    url = database.engine.url.render_as_string(hide_password=False)
    key = {"Authorization": f"Bearer {add_key(database)}"}
    with open_client(url, show_faults=False) as api:
        [listed] = api.get("/v1/unresolved", params={"dataset": "mine"}).json()["data"]
        assert (listed["kind"], listed["name"], listed["count"]) == ("actor", "Zedland", 10)
        path, body = "/v1/actors/Azerbaijan/aliases", {"name": "Zedland", "apply": True}
        assert api.post(path, json=body).status_code == 401
        answers = [api.post(path, json=body, headers=key).json() for _ in range(3)]
        assert [(a["is_new"], a["changed"], a["remaining"]) for a in answers] == [
            (True, 6, 4), (False, 4, 0), (False, 0, 0),
        ]  # fmt: skip
        assert api.get("/v1/unresolved", params={"dataset": "mine"}).json()["data"] == []
        taken = api.post("/v1/actors/ARM/aliases", json={"name": "Zedland"}, headers=key)
        assert taken.status_code == 409
        assert "AZE (Azerbaijan)" in taken.json()["detail"]
        backwards = {"name": "Z", "since": "2001-01-01", "until": "2000-01-01"}
        for wrong in (backwards, {"name": "\u200b"}, {"name": "Z", "since": "soon"}, {}):
            assert api.post(path, json=wrong, headers=key).status_code == 422
        assert api.post("/v1/actors/nobody/aliases", json=body, headers=key).status_code == 404
        assert api.get("/v1/unresolved", params={"dataset": "none"}).status_code == 422
    assert find_faults(database) == []


def test_names_of_merged_events_are_not_listed(database: Database, tmp_path: Path) -> None:
    rows = [make_event(k, participants=[make_party("Zedland")]) for k in "ab"]
    make_loaded(database, tmp_path / "a", "mine", *rows)
    url = database.engine.url.render_as_string(hide_password=False)
    key = {"Authorization": f"Bearer {add_key(database)}"}
    with open_client(url) as api:
        merged = api.post("/v1/events/mine:a/merge", json={"into": "mine:b"}, headers=key)
        assert merged.status_code == 200, merged.text
    assert list_totals(database, "mine") == [("actor", "Zedland", 1)]
    give_alias(database, "Zedland", "AZE")
    assert apply_known_names(database, BY) == 1
    with database.connect() as db:
        assert list(db.scalars(select(unresolved.c.event))) == ["mine:a"]
