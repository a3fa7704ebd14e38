"""The votes of the emergency session of the General Assembly hang together."""

from __future__ import annotations

import csv
import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

BUNDLED = Path(__file__).resolve().parents[2] / "app" / "bundled"

VOTES = ("yes", "no", "abstain", "absent")


def read(name: str) -> list[dict[str, str]]:
    with (BUNDLED / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


RESOLUTIONS = read("unga_resolutions.csv")
CAST = read("unga_votes.csv")
SOURCES = read("unga_sources.csv")
SEATS = [row for row in read("memberships.csv") if row["group"] == "UN" and row["role"] == "member"]


def seated(on: str) -> set[str]:
    """List the states with a seat in the United Nations on the day."""
    turns: Counter[str] = Counter()
    for row in SEATS:
        if row["date"] <= on:
            turns[row["actor"]] += {"in-force": 1, "withdrawn": -1}.get(row["step"], 0)
    return {actor for actor, count in turns.items() if count > 0}


def counted(resolution: str) -> Counter[str]:
    return Counter(row["vote"] for row in CAST if row["resolution"] == resolution)


def test_headers() -> None:
    assert list(RESOLUTIONS[0]) == [
        "resolution", "date", "title", "yes", "no", "abstain", "absent", "groups_listed", "sources",
    ]  # fmt: skip
    assert list(CAST[0]) == ["resolution", "actor", "vote"]
    for record in RESOLUTIONS + CAST + SOURCES:
        assert None not in record, record
        assert None not in record.values(), record


def test_every_vote_is_of_a_member_that_voted_once() -> None:
    days = {r["resolution"]: r["date"] for r in RESOLUTIONS}
    assert len(days) == len(RESOLUTIONS)
    pairs = [(row["resolution"], row["actor"]) for row in CAST]
    assert len(pairs) == len(set(pairs))
    for row in CAST:
        assert row["vote"] in VOTES, row
        assert row["actor"] in seated(days[row["resolution"]]), row


@pytest.mark.parametrize("resolution", RESOLUTIONS, ids=lambda r: r["resolution"])
def test_votes_fit_the_totals(resolution: dict[str, str]) -> None:
    assert re.fullmatch(r"ES-11(/\d+|-\d{4}-\d\d-\d\d)", resolution["resolution"])
    seat_count = len(seated(resolution["date"]))
    assert seat_count == 193
    found = counted(resolution["resolution"])
    listed = set(filter(None, resolution["groups_listed"].split("|")))
    assert listed <= set(VOTES)
    for vote in VOTES:
        total = resolution[vote]
        if total:
            assert found[vote] <= int(total), vote
        if vote in listed:
            assert found[vote] == int(total), vote
    totals = [resolution[vote] for vote in VOTES]
    if all(totals):
        assert sum(map(int, totals)) == seat_count


def test_every_source_exists_and_is_used() -> None:
    ids = [s["id"] for s in SOURCES]
    assert len(ids) == len(set(ids))
    assert {name for r in RESOLUTIONS for name in r["sources"].split("|")} == set(ids)
    for s in SOURCES:
        assert s["title"], s
        assert s["publisher"], s
        assert s["reliability"] in set("ABCDEF"), s
        assert not s["url"] or re.match(r"https?://[^ ]+$", s["url"]), s
        assert bool(s["url"]) == bool(s["accessed"]), s
        if s["accessed"]:
            assert date.fromisoformat(s["accessed"])
