"""Laws of scoring: the same numbers for a pair wherever it is shown, and nothing from nothing."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving import open_client

from app.db.engine import Database
from app.db.journal import Writer
from app.events.changes import write_events
from app.events.record import convert_record
from app.events.verify import find_event_faults
from app.sources.changes import write_datasets
from app.sources.schemas import Dataset

pytestmark = pytest.mark.by_turns

DATABASE_LAW = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
BY = Writer("tests")
_numbers = count(1)
PAIR = ("ARM", "AZE")


@pytest.fixture
def asked(database: Database) -> Any:
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url) as api:
        yield api


def write_dataset(database: Database, events: Sequence[dict[str, Any]]) -> str:
    """Write events into a dataset of their own, and return its code."""
    code = f"law{next(_numbers)}"
    fields = {"code": code, "name": code, "version": "1", "licence": "none", "citation": code}
    made = [
        convert_record({"key": f"e{n}", "title": f"e{n}", **event})
        for n, event in enumerate(events)
    ]
    with database.write() as db:
        write_datasets(db, [Dataset.model_validate(fields)], BY)
        write_events(db, made, code, BY)
    return code


def read_months(api: TestClient, dataset: str, until: str = "2021-12") -> list[tuple[Any, ...]]:
    """What passed between the pair by month, as alignment shows it."""
    window = {"since": "2020-01", "until": until, "granularity": "month", "dataset": dataset}
    asked = {"actor": PAIR[0], "toward": PAIR[1], **window}
    points = api.get("/v1/alignment", params=asked).json()["data"]
    return [(p["start"], p["positive"], p["negative"], p["index"]) for p in points]


def make_act(role: tuple[str, str], **fields: Any) -> dict[str, Any]:
    one, other = role
    participants = [{"actor": PAIR[0], "role": one}, {"actor": PAIR[1], "role": other}]
    return {"participants": participants, **fields}


BOTH, DIRECTED = ("participant", "participant"), ("initiator", "target")
DATES = st.sampled_from([
    "2020-02-03", "2020-02-27/2020-04-09", "2020-03", "2020", "2020-21", "2020-05-01/..",
    "2020-09-27/2020-11-09", "2020-06/2020-08", "2020-12-30/2021-01-02", "2021-05~",
])  # fmt: skip
CODES = st.sampled_from(["190", "042", "043", "040", "057", "112", "163", "0871", "062", "173"])
ACTS = st.builds(
    lambda role, day, cameo: make_act(role, date=day, cameo=cameo),
    st.sampled_from([BOTH, DIRECTED, DIRECTED[::-1]]), DATES, CODES,
)  # fmt: skip
SOME_ACTS = st.lists(ACTS, min_size=1, max_size=6)


@DATABASE_LAW
@given(SOME_ACTS)
def test_a_month_of_a_pair_has_two_sets_of_numbers(
    database: Database, asked: TestClient, acts: list[dict[str, Any]]
) -> None:
    code = write_dataset(database, acts)
    window = {"since": "2020-01", "until": "2021-12", "granularity": "month", "dataset": code}
    answer = asked.get("/v1/timeline", params={"between": ",".join(PAIR), **window}).json()
    shown = [(b["start"], b["positive"], b["negative"], b["index"]) for b in answer["data"]]
    assert shown == read_months(asked, code)
    assert answer["meta"]["basis"] == "signals"
    for bucket in answer["data"]:
        assert bucket["count"] == bucket["cooperation"] + bucket["conflict"] + bucket["neutral"]
        assert 0 <= bucket["spans"] <= bucket["count"]
    for start, positive, negative, value in shown[1:12:3]:
        month = {"since": start[:7], "until": start[:7], "dataset": code}
        rows = asked.get(f"/v1/actors/{PAIR[0]}/relations", params=month).json()["data"]
        of_pair = [r for r in rows if r["actor"] == PAIR[1]]
        assert [(r["positive"], r["negative"], r["index"]) for r in of_pair] in (
            [],
            [(positive, negative, value)],
        )


@DATABASE_LAW
@given(st.integers(1, 500), st.integers(0, 300), CODES.filter(lambda code: code != "0871"))
def test_spreading_an_act_changes_its_total(
    database: Database, asked: TestClient, days: int, offset: int, cameo: str
) -> None:
    first = f"2020-{offset % 12 + 1:02d}-{offset % 28 + 1:02d}"
    last = date.fromisoformat(first) + timedelta(days - 1)
    code = write_dataset(database, [make_act(DIRECTED, date=f"{first}/{last}", cameo=cameo)])
    signals = asked.get(f"/v1/events/{code}:e0").json()["signals"]
    mass = sum(round(abs(s["score"]) * 100 * s["weight"]) for s in signals)
    found = asked.get("/v1/alignment", params={
        "actor": PAIR[0], "toward": PAIR[1], "dataset": code, "granularity": "month",
    }).json()["data"]  # fmt: skip
    assert round(sum(p["positive"] + p["negative"] for p in found) * 1000) == mass
    assert sum(p["n"] for p in found) == len(signals)


def test_sums_of_acts_that_last_differ_from_their_documents(database: Database) -> None:
    dates = ["2020-02-27/2020-04-09", "2020-03", "2020", "202X", "2020-05-01/..", "2019/2021"]
    write_dataset(
        database, [make_act(BOTH, date=day, cameo=c) for day in dates for c in ("190", "057")]
    )
    write_dataset(
        database, [make_act(DIRECTED, date=day, cameo="042", status="retracted") for day in dates]
    )
    with database.connect() as db:
        assert list(find_event_faults(db)) == []


WAR = make_act(DIRECTED, date="2020-09-27/2020-11-09", cameo="190")
CEASEFIRES = st.sampled_from(["0871", "0874", "087", "0873", "0841"])


@DATABASE_LAW
@given(SOME_ACTS, CEASEFIRES, st.sampled_from([BOTH, DIRECTED]))
def test_a_ceasefire_makes_a_pair_friendlier_than_before_its_war(
    database: Database,
    asked: TestClient,
    acts: list[dict[str, Any]],
    cameo: str,
    role: tuple[str, str],
) -> None:
    early = [{**one, "date": "2020-03-05"} for one in acts]
    peace = {**make_act(role, date="2020-11-10", cameo=cameo)}
    before, ended = (
        write_dataset(database, [*early, WAR]),
        write_dataset(database, [*early, WAR, peace]),
    )
    until_war = write_dataset(database, early)
    found = read_months(asked, ended)
    assert found == read_months(asked, before)
    last = {m[0]: m[3] for m in read_months(asked, until_war, "2020-11")}.get("2020-11-01")
    if last is not None:
        assert {m[0]: m[3] for m in found}["2020-11-01"] <= last


@DATABASE_LAW
@given(SOME_ACTS, st.sampled_from(["040", "062"]))
def test_an_excused_absence_counts(
    database: Database, asked: TestClient, acts: list[dict[str, Any]], cameo: str
) -> None:
    host = [{"actor": PAIR[1], "role": "host"}, {"actor": "GEO", "role": "participant"}]
    meeting = {"date": "2020-07-01", "cameo": cameo, "participants": host}
    sick = {"actor": PAIR[0], "role": "absent", "excused": True}
    without = write_dataset(database, [*acts, meeting])
    excused = write_dataset(database, [*acts, {**meeting, "participants": [*host, sick]}])
    away = write_dataset(
        database, [*acts, {**meeting, "participants": [*host, {**sick, "excused": False}]}]
    )
    assert read_months(asked, excused) == read_months(asked, without)
    assert read_months(asked, away) != read_months(asked, without)


@DATABASE_LAW
@given(SOME_ACTS, st.sampled_from(["057", "190", "042"]), DATES)
def test_a_stage_of_an_act_counts_again(
    database: Database, asked: TestClient, acts: list[dict[str, Any]], cameo: str, day: str
) -> None:
    signed = make_act(BOTH, date="2020-05-05", cameo=cameo, key="signed")
    stage = make_act(BOTH, date=day, cameo=cameo, part_of="signed")
    merged, staged = (
        write_dataset(database, [*acts, signed]),
        write_dataset(database, [*acts, signed, stage]),
    )
    assert read_months(asked, staged) == read_months(asked, merged)
