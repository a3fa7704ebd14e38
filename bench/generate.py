"""Generate GDELT-shaped events from a seed, and write them as finished rows into the tables."""

import json
import random
import sqlite3
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import accumulate, islice
from typing import Any

from sqlalchemy import Table, insert

from app.db.dialect.full_text import bulk_index_words
from app.db.dictionaries import pack_documents
from app.db.engine import Database
from app.db.journal import Writer
from app.db.migrate import upgrade_schema
from app.db.tables import actors, events, memberships, participations, revisions
from app.db.types import NO_END_DAY
from app.events.event_pairs import fill_pairs
from app.events.month_counts import count_months_again
from app.events.role_days import fill_role_days
from app.sources.changes import write_datasets
from app.sources.schemas import Dataset

ACTORS = 200
DAYS = 3653
FIRST = date(2014, 1, 1)
AT = "2026-01-01T00:00:00Z"
GROUP = "alliance-of-31"
TERMS = {"version": "1", "licence": "CC0-1.0", "citation": "Generated"}
KINDS = [
    ("AGREE", "030", 4.0, 1),
    ("CONSULT", "040", 1.0, 1),
    ("COOPERATE", "060", 6.0, 2),
    ("AID", "070", 7.0, 2),
    ("ACCUSE", "110", -2.0, 3),
    ("REJECT", "120", -4.0, 3),
    ("THREATEN", "130", -6.0, 3),
    ("PROTEST", "140", -6.5, 4),
    ("ASSAULT", "180", -9.0, 4),
]
NAMES = [f"S{number:03d}" for number in range(ACTORS)]
"""Codes of the actors, those with the most events first."""
CHOSEN = [NAMES[i] for i in (0, 3, 4, 6, 9, *range(12, 38))]
"""The members of the alliance; a few joined on the way."""
Rows = dict[Table, list[tuple[Any, ...]]]
GeneratedEvent = tuple[Any, Any, list[Any]]
"""The revision, the row and the participations of an event."""
FIRST_SEQ = 2
DAY_TEXTS = [(FIRST + timedelta(days=n)).isoformat() for n in range(DAYS + 40)]
HUB, RIVAL, SELDOM = *NAMES[:2], 331
RARE_DATASET, RARE_COUNTRY, RARE_WORD = "rare", NAMES[-3], "zeppelin"
RARITIES = ("type", "cameo", "quad", "role", "dataset", "country", "between", "word", "target")
RARE_KINDS = {
    "type": ("CONCEDE", "030", 4.0, 1),
    "cameo": ("AGREE", "081", 4.0, 1),
    "quad": KINDS[-1],
}
"""Type, CAMEO code, intensity and quad class of what is rare in one of these."""


def fill_database(database: Database, count: int, seed: int = 1) -> None:
    """Migrate an empty database and write `count` events into it."""
    upgrade_schema(database)
    with database.write() as db:
        _write_reference_rows(db)
    _write_events(database, _generate_events(count, random.Random(seed)))


def fill_with_hub(database: Database, count: int) -> None:
    """Migrate an empty database and write `count` events of one actor, `HUB`, into it.

    One in `SELDOM` is rare in each of the ways of `RARITIES`.
    """
    upgrade_schema(database)
    with database.write() as db:
        _write_reference_rows(db)
        rare = {"code": RARE_DATASET, "name": "Rare", **TERMS}
        write_datasets(db, [Dataset.model_validate(rare)], Writer("bench", "generated"))
    _write_events(database, _generate_hub(count))
    with database.write() as db:
        words = [
            (number + FIRST_SEQ, RARE_WORD if _find_rarity(number) == "word" else "agree")
            for number in range(1, count + 1)
        ]
        bulk_index_words(db, words)


def _write_events(database: Database, made: Iterator[GeneratedEvent]) -> None:
    while part := list(islice(made, 50_000)):
        rows: Rows = {revisions: [], events: [], participations: []}
        for event in part:
            rows[revisions].append(event[0])
            rows[events].append(event[1])
            rows[participations] += event[2]
        _write_rows(database, rows)
    with database.engine.begin() as db:
        count_months_again(db)
        fill_role_days(db)
        after = 0
        while after := fill_pairs(db, after):
            pass
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.exec_driver_sql("ANALYZE")


def _write_reference_rows(db: Any) -> None:
    last = FIRST + timedelta(days=DAYS - 1)
    covered = {"first": FIRST.isoformat(), "last": last.isoformat()}
    made = Dataset.model_validate({"code": "gdelt", "name": "Generated", **TERMS, **covered})
    write_datasets(db, [made], Writer("bench", "generated"))
    codes = [(code, "state") for code in NAMES] + [(GROUP, "alliance")]
    db.execute(
        insert(actors),
        [{"code": code, "kind": kind, "name": f"The {code}", "seq": 1} for code, kind in codes],
    )
    joined = dict.fromkeys(CHOSEN, "1949-04-04") | {
        code: f"{2017 + i}-06-01" for i, code in enumerate(CHOSEN[-3:])
    }
    db.execute(
        insert(memberships),
        [
            {
                "id": f"{code}-{GROUP}",
                "actor": code,
                "group": GROUP,
                "role": "member",
                "since": since,
                "until": NO_END_DAY,
                "suspended": None,
                "seq": 1,
            }
            for code, since in joined.items()
        ],
    )


def _generate_events(count: int, dice: random.Random) -> Iterator[GeneratedEvent]:
    """Generate events by day."""
    weights = list(accumulate(1 / (rank + 1) for rank in range(ACTORS)))
    for number in range(count):
        start = end = DAY_TEXTS[at := number * DAYS // count]
        if dice.random() < 0.02:
            end = DAY_TEXTS[at + dice.randint(1, 30)]
        kind = KINDS[int(dice.random() * len(KINDS))]
        one, other = dice.choices(NAMES, cum_weights=weights, k=2)
        parts = [(one, "initiator")]
        if other != one:
            parts.append((other, "target"))
        lat, lon = round(dice.uniform(-60, 70), 4), round(dice.uniform(-180, 180), 4)
        yield _make_event(number, (start, end), kind, parts, (other, lat, lon))


def _generate_hub(count: int) -> Iterator[GeneratedEvent]:
    """Generate events of `HUB`, and half as many of `RIVAL`, by day."""
    for number in range(1, count + 1):  # the number before is that of a dataset's revision
        start = DAY_TEXTS[number * DAYS // (count + 1)]
        rarity = _find_rarity(number)
        kind = RARE_KINDS.get(rarity, KINDS[number * 3 % 7])  # none of quad class 4
        one = HUB if rarity or number % 3 else RIVAL
        other = RIVAL if rarity == "between" else NAMES[2 + number * 31 % 97]
        parts = [(one, "mediator" if rarity == "role" else "initiator"), (other, "target")]
        if rarity == "target":
            parts = [(other, "initiator"), (one, "target")]
        place = RARE_COUNTRY if rarity == "country" else HUB, 1.0, 2.0
        dataset = RARE_DATASET if rarity == "dataset" else "gdelt"
        yield _make_event(number, (start, start), kind, parts, place, dataset)


def _find_rarity(number: int) -> str:
    """In which of the ways of `RARITIES` an event is rare; empty for most."""
    at = number * 7 % SELDOM  # not on the same days for all
    return RARITIES[at] if at < len(RARITIES) else ""


def _make_event(
    number: int,
    days: tuple[str, str],
    kind: tuple[str, str, float, int],
    parts: list[tuple[str, str]],
    place: tuple[str, float, float],
    dataset: str = "gdelt",
) -> GeneratedEvent:
    (start, end), (named, cameo, intensity, quad), seq = days, kind, number + FIRST_SEQ
    ident = f"{dataset}:{410_000_000 + number}"
    country, lat, lon = place
    who = " and the ".join(actor for actor, _ in parts)
    document = {
        "id": ident,
        "dataset": dataset,
        "title": f"The {who}: {named.lower()}",
        "summary": None,
        "date": start if start == end else f"{start}/{end}",
        "start": start,
        "end": end,
        "precision": "day",
        "type": named,
        "mode": None,
        "cameo": cameo,
        "native": cameo,
        "intensity": intensity,
        "quad": quad,
        "quad_scheme": "gdelt",
        "status": "reported",
        "participants": [
            {"actor": a, "name": f"The {a}", "role": r, "native": a, "via": None} for a, r in parts
        ],
        "signals": [],
        "location": {"name": None, "country": country, "lat": lat, "lon": lon},
        "tags": [],
        "reports": [],
        "independent_sources": 0,
        "recorded_at": AT,
        "revision": 1,
    }
    body = json.dumps(document, separators=(",", ":"))
    row = (ident, seq, dataset, start, end, named, None, cameo, cameo, intensity, quad)
    of_part = (end, seq, dataset, named, intensity, quad, "reported", cameo)
    return (
        (seq, "event", ident, 1, "create", AT, "bench", None, body, False),
        (*row, "reported", *place, None, None, None, 0, AT),
        [(actor, start, ident, role, "", *of_part) for actor, role in parts],
    )


def _write_rows(database: Database, rows: Rows) -> None:
    with database.write() as db:
        documents = [(row[2], row[8].encode()) for row in rows[revisions]]
        frames = pack_documents(db, "event", documents, AT)
        rows[revisions] = [
            (*row, None) if frame is None else (*row[:8], "", row[9], frame)
            for row, frame in zip(rows[revisions], frames, strict=True)
        ]
        raw: Any = db.connection.driver_connection
        for table, lines in rows.items():
            names = ",".join(f'"{column.name}"' for column in table.columns)
            if isinstance(raw, sqlite3.Connection):
                marks = ",".join("?" * len(table.columns))
                raw.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", lines)
            else:
                with raw.cursor().copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
                    for line in lines:
                        copy.write_row(line)
