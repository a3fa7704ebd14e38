"""Reads of events: a page of a list, one event, the number of matches, and coverage."""

import json
from datetime import date
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Row, Select, func, select

from app.db.journal import survivor_of
from app.db.keyset import Key, pack
from app.db.tables import actors, datasets
from app.db.worlds import Columns, across
from app.edtf import last_day
from app.events import queries
from app.events.filter import EventFilter, EventQuery, Sort
from app.events.statement import matching
from app.http.page import Meta, Reason, resumed
from app.http.problems import MissingError, MovedError


def fingerprint(asked: EventQuery) -> str:
    """The text that a cursor is bound to: the filter and the order, not the page size."""
    apart = {"cursor", "limit", "count", "fields", "format", "bom", "as_of"}
    return asked.model_dump_json(exclude=apart)


def read_page(db: Connection, asked: EventQuery, secret: bytes) -> tuple[list[str], str | None]:
    """Read the documents of a page, and the cursor of the next page (None at the end)."""
    bound = fingerprint(asked)
    resolved = queries.settle(db, asked)
    after = resumed(asked.cursor, bound, secret)
    query = queries.asking(db, resolved, asked.sort, after, asked.limit + 1)
    rows = queries.page_statement(query.reading).run(db, query.values).all()
    more = len(rows) > asked.limit
    rows = rows[: asked.limit]
    cursor = pack(Key(rows[-1].value, rows[-1].id), bound, secret) if more else None
    return [trimmed(row.document, asked) for row in rows], cursor


def one(db: Connection, ident: str, as_of: int | None = None) -> Row[Any]:
    """Read (seq, document) of an event.

    Raises `NotFoundError`, or `MovedError` where the event was merged into another.
    """
    readable = "\x00" not in ident and ident.isprintable()
    row = db.execute(queries.one(ident, as_of)).one_or_none() if readable else None
    if row is None:
        into = survivor_of(db, "event", ident, as_of) if readable else None
        if into is not None:
            raise MovedError(f"/v1/events/{quote(into)}")
        raise MissingError("No event has that id. Search for events with /v1/events?q=.")
    return row


def kinds(db: Connection, document: str) -> dict[str, str]:
    """Read the kind of each actor that a document names, by code."""
    codes = {p["actor"] for p in json.loads(document)["participants"] if p["actor"]}
    rows = db.execute(select(actors.c.code, actors.c.kind).where(actors.c.code.in_(codes)))
    return {row.code: row.kind for row in rows}


def trimmed(document: str, asked: EventQuery) -> str:
    """Trim a document to the requested fields, and to reports published by `known_by`."""
    if not asked.fields and asked.known_by is None:
        return document
    body: dict[str, Any] = json.loads(document)
    if asked.known_day is not None:
        body = as_known(body, asked.known_day)
    if asked.fields:
        wanted = set(asked.fields)
        body = {key: value for key, value in body.items() if key in wanted or key == "id"}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def as_known(document: dict[str, Any], day: str) -> dict[str, Any]:
    """Drop the reports published after a day, and count the publishers of the others."""
    published_reports = [r for r in document["reports"] if published(r) and published(r) <= day]
    publishers = {r["publisher"].casefold() for r in published_reports if r["stance"] != "disputes"}
    return document | {"reports": published_reports, "independent_sources": len(publishers)}


def published(report: dict[str, Any]) -> str:
    """The last day that a report's date of publication can mean; empty where it has none."""
    return last_day(report["published"]) or ""


def meta(db: Connection, asked: EventQuery, version: int, empty: bool) -> Meta:
    """Read the `meta` of a page: its version, a count if requested, and why it is empty."""
    known = Meta(version=version)
    if not empty and asked.count == "none":
        return known
    resolved = queries.settle(db, asked)
    if empty:
        known.reason = why_empty(db, resolved)
    if asked.count != "none":
        guess = estimated(db, resolved) if asked.count == "estimate" else None
        known.count = guess or _counted(db, resolved)
        known.count_is = "estimate" if guess else "exact"
    return known


def _counted(db: Connection, resolved: EventFilter) -> int:
    query = queries.asking(db, resolved)
    return int(db.scalar(queries.counted(query.reading), query.values) or 0)


SAMPLE = 2_000
"""The number of newest events that an estimate reads."""


def estimated(db: Connection, resolved: EventFilter) -> int | None:
    """Estimate how many events match, to two significant digits.

    Assumes that earlier events are as dense in time as the newest `SAMPLE_SIZE`. Returns None where
    fewer match, since those are counted exactly.
    """

    def ends(sort: Sort, most: int) -> tuple[int, str, str]:
        found = queries.asking(db, resolved, sort, None, most)
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


def why_empty(db: Connection, resolved: EventFilter) -> Reason:
    """Find why no event matched: the window may lie outside the coverage of the datasets."""
    spans = coverage(db, resolved)
    first, last = min((s[0] for s in spans), default=None), max((s[1] for s in spans), default=None)
    since, until = resolved.days
    if since is not None and last is not None and since > last:
        return "not_yet_covered"
    if until is not None and first is not None and until < first:
        return "outside_coverage"
    return "no_match"


def coverage(db: Connection, resolved: EventFilter) -> list[tuple[str, str]]:
    """Read the first and last day that each dataset of a filter covers."""

    def build(d: Columns) -> Select[Any]:
        rows = select(d.first, d.last).where(d.first.is_not(None), d.last.is_not(None))
        return rows.where(d.code.in_(resolved.dataset)) if resolved.dataset else rows

    as_of = None if resolved.as_of is None else int(resolved.as_of)
    return [(r.first, r.last) for r in db.execute(across(as_of, datasets, build))]
