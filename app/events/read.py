"""Runs the reads: a page, one event, a timeline, counts by a field."""

import json
from datetime import date
from typing import Any, Literal
from urllib.parse import quote

from sqlalchemy import Connection, Row, Select, case, func, select

from app.db.journal import survivor_of
from app.db.keyset import Key, pack
from app.db.tables import actors, datasets
from app.db.types import NEVER
from app.db.worlds import across
from app.edtf import last_day
from app.events import queries
from app.events.buckets import Size, fitting, spread
from app.events.filter import EventFilter, EventQuery, Sort
from app.events.statement import matching
from app.http.page import Meta, Reason, resumed
from app.http.problems import MissingError, MovedError

Face = Literal["type", "actor", "country", "dataset", "quad", "status", "role", "mode"]


def fingerprint(asked: EventQuery) -> str:
    """What a cursor is bound to: the filter and the order, not the page's size or version."""
    apart = {"cursor", "limit", "count", "fields", "format", "bom", "as_of"}
    return asked.model_dump_json(exclude=apart)


def read_page(db: Connection, asked: EventQuery, secret: bytes) -> tuple[list[str], str | None]:
    """The documents of a page, and the cursor of the next."""
    bound = fingerprint(asked)
    settled = queries.settle(db, asked)
    after = resumed(asked.cursor, bound, secret)
    found = queries.asking(db, settled, asked.sort, after, asked.limit + 1)
    rows = queries.page_statement(found.reading).run(db, found.values).all()
    more = len(rows) > asked.limit
    rows = rows[: asked.limit]
    cursor = pack(Key(rows[-1].value, rows[-1].id), bound, secret) if more else None
    return [trimmed(row.document, asked) for row in rows], cursor


def one(db: Connection, ident: str, as_of: int | None = None) -> Row[Any]:
    """(seq, document) of an event; `MissingError`, or `MovedError` where it was merged."""
    readable = "\x00" not in ident and ident.isprintable()
    row = db.execute(queries.one(ident, as_of)).one_or_none() if readable else None
    if row is None:
        into = survivor_of(db, "event", ident, as_of) if readable else None
        if into is not None:
            raise MovedError(f"/v1/events/{quote(into)}")
        raise MissingError("No event has that id; /v1/events?q= finds events by words.")
    return row


def kinds(db: Connection, document: str) -> dict[str, str]:
    """The kind of each actor that a document names."""
    codes = {p["actor"] for p in json.loads(document)["participants"] if p["actor"]}
    rows = db.execute(select(actors.c.code, actors.c.kind).where(actors.c.code.in_(codes)))
    return {row.code: row.kind for row in rows}


def trimmed(document: str, asked: EventQuery) -> str:
    """A document with only the fields asked for and the reports that were out."""
    if not asked.fields and asked.known_by is None:
        return document
    held: dict[str, Any] = json.loads(document)
    if asked.known_day is not None:
        held = as_known(held, asked.known_day)
    if asked.fields:
        wanted = set(asked.fields)
        held = {key: value for key, value in held.items() if key in wanted or key == "id"}
    return json.dumps(held, ensure_ascii=False, separators=(",", ":"))


def as_known(document: dict[str, Any], day: str) -> dict[str, Any]:
    """A document with the reports published on or before a day, and its counts from those."""
    out = [r for r in document["reports"] if published(r) and published(r) <= day]
    witnesses = {r["publisher"].casefold() for r in out if r["stance"] != "disputes"}
    return document | {"reports": out, "independent_sources": len(witnesses)}


def published(report: dict[str, Any]) -> str:
    """The last day that a report's date can mean; empty where it has none."""
    return last_day(report["published"]) or ""


def meta(db: Connection, asked: EventQuery, version: int, empty: bool) -> Meta:
    """What the page is of, with a count where asked and a reason where it is empty."""
    known = Meta(version=version)
    if not empty and asked.count == "none":
        return known
    settled = queries.settle(db, asked)
    if empty:
        known.reason = why_empty(db, settled)
    if asked.count != "none":
        guess = estimated(db, settled) if asked.count == "estimate" else None
        known.count = guess or _counted(db, settled)
        known.count_is = "estimate" if guess else "exact"
    return known


def _counted(db: Connection, settled: EventFilter) -> int:
    found = queries.asking(db, settled)
    return int(db.scalar(queries.counted(found.reading), found.values) or 0)


SAMPLE = 2_000
"""An estimate reads so many of the newest events, and takes the rest to be as dense in time."""


def estimated(db: Connection, settled: EventFilter) -> int | None:
    """About how many events match, to two digits; None where so few do that they are counted."""

    def ends(sort: Sort, most: int) -> tuple[int, str, str]:
        found = queries.asking(db, settled, sort, None, most)
        hit = matching(found.reading).subquery().c
        row = db.execute(
            select(func.count(hit.id), func.min(hit.value), func.max(hit.value)), found.values
        ).one()
        return row[0], row[1], row[2]

    count, oldest, newest = ends("-date", SAMPLE)
    if count < SAMPLE:
        return None
    first = ends("date", 1)[1]
    last, then, begun = (date.fromisoformat(day).toordinal() for day in (newest, oldest, first))
    total = SAMPLE * (last - begun + 1) / (last - then + 1)
    return int(float(f"{total:.1e}"))


def why_empty(db: Connection, settled: EventFilter) -> Reason:
    """Whether nothing matched, or the days lie outside what the datasets cover."""
    spans = _coverage(db, settled)
    first, last = min((s[0] for s in spans), default=None), max((s[1] for s in spans), default=None)
    since, until = settled.days
    if since is not None and last is not None and since > last:
        return "not_yet_covered"
    if until is not None and first is not None and until < first:
        return "outside_coverage"
    return "no_match"


def timeline(
    db: Connection, asked: EventFilter, size: Size | Literal["auto"], top: int
) -> list[dict[str, Any]]:
    """Buckets without holes, oldest first; an event counts once."""
    settled = queries.settle(db, asked)
    since, until = settled.days
    asking = queries.asking(db, settled)
    hit = matching(asking.reading).order_by(None).subquery()
    rows_of, e = queries.joined(hit, settled.as_of is not None)
    first = hit.c.value if since is None else case((hit.c.value < since, since), else_=hit.c.value)
    rows = db.execute(
        select(first.label("day"), hit.c.id, e("intensity"), e("quad"), hit.c.seq)
        .select_from(rows_of)
        .order_by(first, hit.c.id),
        asking.values,
    ).all()
    if size == "auto":
        first_day = since or (rows[0].day if rows else until or NEVER)
        size = fitting(first_day, until or (rows[-1].day if rows else first_day))
    held = spread([(r[0], r[1], r[2], r[3]) for r in rows], since, until, size, top)
    wanted = {key for bucket in held for key in bucket["top"]}
    titles = _titles(db, [r.seq for r in rows if r.id in wanted])
    spans = _coverage(db, settled)
    for bucket in held:
        bucket["top"] = [titles[key] for key in bucket["top"]]
        bucket["covered"] = any(a <= bucket["end"] and bucket["start"] <= b for a, b in spans)
    return held


def _titles(db: Connection, seqs: list[int]) -> dict[str, dict[str, Any]]:
    found = {}
    for at in range(0, len(seqs), 500):
        for key, document in db.execute(queries.of_revisions(seqs[at : at + 500])):
            held = json.loads(document)
            found[key] = {k: held[k] for k in ("id", "title", "date", "type", "intensity")}
    return found


def _coverage(db: Connection, settled: EventFilter) -> list[tuple[str, str]]:
    def build(d: Any) -> Select[Any]:
        rows = select(d.first, d.last).where(d.first.is_not(None), d.last.is_not(None))
        return rows.where(d.code.in_(settled.dataset)) if settled.dataset else rows

    as_of = None if settled.as_of is None else int(settled.as_of)
    return [(r.first, r.last) for r in db.execute(across(as_of, datasets, build))]


def facets(db: Connection, asked: EventFilter, by: list[Face]) -> dict[str, list[dict[str, Any]]]:
    """Counts of the matching events by each field asked for, most first."""
    settled = queries.settle(db, asked)
    asking = queries.asking(db, settled)
    hit = matching(asking.reading).order_by(None).subquery()
    as_of = settled.as_of is not None
    found: dict[str, list[dict[str, Any]]] = {}
    for face in by:
        value: Any
        if face in ("actor", "role"):
            parts = queries.participating(hit, as_of, face).c
            value, counted = parts.value, func.count(func.distinct(parts.event))
            rows = select(value, counted)
        else:
            rows_of, column = queries.joined(hit, as_of)
            value, counted = column(face), func.count()
            rows = select(value, counted).select_from(rows_of)
        rows = rows.group_by(value).order_by(counted.desc(), value.is_(None), value.asc())
        found[face] = [{"value": v, "count": n} for v, n in db.execute(rows, asking.values)]
    return found
