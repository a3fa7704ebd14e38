"""Runs the reads: a page, one event, a timeline, counts by a field."""

import json
from datetime import date
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Row, Select, func, select

from app.db.journal import survivor_of
from app.db.keyset import Key, pack
from app.db.tables import actors, datasets
from app.db.worlds import across
from app.edtf import last_day
from app.events import queries
from app.events.filter import EventFilter, EventQuery, Sort
from app.events.statement import matching
from app.http.page import Meta, Reason, resumed
from app.http.problems import MissingError, MovedError


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
    spans = coverage(db, settled)
    first, last = min((s[0] for s in spans), default=None), max((s[1] for s in spans), default=None)
    since, until = settled.days
    if since is not None and last is not None and since > last:
        return "not_yet_covered"
    if until is not None and first is not None and until < first:
        return "outside_coverage"
    return "no_match"


def coverage(db: Connection, settled: EventFilter) -> list[tuple[str, str]]:
    """First and last day of each dataset that a filter may look at."""

    def build(d: Any) -> Select[Any]:
        rows = select(d.first, d.last).where(d.first.is_not(None), d.last.is_not(None))
        return rows.where(d.code.in_(settled.dataset)) if settled.dataset else rows

    as_of = None if settled.as_of is None else int(settled.as_of)
    return [(r.first, r.last) for r in db.execute(across(as_of, datasets, build))]
