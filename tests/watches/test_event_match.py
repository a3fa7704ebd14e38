"""Filters compared in memory match the same revisions as in the database."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from make import BY, dataset, event
from soak import choose_size
from sqlalchemy import Connection, select

from app.db.dialect.stored_document import document_of
from app.db.engine import Database
from app.db.tables import revisions
from app.events.filter import EventFilter
from app.events.queries import find_matching_revisions, resolve_filter
from app.events.render import decode_event_document
from app.sources.changes import write_sources
from app.sources.schemas import Source
from app.watches.event_facts import EventFacts
from app.watches.match_index import MatchIndex
from app.watches.registry import decode_codes, encode_codes, read_member_days

pytestmark = pytest.mark.slow

EVENTS, FILTERS = choose_size(60, 300), choose_size(150, 3000)
ACTORS = ["ARM", "RUS", "AZE", "USA", "KAZ", "CSTO"]
ROLES = ["initiator", "target", "participant", "absent", "host"]
TITLES = ["Joint exercise near Yerevan", "Naïve café talks", "", "Ünïted front_line", "O'Neill's"]
NATIVES = [None, "Battles", "Battles: Armed clash", "Battles:x", "Protests"]
PUBLISHERS = ["Reuters", "REUTERS", "Anadolu Ajansı", "ANADOLU AJANSI"]


def make_sources(db: Connection) -> list[str]:
    found = [
        Source.model_validate(
            {"id": f"s{n}", "kind": "article", "title": "t", "publisher": publisher,
             "published": published, "reliability": grade}
        )
        for n, (publisher, published, grade) in enumerate(
            (p, *more)
            for p in PUBLISHERS
            for more in (("2020-01", "A"), (None, None), ("2021", "F"))
        )
    ]  # fmt: skip
    write_sources(db, found, BY)
    return [source.id for source in found]


def make_event(db: Connection, chance: random.Random, sources: Sequence[str]) -> None:
    who = chance.sample(ACTORS, chance.randint(0, 4))
    day = f"20{chance.choice(['01', '19', '20', '23'])}-0{chance.randint(1, 9)}-15"
    more: dict[str, Any] = {
        "title": chance.choice(TITLES) or "x", "tags": chance.sample(["a", "b", "c"], 2),
        "date": chance.choice([day, f"{day}/..", f"{day[:7]}", f"{day}/2024-01-01"]),
        "roles": {a: chance.choice(ROLES) for a in who},
        "type": chance.choice([None, "AGREE", "CONSULT", "ASSAULT"]),
        "native": chance.choice(NATIVES),
        "mode": chance.choice([None, "aerial", "beat"]),
        "status": chance.choice(["confirmed", "confirmed", "disputed", "retracted"]),
        "intensity": chance.choice([None, -10.0, -2.5, 0.0, 3.4]),
        "cameo": chance.choice([None, "057", "05", "190", "0571"]),
        "reports": [
            {"source": s, "stance": chance.choice(["reports", "confirms", "disputes"]),
             "credibility": chance.choice([None, 1, 3, 6])}
            for s in chance.sample(sources, chance.randint(0, 4))
        ],
    }  # fmt: skip
    if chance.random() < 0.5:
        lat, lon = chance.choice([(40.2, 44.5), (0.0, 180.0), (-90.0, -180.0)])
        more["location"] = {"country": chance.choice(["ARM", None]), "lat": lat, "lon": lon}
    event(db, *who, **{name: value for name, value in more.items() if value is not None})


def make_filter(chance: random.Random, sources: Sequence[str]) -> EventFilter:
    some = {
        "actor": lambda: chance.sample(ACTORS, chance.randint(1, 3)),
        "between": lambda: chance.sample(ACTORS, chance.randint(1, 3)),
        "initiator": lambda: chance.sample(ACTORS, 2),
        "target": lambda: chance.sample(ACTORS, 1),
        "role": lambda: chance.sample(ROLES, 2),
        "via": lambda: chance.choice([True, False]),
        "member_of": lambda: [chance.choice(["CSTO", "NATO"])],
        "since": lambda: chance.choice(["2019", "2020-03", "2023-05-15"]),
        "until": lambda: chance.choice(["2023", "2024-01-01"]),
        "match": lambda: chance.choice(["possible", "certain"]),
        "type": lambda: chance.sample(["AGREE", "CONSULT", "ASSAULT"], 2),
        "cameo": lambda: [chance.choice(["05", "057", "19"])],
        "quad": lambda: chance.sample([1, 2, 3, 4], 2),
        "mode": lambda: [chance.choice(["aerial", "beat"])],
        "native": lambda: [chance.choice(["Battles", "Battles: Armed clash", "Protests"])],
        "min_intensity": lambda: chance.choice([-10, -2.5, 0]),
        "max_intensity": lambda: chance.choice([0, 3.4]),
        "country": lambda: ["ARM"],
        "bbox": lambda: chance.choice(["40,38,50,42", "170,-91,-170,10".replace("-91", "-90")]),
        "near": lambda: chance.choice(["40.2,44.5,1", "0,179,200", "90,0,20015", "-40,-136,20038"]),
        "tag": lambda: chance.sample(["a", "b", "c", "d"], 1),
        "dataset": lambda: ["made"],
        "source": lambda: chance.sample(list(sources), 2),
        "publisher": lambda: chance.sample(PUBLISHERS, 1),
        "status": lambda: chance.sample(["confirmed", "disputed", "retracted"], 1),
        "min_reliability": lambda: chance.choice(["A", "E"]),
        "min_credibility": lambda: chance.choice([1, 3, 5]),
        "min_independent_sources": lambda: chance.choice([1, 2, 3]),
        "q": lambda: chance.choice(["exercise", "naive CAFE", "front", "line", "neill", "--", "s"]),
        "known_by": lambda: chance.choice(["2020-06", "2021", "2019"]),
    }
    some["effect"] = lambda: chance.sample(["together", "apart", "neither"], 1)
    assert {*some, "as_of", "lineage"} == set(EventFilter.model_fields)
    names = chance.sample(sorted(some), chance.choice([0, 1, 1, 2, 2, 3]))
    found = {name: some[name]() for name in names}
    if "effect" in found:
        found["between"] = chance.sample(ACTORS, 2)
    return EventFilter.model_validate(found)


def test_memory_and_database_agree_on_every_filter(database: Database) -> None:
    chance = random.Random(7)
    with database.write() as db:
        dataset(db)
        sources = make_sources(db)
        for _ in range(EVENTS):
            make_event(db, chance, sources)
    with database.connect() as db:
        r = revisions.c
        rows = db.execute(select(r.seq, document_of(revisions)).where(r.kind == "event")).all()
        facts = {row.seq: EventFacts(decode_event_document(row.document)) for row in rows}
        index = MatchIndex(read_member_days(db, ["CSTO", "NATO"]))
        expected: dict[str, set[int]] = {}
        asked: dict[str, EventFilter] = {}
        for n in range(FILTERS):
            asked[str(n)] = make_filter(chance, sources)
            resolved = resolve_filter(db, asked[str(n)], None)
            assert decode_codes(encode_codes(resolved), {}) == resolved
            expected[str(n)] = find_matching_revisions(db, resolved, list(facts))
            index.add_watch(str(n), resolved)
    found: dict[str, set[int]] = {n: set() for n in expected}
    for seq, one in facts.items():
        for n in index.find_watches(one):
            found[n].add(seq)
    for n, seqs in expected.items():
        assert found[n] == seqs, asked[n].model_dump(exclude_unset=True)
    assert sum(map(len, expected.values())) > EVENTS * FILTERS / 25
    assert sum(not seqs for seqs in expected.values()) < 0.6 * FILTERS


def test_a_removed_watch_is_no_longer_found(database: Database) -> None:
    index = MatchIndex()
    with database.write() as db:
        dataset(db)
        event(db, "ARM", "RUS")
        wanted = [
            resolve_filter(db, EventFilter(actor=("ARM",)), None),
            resolve_filter(db, EventFilter(between=("RUS", "ARM")), None),
        ]
        document = db.scalar(select(document_of(revisions)).where(revisions.c.kind == "event"))
    for n, one in enumerate([*wanted, *wanted]):
        index.add_watch(f"w{n}", one)
    facts = EventFacts(decode_event_document(document or ""))
    assert sorted(index.find_watches(facts)) == ["w0", "w1", "w2", "w3"]
    for ident in ("w0", "w1", "w3"):
        index.remove_watch(ident)
    assert index.find_watches(facts) == ["w2"]
    index.add_watch("w2", wanted[1])
    index.remove_watch("w2")
    assert index.find_watches(facts) == []
    assert len(index) == 0
