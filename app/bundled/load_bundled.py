"""Loads the bundled data: actors, memberships, sources, and the events of five datasets."""

import hashlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import TypeVar

from msgspec.structs import replace
from pydantic import BaseModel
from sqlalchemy import Connection, func, select

from app.actors.changes import write_actors, write_memberships
from app.actors.schemas import Actor, Membership
from app.bundled import step_events, tables, votes
from app.bundled.corrections import (
    Correction,
    Kind,
    build_versions,
    join_reasons,
    select_pending,
)
from app.bundled.datasets import build_bundled_datasets
from app.bundled.tables import (
    BUNDLED_FILES,
    SOURCE_FILES,
    TableRow,
    read_bundled_lines,
    read_bundled_table,
    split_list,
)
from app.db.dialect import build_upsert
from app.db.dialect.stored_document import document_of
from app.db.engine import Database
from app.db.journal import Writer
from app.db.tables import events, house, revisions
from app.events.changes import write_events
from app.events.record import EventRecord, decode_event_record
from app.events.render import decode_event_document
from app.events.to_input import input_from_document
from app.sources.changes import write_datasets, write_sources
from app.sources.schemas import Dataset, Source

BUNDLED_WRITER = Writer("entente", "bundled data")
UNBUNDLED_WRITER = Writer("entente", "no longer bundled")
_ModelT = TypeVar("_ModelT", bound=BaseModel)
ACTOR_FILES = (
    ("states.csv", "state"),
    ("territories.csv", "territory"),
    ("organizations.csv", None),
    ("persons_and_bodies.csv", None),
)
"""Tables of actors, and the kind of those in it where they have no column of it."""
CODE_FILES = (
    "state_codes.csv",
    "territory_codes.csv",
    "organization_codes.csv",
    "person_codes.csv",
)
EVENT_FILES = {
    "curated": "events.ndjson",
    "realignments": "realignments.ndjson",
    "antecedents": "antecedents.ndjson",
}


@dataclass(frozen=True, slots=True)
class BundledRecord:
    """All that is bundled, as documents; events by dataset."""

    actors: list[Actor]
    datasets: list[Dataset]
    sources: list[Source]
    memberships: list[Membership]
    events: dict[str, list[EventRecord]]


def build_bundled_record() -> BundledRecord:
    """Build every bundled document from the bundled files."""
    sources = build_bundled_sources()
    by_id = {source.id: source for source in sources}
    actors = build_bundled_actors()
    events = {
        dataset: [decode_event_record(line.encode()) for line in read_bundled_lines(name)]
        for dataset, name in EVENT_FILES.items()
    }
    memberships, events[step_events.DATASET] = step_events.add_step_events(
        build_bundled_memberships(), {actor.code: actor for actor in actors}, by_id
    )
    events[votes.DATASET] = votes.build_resolution_events(
        {source.id: source.reliability for source in sources}
    )
    datasets = build_bundled_datasets()
    return BundledRecord(actors, datasets, sources, memberships, events)


def load_bundled_data(database: Database) -> bool:
    """Load the bundled data; returns False if the database has this version of it already.

    Only documents that differ are written; documents that others have edited are not changed.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name in BUNDLED_FILES:
        digest.update((tables.BUNDLED_FOLDER / name).read_bytes())
    with database.write() as db:
        stored_digest = db.scalar(select(house.c.value).where(house.c.name == "bundled"))
        if stored_digest == digest.hexdigest():
            return False
        record = build_bundled_record()
        _write_changed(db, "actor", {a.code: a for a in record.actors}, write_actors)
        _write_changed(db, "dataset", {d.code: d for d in record.datasets}, write_datasets)
        _write_changed(db, "source", {s.id: s for s in record.sources}, write_sources)
        _write_changed(db, "membership", {m.id: m for m in record.memberships}, write_memberships)
        pending = select_pending(db, "event", BUNDLED_WRITER.name)
        for dataset, events_of_dataset in record.events.items():
            _write_bundled_events(db, dataset, events_of_dataset, pending)
        row = {"name": "bundled", "value": digest.hexdigest()}
        db.execute(build_upsert(db, house), row)
    return True


def _write_changed(
    db: Connection,
    kind: Kind,
    bundled: dict[str, _ModelT],
    write: Callable[[Connection, list[_ModelT], Writer], None],
) -> None:
    """Write the documents that are new, differ or have a correction that is not recorded.

    A document whose last writer is another one is left as it is.
    """
    r = revisions.c
    last = select(r.id, func.max(r.revision).label("n")).where(r.kind == kind).group_by(r.id)
    newest = last.subquery().c
    same = (newest.id == r.id) & (newest.n == r.revision)
    rows = db.execute(
        select(r.id, r.by, document_of(revisions)).join(newest.id.table, same).where(r.kind == kind)
    )
    stored = {row.id: row for row in rows}
    pending = select_pending(db, kind, BUNDLED_WRITER.name)
    unchanged = {
        row.id
        for row in stored.values()
        if row.id in bundled
        and (
            row.by != BUNDLED_WRITER.name
            or (row.id not in pending and bundled[row.id].model_dump_json() == row.document)
        )
    }
    by_reason: dict[str | None, list[_ModelT]] = defaultdict(list)
    for ident, document in bundled.items():
        if ident not in unchanged:
            reason = BUNDLED_WRITER.reason
            if ident in pending:
                reason = join_reasons(pending[ident], ident in stored)
            by_reason[reason].append(document)
    for reason, documents in by_reason.items():
        write(db, documents, Writer(BUNDLED_WRITER.name, reason))


def _write_bundled_events(
    db: Connection,
    dataset: str,
    bundled: list[EventRecord],
    pending: dict[str, list[Correction]],
) -> None:
    """Write the bundled events of a dataset, and retract those that are no longer bundled.

    Corrections that are not recorded yet become revisions with their reasons, on top of the event
    as it was before them.
    """
    r, e = revisions.c, events.c
    rows = db.execute(
        select(e.id, r.by, document_of(revisions))
        .join(events, e.seq == r.seq)
        .where(e.dataset == dataset)
    ).all()
    stored = {row.id for row in rows}
    edited = {row.id for row in rows if row.by != BUNDLED_WRITER.name}
    ids = {f"{dataset}:{event.key}" for event in bundled}
    histories = []
    for event in bundled:
        ident = f"{dataset}:{event.key}"
        if ident in edited:
            continue
        histories.append(build_versions(event, pending.get(ident, []), ident in stored))
    for n, versions in enumerate(zip_longest(*histories)):
        now = {f"{dataset}:{v.event.key}": v for v in versions if v is not None}
        reasons = {
            ident: join_reasons(version.corrections, n > 0 or ident in stored)
            for ident, version in now.items()
            if version.corrections
        }
        records = [version.event for version in now.values()]
        write_events(db, records, dataset, BUNDLED_WRITER, unless_same=True, reasons=reasons)
    gone = [row for row in rows if row.by == BUNDLED_WRITER.name and row.id not in ids]
    retracted = [
        replace(input_from_document(decode_event_document(row.document), {}), status="retracted")
        for row in gone
    ]
    why = {row.id: join_reasons(pending[row.id], stored=True) for row in gone if row.id in pending}
    write_events(db, retracted, dataset, UNBUNDLED_WRITER, unless_same=True, reasons=why)


def build_bundled_actors() -> list[Actor]:
    """Build the actors: states and territories with their codes, groups, persons and bodies."""
    codes: dict[str | None, list[TableRow]] = defaultdict(list)
    for name in CODE_FILES:
        for row in read_bundled_table(name):
            part = {k: row[k] for k in ("scheme", "value", "since", "until")}
            codes[row["actor"]].append(part)
    obligations: dict[str | None, list[dict[str, object]]] = defaultdict(list)
    for row in read_bundled_table("obligations.csv"):
        part = {k: row[k] for k in ("obligation", "since", "until", "note")}
        obligations[row["group"]].append({**part, "sources": split_list(row["sources"])})
    found: dict[str | None, Actor] = {}
    for name, kind in ACTOR_FILES:
        for row in read_bundled_table(name):
            periods = obligations[row["code"]] if name == "organizations.csv" else []
            has_life = name != "persons_and_bodies.csv"
            found.setdefault(
                row["code"],
                Actor.model_validate(
                    {
                        "code": row["code"],
                        "kind": kind or row["kind"],
                        "name": row["name"],
                        "aliases": split_list(row["aliases"]),
                        "codes": codes[row["code"]],
                        "since": row["since"] if has_life else None,
                        "until": row["until"] if has_life else None,
                        "successors": split_list(row.get("successors")),
                        "obligations": list(dict.fromkeys(p["obligation"] for p in periods)),
                        "obligation_periods": periods,
                        "members_recorded": row.get("members_recorded"),
                        "summary": row.get("summary"),
                    }
                ),
            )
    names = {code: actor.name for code, actor in found.items()}
    for row in read_bundled_table("territories.csv"):
        if row["part_of"] is None:
            continue
        territory = found[row["code"]]
        summary = f"Territory of {names[row['part_of']]}; an actor of its own in the record."
        found[row["code"]] = territory.model_copy(update={"summary": summary})
    return list(found.values())


def build_bundled_memberships() -> list[Membership]:
    """Build the memberships with their steps, also those of persons and bodies in their states."""

    def get_membership_key(r: TableRow) -> tuple[str, ...]:
        return tuple(str(r[name]) for name in ("actor", "group", "role", "spell"))

    found = []
    for (actor, group, role, spell), steps in groupby(
        sorted(read_bundled_table("memberships.csv"), key=get_membership_key), get_membership_key
    ):
        ladder = [
            {
                "step": r["step"],
                "date": r["date"],
                "event": _name_event(r["event"]),
                "sources": split_list(r["sources"]),
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
        who = (str(r["code"]), str(r["belongs_to"]), r["role"] or str(r["kind"]))
        spells[who] += 1
        said = split_list(r["sources"])
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


def _name_event(key: str | None) -> str | None:
    """The id of an event in the table of steps; a bare key is one of `curated`."""
    return key if key is None or ":" in key else f"curated:{key}"


def build_bundled_sources() -> list[Source]:
    """Build the bundled sources, each once."""
    found: dict[str, Source] = {}
    for name in SOURCE_FILES:
        for r in read_bundled_table(name):
            found.setdefault(str(r["id"]), Source.model_validate(r))
    return list(found.values())
