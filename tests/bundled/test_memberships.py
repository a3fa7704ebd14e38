"""The bundled organizations, memberships and their sources hang together."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest

BUNDLED = Path(__file__).resolve().parents[2] / "app" / "bundled"

STEPS = ("signed", "ratified", "in-force", "suspended", "withdrawing", "withdrawn")
ROLES = {"member", "observer", "partner", "candidate", "associate", "participant"}
OBLIGATIONS = {"defense", "offense", "neutrality", "nonaggression", "consultation"}
OPEN_END = date.max


def read(name: str) -> list[dict[str, str]]:
    with (BUNDLED / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


def first_day(text: str) -> date:
    """The first day of `1992`, `1992-05` or `1992-05-15`."""
    assert re.fullmatch(r"\d{4}(-\d{2}){0,2}", text), text
    return date.fromisoformat(text + "-01-01"[len(text) - 4 :])


ORGANIZATIONS = read("organizations.csv")
ROWS = read("memberships.csv")
SOURCES = read("membership_sources.csv")

SPELLS: dict[tuple[str, str, str, int], list[tuple[str, date]]] = defaultdict(list)
for row in ROWS:
    key = (row["actor"], row["group"], row["role"], int(row["spell"]))
    SPELLS[key].append((row["step"], first_day(row["date"])))


def period(steps: list[tuple[str, date]]) -> tuple[date, date] | None:
    """When the spell was in force, half-open; None if it never was."""
    days = dict(steps)
    if "in-force" not in days:
        return None
    return days["in-force"], days.get("withdrawn", OPEN_END)


def members(group: str, on: str, role: str = "member") -> set[str]:
    day = date.fromisoformat(on)
    found = set()
    for (actor, of, as_role, _), steps in SPELLS.items():
        bounds = period(steps)
        if of == group and as_role == role and bounds and bounds[0] <= day < bounds[1]:
            found.add(actor)
    return found


def test_headers() -> None:
    assert list(ORGANIZATIONS[0]) == [
        "code",
        "kind",
        "name",
        "aliases",
        "since",
        "until",
        "obligations",
        "summary",
    ]
    assert list(ROWS[0]) == [
        "actor", "group", "role", "spell", "step", "date", "event", "sources", "note",
    ]  # fmt: skip
    assert list(SOURCES[0]) == [
        "id",
        "kind",
        "title",
        "publisher",
        "url",
        "published",
        "accessed",
        "language",
        "reliability",
        "licence",
    ]
    for record in ORGANIZATIONS + ROWS + SOURCES:
        assert None not in record, record
        assert None not in record.values(), record


def test_organizations() -> None:
    codes = [o["code"] for o in ORGANIZATIONS]
    assert len(codes) == len(set(codes))
    for o in ORGANIZATIONS:
        assert o["kind"] in {"alliance", "organization"}, o
        assert o["name"], o
        assert o["summary"], o
        assert set(filter(None, o["obligations"].split("|"))) <= OBLIGATIONS, o
        if o["since"] and o["until"]:
            assert first_day(o["since"]) < first_day(o["until"]), o


def test_every_source_exists_and_is_used() -> None:
    ids = [s["id"] for s in SOURCES]
    assert len(ids) == len(set(ids))
    people = read("persons_and_bodies.csv")
    cells = [row["sources"] for row in (*ROWS, *people)]
    named = {name for cell in cells for name in cell.split("|") if name}
    assert named == set(ids)


def test_events_that_prove_a_step_exist() -> None:
    lines = (BUNDLED / "events.ndjson").read_text("utf-8").splitlines()
    keys = {json.loads(line)["key"] for line in lines}
    named = {row["event"] for row in ROWS if row["event"]}
    assert named
    assert named <= keys


def test_sources_are_well_formed() -> None:
    for s in SOURCES:
        assert re.fullmatch(r"[a-z0-9-]+", s["id"]), s
        assert s["kind"], s
        assert s["title"], s
        assert s["publisher"], s
        assert s["language"], s
        assert s["reliability"] in set("ABCDEF"), s
        assert not s["url"] or re.match(r"https?://[^ ]+$", s["url"]), s
        assert bool(s["url"]) == bool(re.fullmatch(r"\d{4}-\d\d-\d\d", s["accessed"])), s
        if s["published"]:
            first_day(s["published"])


def test_steps_since_2018_have_a_page_that_was_opened() -> None:
    opened = {s["id"] for s in SOURCES if s["url"]}
    unseen = {
        (row["actor"], row["group"], row["step"])
        for row in ROWS
        if row["date"] >= "2018" and not opened & set(row["sources"].split("|"))
    }
    assert unseen == set()


def test_groups_roles_and_steps_are_known() -> None:
    groups = {o["code"] for o in ORGANIZATIONS}
    for row in ROWS:
        assert row["group"] in groups, row
        assert row["role"] in ROLES, row
        assert row["step"] in STEPS, row
        assert re.fullmatch(r"[A-Z]{2,3}", row["actor"]), row


def test_steps_of_a_spell_are_in_order_and_once() -> None:
    for key, steps in SPELLS.items():
        names = [step for step, _ in steps]
        assert len(names) == len(set(names)), key
        assert names == sorted(names, key=STEPS.index), key
        days = [day for _, day in steps]
        assert days == sorted(days), (key, steps)


def test_spells_are_numbered_and_do_not_overlap() -> None:
    by_tie: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for actor, group, role, spell in SPELLS:
        by_tie[actor, group, role].append(spell)
    for tie, spells in by_tie.items():
        assert sorted(spells) == list(range(1, len(spells) + 1)), tie
        for one, following in zip(sorted(spells), sorted(spells)[1:], strict=False):
            earlier = period(SPELLS[(*tie, one)])
            later = period(SPELLS[(*tie, following)])
            assert earlier, tie
            assert later, tie
            assert earlier[1] <= later[0], tie


@pytest.mark.parametrize(
    ("group", "on", "expected"),
    [
        ("CSTO", "1998-01-01", "ARM AZE BLR GEO KAZ KGZ RUS TJK UZB"),
        ("CSTO", "2003-01-01", "ARM BLR KAZ KGZ RUS TJK"),
        ("CSTO", "2010-01-01", "ARM BLR KAZ KGZ RUS TJK UZB"),
        ("CSTO", "2023-10-13", "ARM BLR KAZ KGZ RUS TJK"),
        ("CIS", "2023-10-13", "ARM AZE BLR KAZ KGZ MDA RUS TJK UZB"),
        ("EAEU", "2023-10-13", "ARM BLR KAZ KGZ RUS"),
        ("SCO", "2023-10-13", "CHN IND IRN KAZ KGZ PAK RUS TJK UZB"),
        ("SCO", "2024-07-04", "BLR CHN IND IRN KAZ KGZ PAK RUS TJK UZB"),
        ("BRICS", "2023-10-13", "BRA CHN IND RUS ZAF"),
        ("BRICS", "2025-01-06", "ARE BRA CHN EGY ETH IDN IND IRN RUS ZAF"),
        ("GUAM", "2000-01-01", "AZE GEO MDA UKR UZB"),
        ("GUAM", "2023-10-13", "AZE GEO MDA UKR"),
        ("OTS", "2023-10-13", "AZE KAZ KGZ TUR UZB"),
        ("EU", "1960-01-01", "BEL DEU FRA ITA LUX NLD"),
        ("ARM-RUS-1997", "2023-10-13", "ARM RUS"),
        ("RUS-UKR-1997", "2019-03-31", "RUS UKR"),
        ("RUS-UKR-1997", "2019-04-01", ""),
    ],
)
def test_members_of_the_day(group: str, on: str, expected: str) -> None:
    assert members(group, on) == set(expected.split())


@pytest.mark.parametrize(
    ("group", "on", "count"),
    [
        ("NATO", "1950-01-01", 12),
        ("NATO", "1990-01-01", 16),
        ("NATO", "2023-10-13", 31),
        ("NATO", "2024-03-07", 32),
        ("EU", "1995-01-01", 15),
        ("EU", "2004-05-01", 25),
        ("EU", "2019-12-31", 28),
        ("EU", "2020-01-31", 28),
        ("EU", "2020-02-01", 27),
        ("OSCE", "1975-08-01", 35),
        ("OSCE", "2023-10-13", 57),
        ("COE", "2010-01-01", 47),
        ("COE", "2022-03-15", 47),
        ("COE", "2022-03-16", 46),
        ("ICC", "2002-06-30", 0),
        ("ICC", "2002-07-01", 66),
        ("ICC", "2017-10-26", 124),
        ("ICC", "2017-10-27", 123),
        ("ICC", "2019-03-17", 122),
        ("ICC", "2023-10-13", 123),
        ("ICC", "2024-02-01", 124),
        ("ICC", "2025-01-01", 125),
    ],
)
def test_number_of_members(group: str, on: str, count: int) -> None:
    assert len(members(group, on)) == count


def test_armenia_in_the_founding_case() -> None:
    assert dict(SPELLS["ARM", "ICC", "member", 1]) == {
        "signed": date(1999, 10, 1),
        "ratified": date(2023, 10, 3),
        "in-force": date(2024, 2, 1),
    }
    assert "ARM" not in members("ICC", "2023-10-13")
    assert dict(SPELLS["ARM", "CSTO", "member", 1])["suspended"] == date(2024, 2, 22)
    assert dict(SPELLS["HUN", "ICC", "member", 1])["withdrawing"] == date(2025, 6, 2)


def test_those_who_left() -> None:
    assert "GEO" in members("CIS", "2009-08-17")
    assert "GEO" not in members("CIS", "2009-08-18")
    assert "GRC" not in members("COE", "1972-01-01")
    assert "GRC" in members("COE", "1975-01-01")
    assert "FRA" in members("NATO", "1970-01-01")
