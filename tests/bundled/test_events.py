"""The bundled dataset `curated`: vocabularies, sources, persons, the founding case."""

import csv
import json
import re
from pathlib import Path

import pytest

BUNDLED = Path(__file__).resolve().parents[2] / "app" / "bundled"
TYPES = {
    "AGREE",
    "CONSULT",
    "SUPPORT",
    "CONCEDE",
    "COOPERATE",
    "AID",
    "RETREAT",
    "REQUEST",
    "ACCUSE",
    "REJECT",
    "THREATEN",
    "PROTEST",
    "SANCTION",
    "MOBILIZE",
    "COERCE",
    "ASSAULT",
}
ROLES = {"initiator", "target", "participant", "host", "affected", "mediator", "absent"}
GROUPS = {
    "CSTO",
    "CIS",
    "EAEU",
    "NATO",
    "EU",
    "OSCE",
    "ICC",
    "COE",
    "SCO",
    "BRICS",
    "GUAM",
    "OTS",
    "UN",
}
KINDS = {"news", "press-release", "treaty", "law", "assessment", "statement", "encyclopedia"}
DAY = r"\d{4}(-\d{2}(-\d{2})?)?~?"


def table(name):
    with open(BUNDLED / name, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


@pytest.fixture(scope="module")
def events():
    text = (BUNDLED / "events.ndjson").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def sources():
    return table("event_sources.csv")


@pytest.fixture(scope="module")
def persons():
    return table("persons_and_bodies.csv")


def involves(event, state, persons):
    codes = {p["code"] for p in persons if p["belongs_to"] == state} | {state}
    return any(p["actor"] in codes for p in event["participants"])


def test_enough_events_with_unique_keys(events):
    keys = [e["key"] for e in events]
    assert len(keys) >= 60
    assert len(set(keys)) == len(keys)
    starts = [e["date"].split("/")[0].rstrip("~") for e in events]
    assert starts == sorted(starts)
    for key, start in zip(keys, starts, strict=True):
        assert re.fullmatch(r"[a-z0-9-]+", key)
        assert key.startswith(start), key


def test_vocabularies(events):
    for e in events:
        assert re.fullmatch(rf"{DAY}(/({DAY}|\.\.))?", e["date"]), e["key"]
        assert e["type"] is None or e["type"] in TYPES
        assert e["cameo"] is None or re.fullmatch(r"\d{3,4}", e["cameo"])
        assert -10 <= e["intensity"] <= 10
        assert e["status"] in {"reported", "confirmed", "disputed"}
        assert e["title"]
        assert e["summary"]
        assert e["participants"]
        assert e["reports"]
        for p in e["participants"]:
            assert p["role"] in ROLES
        for s in e["signals"]:
            assert s["from"] != s["toward"]
            assert -10 <= s["score"] <= 10
        pairs = [(s["from"], s["toward"]) for s in e["signals"]]
        assert len(set(pairs)) == len(pairs)
        for r in e["reports"]:
            assert r["stance"] in {"reports", "confirms", "disputes"}
            assert r["reliability"] in set("ABCDEF")
            assert r["credibility"] in range(1, 7)


def test_sources_exist_and_are_used(events, sources):
    ids = [s["id"] for s in sources]
    assert len(set(ids)) == len(ids)
    assert {r["source"] for e in events for r in e["reports"]} == set(ids)
    for s in sources:
        assert s["title"]
        assert s["publisher"]
        assert re.fullmatch(DAY, s["published"]) or s["kind"] == "encyclopedia", s
        assert s["reliability"] in set("ABCDEF")
        assert s["kind"] in KINDS, s


def test_every_event_has_a_document(events, sources):
    """Nothing stands on what the editors knew; a page that has an address was opened."""
    opened = {s["id"] for s in sources if s["url"]}
    for s in sources:
        assert s["id"] != "editors-general-knowledge"
        assert bool(s["url"]) == bool(re.fullmatch(r"\d{4}-\d\d-\d\d", s["accessed"])), s
        assert not s["url"] or re.match(r"https?://[^ ]+$", s["url"]), s
    for e in events:
        named = {r["source"] for r in e["reports"]}
        assert named & opened, e["key"]


def test_grades_follow_the_source(events, sources):
    """A report keeps the grade of its source; an encyclopaedia is never more than C."""
    grade = {s["id"]: s["reliability"] for s in sources}
    for e in events:
        for r in e["reports"]:
            assert r["reliability"] == grade[r["source"]], e["key"]
    for s in sources:
        assert s["kind"] != "encyclopedia" or s["reliability"] >= "C", s


def test_every_term_of_office_has_a_document(persons):
    for p in persons:
        named = p["sources"].split("|") if p["sources"] else []
        assert "editors-general-knowledge" not in named
        assert named or not p["belongs_to"], p


def test_persons_exist_and_are_used(events, persons):
    used = {p["actor"] for e in events for p in e["participants"]}
    slugs = {a for a in used if not re.fullmatch(r"[A-Z]{3}", a) and a not in GROUPS}
    assert slugs == {p["code"] for p in persons}
    for p in persons:
        assert p["kind"] in {"person", "body", "organization"}
        assert p["name"]
        assert p["summary"]
        assert not p["until"] or p["since"] < p["until"]


def test_founding_case(events):
    case = [e for e in events if "founding-case" in e["tags"]]
    assert len(case) == 17
    for e in case:
        sources = [r["source"] for r in e["reports"]]
        assert "news-2023-10-13-putin-loses-another-ally" in sources
    absent = {
        e["date"]: p["actor"] for e in case for p in e["participants"] if p["role"] == "absent"
    }
    assert absent == {"2023-10": "ARM", "2023-10-13": "nikol-pashinyan"}
    stated = {
        e["date"]
        for e in case
        for s in e["signals"]
        if s["from"] == "ARM" and s["toward"] == "RUS" and s["score"] < 0
    }
    assert stated == {
        "2023-09-08",
        "2023-09-11/2023-09-20",
        "2023-10",
        "2023-10-03",
        "2023-10-13",
    }


def test_contacts_of_both_signs_with_russia(events, persons):
    both = [
        e
        for e in events
        if "2021" <= e["date"][:4] <= "2023"
        and involves(e, "ARM", persons)
        and involves(e, "RUS", persons)
    ]
    assert any(e["intensity"] > 0 for e in both)
    assert any(e["intensity"] < 0 for e in both)


def test_the_review_of_the_events_is_the_data(events, sources):
    """The table in docs/bundled.md names every event and every source on which it stands."""
    text = (BUNDLED.parents[1] / "docs" / "bundled.md").read_text(encoding="utf-8")
    review = text.split("## Review of the events")[1]
    told = dict(re.findall(r"^\| `([a-z0-9-]+)` \| (.+) \|$", review, re.MULTILINE))
    opened = {s["id"] for s in sources if s["url"]}
    article = "news-2023-10-13-putin-loses-another-ally"
    assert list(told) == [e["key"] for e in events]
    for e in events:
        named = [r["source"] for r in e["reports"]]
        assert told[e["key"]].startswith("the article") == (article in named), e["key"]
        pages = re.findall(r"`([a-z0-9-]+)`( \(not opened\))?", told[e["key"]])
        assert {name for name, _ in pages} == set(named) - {article}, e["key"]
        assert {name for name, closed in pages if not closed} <= opened, e["key"]
        assert not {name for name, closed in pages if closed} & opened, e["key"]
