"""A brief of one actor says its shifts, memberships and weightiest events, on one page."""

import re
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.briefs import render
from app.briefs.actor_layout import lay_out_actor_brief, write_onset_words
from app.briefs.layout import fit_on_page
from app.briefs.schemas import ActorBriefAnswer
from app.shifts.schemas import DayRange

pytestmark = pytest.mark.by_turns

DATASETS = "dataset=curated&dataset=realignments"


def ask_brief(api: TestClient, question: str = "actor=ARM") -> dict[str, Any]:
    answer = api.get(f"/v1/brief?{question}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_its_shifts_are_those_of_the_ranking_one_for_each_partner(api: TestClient) -> None:
    brief = ask_brief(api)["data"]
    found = api.get("/v1/shifts?actor=ARM&limit=1000").json()
    listed = [s for s in found["data"] if s["verdict"] in ("strong", "shift", "weak", "watch")]
    partners = [tuple(shift["toward"]) for shift in brief["shifts"]]
    assert len(set(partners)) == len(partners)
    assert brief["shifts"] == listed[: len(partners)]
    assert brief["shifts_found"] == len({tuple(shift["toward"]) for shift in listed})
    assert brief["apart"] + brief["closer"] == brief["shifts_found"]
    assert brief["tested"] == found["meta"]["family_size"]
    assert brief["headline"] == listed[0]["headline"]


def test_its_events_are_the_weightiest_of_two_years_with_their_sources(api: TestClient) -> None:
    brief = ask_brief(api)["data"]
    since = brief["events_since"]
    fields = "fields=id,start,signals,reports"
    rows = api.get(f"/v1/events?actor=ARM&{DATASETS}&since={since}&limit=1000&{fields}").json()
    recent = {row["id"]: row for row in rows["data"] if row["start"] >= since}
    assert brief["events_counted"] == len(recent)
    assert len(brief["events"]) == 10

    def weigh(row: dict[str, Any]) -> float:
        scores = [s["score"] for s in row["signals"] if "ARM" in (s["from"], s["toward"])]
        return sum(scores) / len(scores) if scores else 0.0

    shown = {one["event"]: one["effect"] for one in brief["events"]}
    for ident, effect in shown.items():
        assert effect == pytest.approx(weigh(recent[ident]))
    for one in brief["events"]:
        reports = {report["source"] for report in recent[one["event"]]["reports"]}
        assert one["sources"]
        assert {source["source"] for source in one["sources"]} <= reports
    others = [abs(weigh(row)) for ident, row in recent.items() if ident not in shown]
    assert min(abs(effect) for effect in shown.values()) >= max(others)
    starts = [recent[ident]["start"] for ident in shown]
    assert starts == sorted(starts, reverse=True)


def test_its_memberships_are_in_words_those_that_changed_first(api: TestClient) -> None:
    brief = ask_brief(api)["data"]
    listed = api.get("/v1/actors/ARM").json()["memberships"]
    assert {m["group"] for m in brief["memberships"]} <= {m["group"] for m in listed}
    assert len(brief["memberships"]) + brief["left"] == len(listed)
    first = brief["memberships"][0]
    assert first["group"] == "CSTO"
    assert "member since 20 Apr 1994; 22 Feb 2024: Participation frozen" in first["text"]
    signed = next(m for m in brief["memberships"] if m["group"] == "ARM-USA-2025")
    assert "signed on 14 Jan 2025, not in force" in signed["text"]
    assert signed["since"] is None


def test_a_group_has_its_members(api: TestClient) -> None:
    brief = ask_brief(api, "actor=CSTO")["data"]
    on = api.get("/v1/alliances/CSTO/members").json()["data"]
    members = {m["actor"] for m in brief["memberships"] if m["role"] == "member"}
    assert members == {m["actor"] for m in on if m["role"] == "member"}
    assert {m["group"] for m in brief["memberships"]} == {"CSTO"}


def test_a_person_has_the_effect_on_the_state_it_acts_for(api: TestClient) -> None:
    brief = ask_brief(api, "actor=Pashinyan")["data"]
    assert brief["kind"] == "person"
    assert brief["shifts"] == []
    assert any(event["effect"] is not None for event in brief["events"])
    assert "prime minister since" in brief["memberships"][0]["text"]


def test_nothing_known_is_said_and_where_else_there_is_something(api: TestClient) -> None:
    brief = ask_brief(api, "actor=FJI")["data"]
    assert brief["reason"] == "out_of_scope"
    assert brief["events"] == []
    assert brief["events_elsewhere"] > 0
    assert [c["code"] for c in brief["caveats"]][:2] == ["out_of_scope", "elsewhere"]
    html = unescape(api.get("/brief?actor=FJI").text)
    assert "None is on record in the datasets named below." in html
    assert "<img" not in html


def test_a_window_bounds_events_and_onsets(api: TestClient) -> None:
    brief = ask_brief(api, "actor=ARM&since=2022&until=2022")["data"]
    assert all("2022" in event["date"] for event in brief["events"])
    assert all(shift["onset"].startswith("2022") for shift in brief["shifts"] if shift["onset"])


@pytest.mark.slow
def test_all_links_answer_with_the_same_version(api: TestClient) -> None:
    found = ask_brief(api, "actor=ARM&known_by=2023-12-31")
    again = ask_brief(api, found["links"]["permalink"].partition("?")[2])["data"]
    for brief in (again, found["data"]):
        for shift in brief["shifts"]:
            del shift["wave_reason"]  # waves are known for the newest version alone
    assert again == found["data"]
    for name in ("page", "pdf", "curve", "shifts", "events", "explorer"):
        link = found["links"][name]
        assert f"as_of={found['meta']['version']}" in link
        assert api.get(link).status_code == 200, link


@pytest.mark.parametrize("question", ["actor=ARM", "actor=CSTO", "actor=Pashinyan", "actor=FJI"])
def test_the_page_shows_the_texts_and_runs_no_script(api: TestClient, question: str) -> None:
    brief = ask_brief(api, question)["data"]
    answer = api.get(f"/brief?{question}")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    text = unescape(answer.text)
    assert brief["headline"] in text
    assert f"<title>{brief['title']} – Entente</title>" in text
    rows = re.findall(r'<td class="number">(.+?)</td>', text)
    if brief["events"]:
        assert f"{len(rows)} of {brief['events_counted']}" in text


@pytest.mark.parametrize("question", ["actor=ARM", "actor=USA", "actor=FJI"])
def test_a_pdf_has_one_page(api: TestClient, question: str) -> None:
    pytest.importorskip("typst")
    answer = api.get(f"/v1/brief?{question}&format=pdf")
    assert answer.content.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", answer.content)) == 1
    name = question.removeprefix("actor=")
    assert f'filename="entente-{name}-' in answer.headers["content-disposition"]


def test_the_longest_texts_of_a_record_fit_on_a_page(api: TestClient) -> None:
    wide = "WIDE – “Nagorno-Karabakh’s” 北京 <script>alert(1)</script> #let x = 1 "
    made = ActorBriefAnswer.model_validate(ask_brief(api))
    for event in made.data.events:
        event.title = (wide * 9)[:480]
    made.data.headline, made.data.names = wide * 20, wide * 9
    made.data.memberships = [
        made.data.memberships[0].model_copy(update={"name": wide * 3, "text": wide * 9})
        for _ in range(60)
    ]
    for shift in made.data.shifts:
        shift.label = wide * 3
    page = fit_on_page(lay_out_actor_brief(made, {}, "2026-12-01", "https://entente.example"))
    html = render.render_brief_html(page, "", "a <b>picture</b>")
    assert "<script" not in html
    assert 1 <= len(page.events) < 10
    assert (
        f"{len(page.events)} of {made.data.events_counted}" in page.events_titles[len(page.events)]
    )
    assert sum(map(len, page.right)) < 800


def test_an_onset_is_in_months_where_it_is_a_month() -> None:
    ranges = [DayRange(start="2022-04-01", end="2022-09-30")]
    assert write_onset_words("2022-06", ranges) == "Apr – Sep 2022"
    assert write_onset_words("2022-06-11", ranges) == "1 Apr – 30 Sep 2022"
    assert write_onset_words(None, []) == "undated"
