"""Generate GDELT-shaped events from a seed, and write them as finished rows into the tables."""

import json
import random
import sqlite3
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import accumulate, islice
from typing import Any

from sqlalchemy import Table, insert

from app.db.dictionaries import pack_documents
from app.db.engine import Database
from app.db.journal import Writer
from app.db.migrate import upgrade_schema
from app.db.tables import actors, events, memberships, participations, revisions
from app.db.types import NO_END_DAY
from app.events.month_counts import count_months_again
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


def fill_database(database: Database, count: int, seed: int = 1) -> None:
    """Migrate an empty database and write `count` events into it."""
    upgrade_schema(database)
    with database.write() as db:
        _write_reference_rows(db)
    made = _generate_events(count, random.Random(seed))
    while part := list(islice(made, 50_000)):
        rows: Rows = {revisions: [], events: [], participations: []}
        for event in part:
            rows[revisions].append(event[0])
            rows[events].append(event[1])
            rows[participations] += event[2]
        _write_rows(database, rows)
    with database.engine.begin() as db:
        count_months_again(db)
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
                "seq": 1,
            }
            for code, since in joined.items()
        ],
    )


def _generate_events(count: int, dice: random.Random) -> Iterator[tuple[Any, Any, list[Any]]]:
    """Generate the revision, the row and the participations of each event, by day."""
    weights = list(accumulate(1 / (rank + 1) for rank in range(ACTORS)))
    days = [(FIRST + timedelta(days=n)).isoformat() for n in range(DAYS + 40)]
    for number in range(count):
        seq, at = number + 2, number * DAYS // count
        start = end = days[at]
        if dice.random() < 0.02:
            end = days[at + dice.randint(1, 30)]
        kind, cameo, intensity, quad = KINDS[int(dice.random() * len(KINDS))]
        one, other = dice.choices(NAMES, cum_weights=weights, k=2)
        parts = [(one, "initiator")]
        if other != one:
            parts.append((other, "target"))
        lat, lon = round(dice.uniform(-60, 70), 4), round(dice.uniform(-180, 180), 4)
        ident = f"gdelt:{410_000_000 + number}"
        document = {
            "id": ident,
            "dataset": "gdelt",
            "title": f"The {one} and the {other}: {kind.lower()}",
            "summary": None,
            "date": start if start == end else f"{start}/{end}",
            "start": start,
            "end": end,
            "precision": "day",
            "type": kind,
            "mode": None,
            "cameo": cameo,
            "native": cameo,
            "intensity": intensity,
            "quad": quad,
            "quad_scheme": "gdelt",
            "status": "reported",
            "participants": [
                {"actor": a, "name": f"The {a}", "role": r, "native": a, "via": None}
                for a, r in parts
            ],
            "signals": [],
            "location": {"name": None, "country": other, "lat": lat, "lon": lon},
            "tags": [],
            "reports": [],
            "independent_sources": 0,
            "recorded_at": AT,
            "revision": 1,
        }
        body = json.dumps(document, separators=(",", ":"))
        row = (ident, seq, "gdelt", start, end, kind, None, cameo, cameo, intensity, quad)
        place = (other, lat, lon, None, None, None)
        yield (
            (seq, "event", ident, 1, "create", AT, "bench", None, body, False),
            (*row, "reported", *place, 0, AT),
            [
                (
                    a,
                    start,
                    ident,
                    r,
                    "",
                    end,
                    seq,
                    "gdelt",
                    kind,
                    intensity,
                    quad,
                    "reported",
                    cameo,
                )
                for a, r in parts
            ],
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
