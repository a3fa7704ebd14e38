"""The bundled organizations, memberships and their sources hang together."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from app.actors.membership_steps import membership_status
from app.actors.schemas import MembershipStep
from app.bundled.votes import build_resolution_events
from app.edtf import parse_edtf

BUNDLED = Path(__file__).resolve().parents[2] / "app" / "bundled"

STEPS = ("signed", "ratified", "in-force", "suspended", "withdrawing", "withdrawn")
ROLES = {"member", "observer", "partner", "candidate", "associate", "participant"}
OBLIGATIONS = {"defense", "offense", "neutrality", "nonaggression", "consultation"}
OPEN_END = date.max


def read(name: str) -> list[dict[str, str]]:
    with (BUNDLED / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


def first_day(text: str) -> date:
    """The first day that `1992`, `1992-05~` or `1992-05-15?` can mean."""
    span = parse_edtf(text)
    assert span.precision in {"year", "month", "day"}, text
    return span.start


ORGANIZATIONS = read("organizations.csv")
ROWS = read("memberships.csv")
BOUND = read("obligations.csv")
LIVES = {
    row["code"]: (row["since"] or "0001-01-01", row["until"] or "9999-12-31")
    for row in (*read("states.csv"), *ORGANIZATIONS)
}
SOURCES = read("membership_sources.csv")

SPELLS: dict[tuple[str, str, str, int], list[tuple[str, date]]] = defaultdict(list)
for row in ROWS:
    key = (row["actor"], row["group"], row["role"], int(row["spell"]))
    SPELLS[key].append((row["step"], first_day(row["date"])))


def period(steps: list[tuple[str, date]]) -> tuple[date, date] | None:
    """When the spell was in force, half-open; None if it never was."""
    begun = [day for step, day in steps if step == "in-force"]
    ended = [day for step, day in steps if step == "withdrawn"]
    return (min(begun), min(ended, default=OPEN_END)) if begun else None


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
        "members_recorded",
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
        if o["since"] and o["until"]:
            assert first_day(o["since"]) < first_day(o["until"]), o


def test_every_source_exists_and_is_used() -> None:
    ids = [s["id"] for s in SOURCES]
    assert len(ids) == len(set(ids))
    people = read("persons_and_bodies.csv")
    cells = [row["sources"] for row in (*ROWS, *people, *BOUND)]
    named = {name for cell in cells for name in cell.split("|") if name}
    assert named == set(ids)


def test_events_that_prove_a_step_exist() -> None:
    ids = {f"unga:{event.key}" for event in build_resolution_events({})}
    for dataset, name in (("curated", "events.ndjson"), ("realignments", "realignments.ndjson")):
        lines = (BUNDLED / name).read_text("utf-8").splitlines()
        ids |= {f"{dataset}:{json.loads(line)['key']}" for line in lines}
    named = {row["event"] for row in ROWS if row["event"]}
    assert len(named) > 40
    assert {name if ":" in name else f"curated:{name}" for name in named} <= ids


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


def test_steps_of_a_spell_go_up_but_for_what_was_taken_back() -> None:
    reported = {
        (row["actor"], row["group"], row["role"], int(row["spell"]), row["step"], row["date"])
        for row in ROWS
        if row["note"]
    }
    dated = defaultdict(list)
    for row in ROWS:
        key = (row["actor"], row["group"], row["role"], int(row["spell"]))
        dated[key].append((row["step"], row["date"]))
    for key, steps in dated.items():
        days = [first_day(day) for _, day in steps]
        assert days == sorted(days), (key, steps)
        for (before, _), (step, day) in pairwise(steps):
            if STEPS.index(step) <= STEPS.index(before):
                assert step == before or step == "in-force", (key, steps)
                assert (*key, step, day) in reported, (key, steps)
        assert "withdrawn" not in [step for step, _ in steps[:-1]], key


def test_everyone_and_every_group_lived_on_the_day_of_a_step() -> None:
    for row in ROWS:
        day = first_day(row["date"]).isoformat()
        since, until = LIVES[row["actor"]]
        assert since <= day <= until, row
        assert row["step"] == "withdrawn" or day < until, row
        since, until = LIVES[row["group"]]
        key = (row["actor"], row["group"], row["role"], int(row["spell"]))
        if row["step"] not in {"signed", "ratified"} and period(SPELLS[key]):
            assert since <= day, row
        assert day <= until, row


def test_a_treaty_in_force_does_not_end_below() -> None:
    not_in_force = {"ICC", "RUS-AZE-2022", "ARM-USA-2025", "SAU-PAK-2025", "AUS-PNG-2025"}
    for (actor, group, role, _), steps in SPELLS.items():
        if steps[-1][0] in {"signed", "ratified"}:
            assert group in not_in_force, (actor, group, role)


def test_obligations_are_those_of_the_groups_and_have_a_first_day() -> None:
    assert len({(row["group"], row["obligation"]) for row in BOUND}) == len(BOUND)
    assert {row["group"] for row in BOUND} <= {o["code"] for o in ORGANIZATIONS}
    assert {row["obligation"] for row in BOUND} <= OBLIGATIONS
    for row in BOUND:
        assert row["note"], row
        assert not row["until"] or first_day(row["since"]) < first_day(row["until"]), row
    since = {(row["group"], row["obligation"]): row["since"] for row in BOUND}
    assert since["EU", "defense"] == "2009-12-01"
    assert not {"ICC", "UN", "OSCE", "COE"} & {group for group, _ in since}


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
        ("COE", "1949-08-02", 0),
        ("COE", "1949-08-03", 10),
        ("COE", "1949-08-09", 11),
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
        ("UN", "1945-12-31", 51),
        ("UN", "1971-10-24", 131),
        ("UN", "1973-09-18", 135),
        ("UN", "1990-05-22", 159),
        ("UN", "1993-12-31", 183),  # and the seat of Yugoslavia, which no state took
        ("UN", "2006-06-28", 192),
        ("UN", "2011-07-14", 193),
        ("UN", "2026-11-30", 193),
        ("ECOWAS", "2020-01-01", 15),
        ("ECOWAS", "2025-01-29", 12),
        ("ARAB-LEAGUE", "2020-01-01", 22),
        ("WARSAW-PACT", "1968-01-01", 8),
        ("WARSAW-PACT", "1989-11-09", 7),
        ("WARSAW-PACT", "1991-01-01", 6),
        ("WARSAW-PACT", "1991-07-01", 0),
        ("GCC", "2020-01-01", 6),
        ("ASEAN", "2000-01-01", 10),
        ("ASEAN", "2025-12-01", 11),
        ("SEATO", "1960-01-01", 8),
        ("SEATO", "1975-01-01", 7),
        ("CENTO", "1956-01-01", 5),
        ("CENTO", "1960-01-01", 4),
        ("CENTO", "1979-04-01", 4),  # a meeting to dissolve it was announced in March
        ("CENTO", "1979-06-01", 0),
        ("USA-TWN-1954", "1979-12-31", 2),
        ("USA-TWN-1954", "1980-01-01", 0),
        ("MERCOSUR", "2024-08-06", 5),
        ("MERCOSUR", "2024-08-07", 6),
        ("OPEC", "2018-12-31", 16),  # and Indonesia, which is suspended
        ("OPEC", "2026-06-01", 12),
        ("OIC", "1970-01-01", 24),
        ("OIC", "2026-01-01", 57),
        ("COMMONWEALTH", "1931-12-10", 0),
        ("COMMONWEALTH", "1931-12-11", 6),
        ("COMMONWEALTH", "1970-12-31", 32),
        ("COMMONWEALTH", "2023-01-01", 56),
        ("G7", "1980-01-01", 7),
        ("G7", "2010-01-01", 8),
        ("VISEGRAD-GROUP", "1992-12-31", 3),
        ("VISEGRAD-GROUP", "1993-01-01", 4),
        ("RIO-TREATY", "1948-12-03", 5),
    ],
)
def test_number_of_members(group: str, on: str, count: int) -> None:
    assert len(members(group, on)) == count


def of(actor: str, group: str, role: str = "member", spell: int = 1) -> list[tuple[str, str]]:
    """List the steps of a membership period."""
    key = (actor, group, role, str(spell))
    return [
        (row["step"], row["date"])
        for row in ROWS
        if (row["actor"], row["group"], row["role"], row["spell"]) == key
    ]


def on(day: str, actor: str, group: str, role: str = "member") -> str | None:
    """The status on a day, as the service tells it."""
    steps = [
        MembershipStep.model_validate({"step": s, "date": d}) for s, d in of(actor, group, role)
    ]
    return membership_status(steps, day)


@pytest.mark.parametrize(
    ("actor", "group", "day", "status"),
    [
        ("GNB", "ECOWAS", "2025-11-26", "in-force"),
        ("GNB", "ECOWAS", "2025-11-28", "suspended"),
        ("TGO", "ECOWAS", "2005-02-20", "suspended"),
        ("TGO", "ECOWAS", "2005-03-01", "in-force"),
        ("GIN", "ECOWAS", "2010-01-01", "suspended"),
        ("GIN", "ECOWAS", "2012-01-01", "in-force"),
        ("NER", "ECOWAS", "2010-01-01", "suspended"),
        ("NER", "ECOWAS", "2012-01-01", "in-force"),
        ("MLI", "ECOWAS", "2012-04-01", "suspended"),
        ("MLI", "ECOWAS", "2020-08-17", "in-force"),
        ("MLI", "ECOWAS", "2020-09-01", "suspended"),
        ("MLI", "ECOWAS", "2020-12-01", "in-force"),
        ("MLI", "ECOWAS", "2022-08-01", "suspended"),
        ("MLI", "ECOWAS", "2024-06-01", "withdrawing"),
        ("NER", "ECOWAS", "2023-08-01", "in-force"),
        ("NER", "ECOWAS", "2023-12-10", "suspended"),
        ("BFA", "ECOWAS", "2022-02-01", "suspended"),
        ("GIN", "ECOWAS", "2025-12-28", "suspended"),
        ("GIN", "ECOWAS", "2026-02-01", "in-force"),
        ("MLI", "AFRICAN-UNION", "2021-01-01", "in-force"),
        ("MLI", "AFRICAN-UNION", "2026-06-01", "suspended"),
        ("NER", "AFRICAN-UNION", "2023-08-22", "suspended"),
        ("GIN", "AFRICAN-UNION", "2026-02-01", "in-force"),
        ("SDN", "AFRICAN-UNION", "2019-07-01", "suspended"),
        ("SDN", "AFRICAN-UNION", "2021-01-01", "in-force"),
        ("SDN", "AFRICAN-UNION", "2026-01-01", "suspended"),
        ("GAB", "AFRICAN-UNION", "2024-01-01", "suspended"),
        ("GAB", "AFRICAN-UNION", "2025-05-01", "in-force"),
        ("MDG", "AFRICAN-UNION", "2012-01-01", "suspended"),
        ("MDG", "AFRICAN-UNION", "2025-10-15", "suspended"),
        ("GNB", "AFRICAN-UNION", "2025-11-28", "suspended"),
        ("GNB", "AFRICAN-UNION", "2013-01-01", "suspended"),
        ("GNB", "AFRICAN-UNION", "2020-01-01", "in-force"),
        ("MLI", "AFRICAN-UNION", "2012-05-01", "suspended"),
        ("MLI", "AFRICAN-UNION", "2015-01-01", "in-force"),
        ("NER", "AFRICAN-UNION", "2010-06-01", "suspended"),
        ("GIN", "AFRICAN-UNION", "2009-06-01", "suspended"),
        ("GIN", "AFRICAN-UNION", "2015-01-01", "in-force"),
        ("BFA", "AFRICAN-UNION", "2015-09-20", "suspended"),
        ("EGY", "AFRICAN-UNION", "2014-01-01", "suspended"),
        ("EGY", "AFRICAN-UNION", "2015-01-01", "in-force"),
        ("CAF", "AFRICAN-UNION", "2004-01-01", "suspended"),
        ("CAF", "AFRICAN-UNION", "2014-01-01", "suspended"),
        ("CAF", "AFRICAN-UNION", "2017-01-01", "in-force"),
        ("MRT", "AFRICAN-UNION", "2009-01-01", "suspended"),
        ("MRT", "AFRICAN-UNION", "2006-01-01", "suspended"),
        ("MRT", "AFRICAN-UNION", "2008-01-01", "in-force"),
        ("TGO", "AFRICAN-UNION", "2005-03-01", "suspended"),
        ("TGO", "AFRICAN-UNION", "2006-01-01", "in-force"),
        ("CIV", "ECOWAS", "2011-01-01", "suspended"),
        ("CIV", "ECOWAS", "2012-01-01", "in-force"),
        ("CIV", "AFRICAN-UNION", "2011-01-01", "suspended"),
        ("CIV", "AFRICAN-UNION", "2012-01-01", "in-force"),
    ],
)
def test_suspensions_after_coups(actor: str, group: str, day: str, status: str) -> None:
    assert on(day, actor, group) == status


@pytest.mark.parametrize(
    ("actor", "group", "role", "day", "status"),
    [
        ("BLR", "NATO", "partner", "2021-11-18", "in-force"),
        ("BLR", "NATO", "partner", "2021-11-19", "suspended"),
        ("UKR", "OTTAWA-CONVENTION", "member", "2025-07-14", "in-force"),
        ("UKR", "OTTAWA-CONVENTION", "member", "2025-07-15", "suspended"),
        ("UZB", "GUAM", "member", "2003-01-01", "suspended"),
        ("EGY", "ARAB-LEAGUE", "member", "1979-03-30", "in-force"),
        ("EGY", "ARAB-LEAGUE", "member", "1989-05-22", "suspended"),
        ("EGY", "ARAB-LEAGUE", "member", "1989-05-23", "in-force"),
        ("HRV", "EU", "candidate", "2010-01-01", "in-force"),
        ("PAK", "SEATO", "member", "1973-01-01", "withdrawing"),
    ],
)
def test_status_of_those_who_took_no_full_part(
    actor: str, group: str, role: str, day: str, status: str
) -> None:
    assert on(day, actor, group, role) == status


@pytest.mark.parametrize(
    ("day", "seated"),
    [
        ("2012-12-31", True),
        ("2013-06-01", False),
        ("2014-01-01", True),
        ("2017-01-01", False),
        ("2021-01-01", True),
        ("2022-04-06", True),
        ("2022-04-07", False),
    ],
)
def test_terms_of_russia_in_the_human_rights_council(day: str, seated: bool) -> None:
    assert ("RUS" in members("UNHRC", day)) is seated


def test_armenia_in_the_founding_case() -> None:
    assert of("ARM", "ICC") == [
        ("signed", "1999-10-01"),
        ("ratified", "2023-10-03"),
        ("ratified", "2023-11-14"),
        ("in-force", "2024-02-01"),
    ]
    assert on("2023-10-13", "ARM", "ICC") == "ratified"
    assert "ARM" not in members("ICC", "2023-10-13")
    assert dict(SPELLS["HUN", "ICC", "member", 1])["withdrawing"] == date(2025, 6, 2)


def test_frozen_participation_is_a_note_and_no_status() -> None:
    assert of("ARM", "CSTO")[-1] == ("in-force", "2024-02-22")
    assert on("2024-03-01", "ARM", "CSTO") == "in-force"
    (row,) = (r for r in ROWS if r["event"] == "2024-02-22-armenia-freezes-csto")
    assert "frozen" in row["note"]


def test_what_was_in_force_on_the_day_of_the_founding_case() -> None:
    for group in ("AZE-TUR-2010", "AZE-TUR-2021"):
        for actor in ("AZE", "TUR"):
            assert on("2023-10-13", actor, group) == "in-force"
    assert on("2025-11-14", "UZB", "RUS-UZB-2005") == "in-force"
    assert on("2024-07-01", "GEO", "EU", "candidate") == "suspended"
    assert on("2017-01-01", "GMB", "ICC") == "withdrawing"
    assert on("2017-03-01", "GMB", "ICC") == "in-force"
    assert {"FIN", "SWE", "MLT"} <= members("NATO", "2022-01-01", "partner")


def test_a_seat_of_the_united_nations_has_one_holder() -> None:
    for one, other in (
        ("CHN", "TWN"),
        ("SUN", "RUS"),
        ("YAR", "YEM"),
        ("YMD", "YEM"),
        ("YUG", "SCG"),
        ("SCG", "SRB"),
    ):
        holders = [
            period(SPELLS[key])
            for key in SPELLS
            if key[0] in (one, other) and key[1:3] == ("UN", "member")
        ]
        spans = sorted(span for span in holders if span)
        for (_, until), (since, _) in pairwise(spans):
            assert until <= since, (one, other)
    assert "SYR" not in members("UN", "1960-01-01")
    assert "IDN" not in members("UN", "1966-01-01")
    assert "SRB" not in members("UN", "1995-01-01")


def test_those_who_left() -> None:
    assert "GEO" in members("CIS", "2009-08-17")
    assert "GEO" not in members("CIS", "2009-08-18")
    assert "GRC" not in members("COE", "1972-01-01")
    assert "GRC" in members("COE", "1975-01-01")
    assert "FRA" in members("NATO", "1970-01-01")
