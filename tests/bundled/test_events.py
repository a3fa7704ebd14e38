"""The bundled datasets of events: vocabularies, sources, persons, the founding case."""

import csv
import json
import re
from collections import defaultdict
from itertools import pairwise
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
DAY = r"\d{4}(-\d{2}(-\d{2})?)?~?"

CAMEO_FILE = BUNDLED.parent / "events" / "cameo.csv"


def table(name):
    with open(BUNDLED / name, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def read_csv(path):
    with path.open(encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


CAMEO = read_csv(CAMEO_FILE)


def lines(name):
    text = (BUNDLED / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


FILES = {
    "curated": "events.ndjson",
    "realignments": "realignments.ndjson",
    "antecedents": "antecedents.ndjson",
}


@pytest.fixture(scope="module", params=FILES)
def dataset(request):
    return request.param


@pytest.fixture(scope="module")
def events(dataset):
    return lines(FILES[dataset])


@pytest.fixture(scope="module")
def case():
    return [e for e in lines("events.ndjson") if "founding-case" in e["tags"]]


@pytest.fixture(scope="module")
def sources():
    names = ("event_sources.csv", "realignment_sources.csv", "membership_sources.csv")
    return {row["id"]: row for name in reversed(names) for row in table(name)}


@pytest.fixture(scope="module")
def persons():
    return table("persons_and_bodies.csv")


def involves(event, state, persons):
    codes = {p["code"] for p in persons if p["belongs_to"] == state} | {state}
    return any(p["actor"] in codes for p in event["participants"])


def test_enough_events_with_unique_keys_in_order(dataset, events):
    keys = [e["key"] for e in events]
    assert len(keys) >= (8 if dataset == "antecedents" else 150)
    assert len(set(keys)) == len(keys)
    starts = [e["date"].split("/")[0].rstrip("~") for e in events]
    assert [start[:7] for start in starts] == sorted(start[:7] for start in starts)
    for key in keys:
        assert re.fullmatch(r"20[0-9]{2}-[a-z0-9-]+", key)


def test_one_act_is_in_one_dataset():
    _, *others = (lines(name) for name in FILES.values())
    keys = [e["key"] for name in FILES.values() for e in lines(name)]
    assert len(set(keys)) == len(keys)
    for e in (event for events in others for event in events):
        assert "ARM" not in {p["actor"] for p in e["participants"]}, e["key"]


def test_vocabularies(events):
    for e in events:
        assert re.fullmatch(rf"{DAY}(/({DAY}|\.\.))?", e["date"]), e["key"]
        assert e["type"] is None or e["type"] in TYPES
        assert e["cameo"] is None or re.fullmatch(r"\d{3,4}", e["cameo"])
        assert -10 <= e.get("intensity", 0) <= 10
        assert e["status"] in {"reported", "confirmed", "disputed"}
        assert e["title"]
        assert e["summary"]
        assert e["participants"]
        assert e["reports"]
        for p in e["participants"]:
            assert p["role"] in ROLES
            assert not p.get("excused") or p["role"] == "absent", e["key"]
        for s in e["signals"]:
            assert s["from"] != s["toward"]
            assert -10 <= s["score"] <= 10
            assert s["reason"].endswith("."), e["key"]
        pairs = [(s["from"], s["toward"]) for s in e["signals"]]
        assert len(set(pairs)) == len(pairs)
        for r in e["reports"]:
            assert r["stance"] in {"reports", "confirms", "disputes"}
            assert r["reliability"] in set("ABCDEF")
            assert r["credibility"] in range(1, 7)


def test_a_stage_leads_to_an_act_that_is_there_and_carries_the_signal():
    ids = {f"{dataset}:{e['key']}" for dataset, name in FILES.items() for e in lines(name)}
    for name in FILES.values():
        for e in lines(name):
            if act := e.get("part_of"):
                assert act in ids, e["key"]
                assert e["signals"] == [], e["key"]


def test_sources_exist_and_are_used(dataset, events, sources):
    cited = {r["source"] for e in events for r in e["reports"]}
    assert cited <= set(sources)
    for s in sources.values():
        assert s["title"]
        assert s["publisher"]
        assert s["reliability"] in set("ABCDEF")
    if dataset == "curated":
        every = {r["source"] for n in FILES.values() for e in lines(n) for r in e["reports"]}
        own = [row["id"] for row in table("event_sources.csv")]
        assert len(set(own)) == len(own)
        assert set(own) <= every


def test_every_event_has_a_document_that_was_opened(events, sources):
    for s in sources.values():
        assert s["id"] != "editors-general-knowledge"
        assert not s["url"] or re.match(r"https?://[^ ]+$", s["url"]), s
    opened = {s["id"] for s in sources.values() if s["url"]}
    for e in events:
        named = {r["source"] for r in e["reports"]}
        assert named & opened, e["key"]


def test_grades_follow_the_source(events, sources):
    """A report keeps the grade of its source; an encyclopaedia is never more than C."""
    for e in events:
        for r in e["reports"]:
            source = sources[r["source"]]
            assert r["reliability"] == source["reliability"], e["key"]
            assert source["kind"] != "encyclopedia" or source["reliability"] >= "C", source


def test_no_address_carries_what_follows_its_reader():
    for path in BUNDLED.glob("*_sources.csv"):
        for s in table(path.name):
            assert not re.search(r"utm_|fbclid|%20%20|&nbsp;|:443/", s["url"]), s


def test_every_term_of_office_has_a_document(persons):
    for p in persons:
        named = p["sources"].split("|") if p["sources"] else []
        assert "editors-general-knowledge" not in named
        assert named or p["kind"] == "organization", p
        assert bool(p["belongs_to"]) == (p["kind"] in {"person", "body"}), p


def test_persons_exist_and_bodies_are_used(persons):
    used = {p["actor"] for name in FILES.values() for e in lines(name) for p in e["participants"]}
    known = {row["code"] for name in ("states.csv", "organizations.csv") for row in table(name)}
    assert used - known <= {p["code"] for p in persons}
    for p in persons:
        assert p["kind"] in {"person", "body", "organization", "armed_group"}
        assert p["code"] in used or p["kind"] in {"person", "armed_group"}, p
        assert re.fullmatch(r"[a-z0-9-]+", p["code"]), p
        assert p["name"]
        assert p["summary"]
        assert not p["until"] or p["since"] < p["until"]


def test_an_office_has_one_holder_at_a_time(persons):
    terms = defaultdict(list)
    for p in persons:
        if p["kind"] == "person":
            terms[p["belongs_to"], p["role"]].append((p["since"], p["until"] or "9999", p["code"]))
    assert len(terms["USA", "president"]) == 4
    for of_office in terms.values():
        for (_, until, earlier), (since, _, later) in pairwise(sorted(of_office)):
            assert until <= since, (earlier, later)


def test_founding_case(case):
    assert len(case) == 17
    for e in case:
        cited = [r["source"] for r in e["reports"]]
        assert "news-2023-10-13-putin-loses-another-ally" in cited
    absent = {
        e["key"]: {p["actor"] for p in e["participants"] if p["role"] == "absent"} for e in case
    }
    assert {key: who for key, who in absent.items() if who} == {
        "2023-10-csto-exercise-kyrgyzstan": {"ARM"},
        "2023-10-13-cis-summit-bishkek-without-pashinyan": {"nikol-pashinyan", "MDA", "UKR"},
    }
    stated = {
        e["key"]
        for e in case
        for s in e["signals"]
        if s["from"] == "ARM" and s["toward"] == "RUS" and s["score"] < 0
    }
    assert stated == {
        "2023-09-08-armenia-aid-to-ukraine",
        "2023-09-11-eagle-partner-2023",
        "2023-10-csto-exercise-kyrgyzstan",
        "2023-10-03-armenia-ratifies-rome-statute",
        "2023-10-13-cis-summit-bishkek-without-pashinyan",
    }


def test_quotations_of_the_article_are_marked_as_its_own(case):
    article = "news-2023-10-13-putin-loses-another-ally"
    quotes = [r["quote"] for e in case for r in e["reports"] if r["source"] == article]
    assert sum(quote is not None for quote in quotes) == 3


def test_contacts_of_both_signs_with_russia(persons):
    both = [
        e
        for e in lines("events.ndjson")
        if "2021" <= e["date"][:4] <= "2023"
        and involves(e, "ARM", persons)
        and involves(e, "RUS", persons)
    ]
    goldstein = {row["code"]: float(row["goldstein"] or 0) for row in CAMEO}
    scores = [e.get("intensity", goldstein.get(e["cameo"], 0)) for e in both]
    assert any(score > 0 for score in scores)
    assert any(score < 0 for score in scores)


def test_the_review_of_the_events_is_the_data(dataset, events, sources):
    """The tables in docs/bundled.md name every event and every source that it rests on."""
    text = (BUNDLED.parents[1] / "docs" / "bundled.md").read_text(encoding="utf-8")
    review = text.split(f"## Review of the events of `{dataset}`")[1].split("\n## ")[0]
    reviewed = dict(re.findall(r"^\| `([a-z0-9-]+)` \| (.+) \|$", review, re.MULTILINE))
    opened = {s["id"] for s in sources.values() if s["url"]}
    article = "news-2023-10-13-putin-loses-another-ally"
    assert list(reviewed) == [e["key"] for e in events]
    for e in events:
        named = [r["source"] for r in e["reports"]]
        assert reviewed[e["key"]].startswith("the article") == (article in named), e["key"]
        pages = re.findall(r"`([a-z0-9-]+)`( \(not opened\))?", reviewed[e["key"]])
        assert {name for name, _ in pages} == set(named) - {article}, e["key"]
        assert {name for name, closed in pages if not closed} <= opened, e["key"]
        assert not {name for name, closed in pages if closed} & opened, e["key"]
