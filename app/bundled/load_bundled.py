"""This module loads the bundled data: actors, memberships, sources and curated events."""

import csv
import hashlib
from collections import defaultdict
from importlib.resources import files
from itertools import groupby
from typing import Any, TypeVar

from msgspec.structs import replace
from pydantic import BaseModel
from sqlalchemy import Connection, func, select

from app.actors.changes import write_actors, write_memberships
from app.actors.schemas import Actor, Membership
from app.db.dialect import build_upsert
from app.db.engine import Database
from app.db.journal import Writer
from app.db.tables import events, house, revisions
from app.events.changes import write_events
from app.events.record import decode_event_record
from app.events.render import decode_event_document
from app.events.to_input import input_from_document
from app.sources.changes import write_datasets, write_sources
from app.sources.schemas import Dataset, Source

BUNDLED_WRITER = Writer("entente", "bundled data")
UNBUNDLED_WRITER = Writer("entente", "no longer bundled")
_ModelT = TypeVar("_ModelT", bound=BaseModel)
BUNDLED_FOLDER = files("app") / "bundled"
BUNDLED_FILES = (
    "states.csv",
    "state_codes.csv",
    "organizations.csv",
    "organization_codes.csv",
    "persons_and_bodies.csv",
    "memberships.csv",
    "membership_sources.csv",
    "event_sources.csv",
    "events.ndjson",
)
CURATED_DATASET = Dataset(
    code="curated",
    name="Entente's curated events",
    version="1",
    licence="CC BY 4.0",
    citation="Entente, curated events",
    first="2018-01-01",
    last="2025-08-31",
)


def load_bundled_data(database: Database) -> bool:
    """Load the bundled data; returns False if the database has this version of it already.

    Only documents that differ are written; documents that others have edited are not changed.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name in BUNDLED_FILES:
        digest.update((BUNDLED_FOLDER / name).read_bytes())
    with database.write() as db:
        stored_digest = db.scalar(select(house.c.value).where(house.c.name == "bundled"))
        if stored_digest == digest.hexdigest():
            return False
        write_actors(
            db,
            _select_changed(db, "actor", {a.code: a for a in build_bundled_actors()}),
            BUNDLED_WRITER,
        )
        write_datasets(
            db,
            _select_changed(db, "dataset", {CURATED_DATASET.code: CURATED_DATASET}),
            BUNDLED_WRITER,
        )
        write_sources(
            db,
            _select_changed(db, "source", {s.id: s for s in build_bundled_sources()}),
            BUNDLED_WRITER,
        )
        write_memberships(
            db,
            _select_changed(db, "membership", {m.id: m for m in build_bundled_memberships()}),
            BUNDLED_WRITER,
        )
        _write_bundled_events(db)
        row = {"name": "bundled", "value": digest.hexdigest()}
        db.execute(build_upsert(db, house), row)
    return True


def _select_changed(db: Connection, kind: str, bundled: dict[str, _ModelT]) -> list[_ModelT]:
    """Select the documents that are new, or that differ and were last written by this loader."""
    r = revisions.c
    last = select(r.id, func.max(r.revision).label("n")).where(r.kind == kind).group_by(r.id)
    newest = last.subquery().c
    same = (newest.id == r.id) & (newest.n == r.revision)
    rows = db.execute(
        select(r.id, r.by, r.document).join(newest.id.table, same).where(r.kind == kind)
    )
    for row in rows:
        mine = bundled.get(row.id)
        if mine is not None and (
            row.by != BUNDLED_WRITER.name or mine.model_dump_json() == row.document
        ):
            del bundled[row.id]
    return list(bundled.values())


def _write_bundled_events(db: Connection) -> None:
    """Write the bundled events, and retract those that are no longer bundled."""
    lines = (BUNDLED_FOLDER / "events.ndjson").read_text("utf-8").splitlines()
    bundled = [decode_event_record(line.encode()) for line in lines if line.strip()]
    r, e = revisions.c, events.c
    rows = db.execute(
        select(e.id, r.by, r.document)
        .join(events, e.seq == r.seq)
        .where(e.dataset == CURATED_DATASET.code)
    ).all()
    kept = {row.id for row in rows if row.by != BUNDLED_WRITER.name}
    named = {f"{CURATED_DATASET.code}:{g.key}" for g in bundled}
    wanted = [g for g in bundled if f"{CURATED_DATASET.code}:{g.key}" not in kept]
    write_events(db, wanted, CURATED_DATASET.code, BUNDLED_WRITER, unless_same=True)
    gone = [row for row in rows if row.by == BUNDLED_WRITER.name and row.id not in named]
    retracted = [
        replace(input_from_document(decode_event_document(row.document), {}), status="retracted")
        for row in gone
    ]
    write_events(db, retracted, CURATED_DATASET.code, UNBUNDLED_WRITER, unless_same=True)


def read_bundled_table(name: str) -> list[dict[str, Any]]:
    """Read a bundled table; empty cells are None."""
    text = (BUNDLED_FOLDER / name).read_text("utf-8")
    return [{k: v or None for k, v in r.items()} for r in csv.DictReader(text.splitlines())]


def _split_list(cell: str | None) -> list[str]:
    return cell.split("|") if cell else []


def build_bundled_actors() -> list[Actor]:
    """Build the actors: states with their codes, groups, persons and bodies."""
    codes: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for r in (
        *read_bundled_table("state_codes.csv"),
        *read_bundled_table("organization_codes.csv"),
    ):
        part = {k: r[k] for k in ("scheme", "value", "since", "until")}
        codes[r["actor"]].append(part)
    found: dict[str, Actor] = {}
    for name, kind in (
        ("states.csv", "state"),
        ("organizations.csv", None),
        ("persons_and_bodies.csv", None),
    ):
        for r in read_bundled_table(name):
            life = (r["since"], r["until"]) if name != "persons_and_bodies.csv" else (None, None)
            found.setdefault(
                r["code"],
                Actor.model_validate(
                    {
                        "code": r["code"],
                        "kind": kind or r["kind"],
                        "name": r["name"],
                        "aliases": _split_list(r["aliases"]),
                        "codes": codes[r["code"]],
                        "since": life[0],
                        "until": life[1],
                        "obligations": _split_list(r.get("obligations")),
                        "summary": r.get("summary"),
                    }
                ),
            )
    return list(found.values())


def build_bundled_memberships() -> list[Membership]:
    """Build the memberships with their steps, also those of persons and bodies in their states."""

    def get_membership_key(r: dict[str, Any]) -> tuple[str, ...]:
        return r["actor"], r["group"], r["role"], r["spell"]

    found = []
    for (actor, group, role, spell), steps in groupby(
        sorted(read_bundled_table("memberships.csv"), key=get_membership_key), get_membership_key
    ):
        ladder = [
            {
                "step": r["step"],
                "date": r["date"],
                "event": r["event"] and f"{CURATED_DATASET.code}:{r['event']}",
                "sources": _split_list(r["sources"]),
                "note": r.get("note"),
            }
            for r in sorted(steps, key=lambda r: str(r["date"]))
        ]
        found.append(
            Membership.model_validate(
                {"actor": actor, "group": group, "role": role, "steps": ladder}
                | {"spell": int(spell)}
            )
        )
    spells: dict[tuple[str, str, str], int] = defaultdict(int)
    for r in read_bundled_table("persons_and_bodies.csv"):
        if r["belongs_to"] is None:
            continue
        who = (r["code"], r["belongs_to"], r["role"] or r["kind"])
        spells[who] += 1
        said = _split_list(r["sources"])
        begun = r["since"] or "1945-01-01"
        ladder = [{"step": "in-force", "date": begun, "sources": said}]
        if r["until"]:
            ladder.append({"step": "withdrawn", "date": r["until"], "sources": said})
        found.append(
            Membership.model_validate(
                dict(zip(("actor", "group", "role"), who, strict=True))
                | {"spell": spells[who], "steps": ladder}
            )
        )
    return found


def build_bundled_sources() -> list[Source]:
    """Build the bundled sources, each once."""
    found: dict[str, Source] = {}
    for name in ("event_sources.csv", "membership_sources.csv"):
        for r in read_bundled_table(name):
            found.setdefault(r["id"], Source.model_validate(r))
    return list(found.values())
