"""Reads of events: a page of a list, one event, the number of matches, and coverage."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, func, select

from app.actors.membership_queries import find_partly_recorded
from app.db.journal import find_survivor
from app.db.keyset import PageKey, decode_page_cursor, encode_cursor
from app.db.lineage_table import read_version
from app.db.reader import note_closed_datasets, require_open_event
from app.db.tables import actors, datasets
from app.edtf import parse_last_day
from app.errors import MovedError, NotFoundError
from app.events import queries
from app.events.acted_for import describe_acted_for_in_filter
from app.events.counts import count_matching_events
from app.events.coverage import find_empty_reason
from app.events.event_document import ReportDocument
from app.events.filter import CountMode, EventQuery, Sort
from app.events.joined_page import fetch_joined_page
from app.events.resolved_filter import ResolvedFilter
from app.events.signals import DEFAULT_SCALE, DerivationMode, choose_derivation_mode
from app.events.statement import WALKED_FIELDS, select_matching
from app.events.word_index import list_unsearched_datasets
from app.lineages import Version
from app.page_models import Meta
from app.text import quote_id

_APART = {"cursor", "limit", "count", "fields", "format", "bom", "as_of", "lineage"}


def has_one_plan(asked: EventQuery) -> bool:
    """Guess whether a page has one plan (`StatementKey`), before a transaction begins.

    Where it is guessed wrongly, the statement is planned for its values, or says so by itself.
    """
    fields = asked.model_fields_set
    walked = fields - _APART <= WALKED_FIELDS and len(asked.actor) == 1
    return walked and "as_of" not in fields


def query_fingerprint(asked: EventQuery) -> str:
    """The text that a cursor is bound to: the filter and the order, not the page size."""
    return asked.model_dump_json(exclude=_APART)


def read_event_page(
    db: Connection, asked: EventQuery, resolved: ResolvedFilter, secret: bytes, version: Version
) -> tuple[list[str], str | None]:
    """Read the documents of a page, and the cursor of the next page (None at the end).

    `resolved` is the filter of `asked`, resolved, at a version.
    """
    bound = query_fingerprint(asked)
    after = decode_page_cursor(asked.cursor, bound, secret, version)
    query = queries.bind_query(db, resolved, asked.sort, after, asked.limit + 1)
    rows = queries.fetch_page_rows(db, query)
    more = len(rows) > asked.limit
    rows = rows[: asked.limit]
    cursor = encode_cursor(PageKey(*rows[-1][:2]), bound, secret, version) if more else None
    documents = [document for _, _, document in rows]
    if asked.fields or resolved.known_by is not None:
        documents = [trim_document(d, asked.fields, resolved.known_by) for d in documents]
    return documents, cursor


def read_event_body(
    db: Connection, asked: EventQuery, resolved: ResolvedFilter, secret: bytes, version: Version
) -> tuple[bytes, str | None]:
    """Read a page as `read_event_page` does, its documents joined by commas."""
    if asked.fields or resolved.known_by is not None:
        documents, cursor = read_event_page(db, asked, resolved, secret, version)
        return ",".join(documents).encode(), cursor
    bound = query_fingerprint(asked)
    after = decode_page_cursor(asked.cursor, bound, secret, version)
    query = queries.bind_query(db, resolved, asked.sort, after, asked.limit + 1)
    page = fetch_joined_page(db, query, asked.limit)
    cursor = encode_cursor(page.last, bound, secret, version) if page.last is not None else None
    return page.body, cursor


def read_event(
    db: Connection, ident: str, as_of: int | None = None
) -> Row[int, str, str, int, str | None]:
    """Read (seq, document, current lineage, newest version, closed datasets) of an event.

    Raises `NotFoundError`, `MovedError` where the event was merged into another, or
    `ClosedDatasetError`.
    """
    readable = "\x00" not in ident and ident.isprintable()
    row = db.execute(queries.select_event(ident, as_of)).one_or_none() if readable else None
    if row is not None:
        note_closed_datasets(db, row.closed)
    require_open_event(db, ident)
    if row is None:
        read_version(db)  # which the refusal says
        into = find_survivor(db, "event", ident, as_of) if readable else None
        if into is not None:
            raise MovedError(f"/v1/events/{quote_id(into)}")
        raise NotFoundError("No event has that id. Search for events with /v1/events?q=.")
    return row


def read_participant_kinds(db: Connection, document: str) -> dict[str, str]:
    """Read the kind of each actor that a document names, by code."""
    codes = {p["actor"] for p in json.loads(document)["participants"] if p["actor"]}
    rows = db.execute(select(actors.c.code, actors.c.kind).where(actors.c.code.in_(codes)))
    return {row.code: row.kind for row in rows}


def read_derivation_mode(db: Connection, dataset: str) -> DerivationMode:
    """Read how the signals of a dataset are derived."""
    d = datasets.c
    row = db.execute(select(d.signals, d.mirrored_visits).where(d.code == dataset)).one_or_none()
    return DEFAULT_SCALE if row is None else choose_derivation_mode(*row)


def trim_document(document: str, fields: Sequence[str], known_by: str | None) -> str:
    """Trim a document to some fields (all if empty), and to reports published by a day."""
    if not fields and known_by is None:
        return document
    body: dict[str, Any] = json.loads(document)
    if known_by is not None:
        body = drop_later_reports(body, known_by)
    if fields:
        body = {key: value for key, value in body.items() if key in fields or key == "id"}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def drop_later_reports(document: dict[str, Any], day: str) -> dict[str, Any]:
    """Drop the reports published after a day, and count the publishers of the others."""
    published_reports = [r for r in document["reports"] if "" < last_publication_day(r) <= day]
    publishers = {r["publisher"].casefold() for r in published_reports if r["stance"] != "disputes"}
    return document | {"reports": published_reports, "independent_sources": len(publishers)}


def last_publication_day(report: ReportDocument) -> str:
    """The last day that a report's date of publication can mean; empty where it has none."""
    return parse_last_day(report["published"]) or ""


def read_event_page_meta(
    db: Connection, resolved: ResolvedFilter, count: CountMode, version: int, empty: bool
) -> Meta:
    """Read the `meta` of a page: its version, a count if requested, and why it is empty."""
    closed = list(queries.list_closed_datasets(db, resolved)) or None
    unsearched = list_unsearched_datasets(db, resolved) or None
    partly = find_partly_recorded(db, resolved.member_of, resolved.as_of) or None
    known = Meta(version=version, closed=closed, unsearched=unsearched, partly_recorded=partly)
    if empty:
        known.reason = find_empty_reason(db, resolved)
        known.remark = describe_acted_for_in_filter(db, resolved)
    if count != "none":
        guesses = count == "estimate"
        guess = estimate_event_count(db, resolved) if guesses else None
        known.count = guess or count_matching_events(db, resolved, are_few=guesses)
        known.count_is = "estimate" if guess else "exact"
    return known


SAMPLE_SIZE = 2_000
"""The number of newest events that an estimate reads."""


def estimate_event_count(db: Connection, resolved: ResolvedFilter) -> int | None:
    """Estimate how many events match, to two significant digits.

    Assumes that earlier events are as dense in time as the newest `SAMPLE_SIZE`. Returns None where
    fewer match, since those are counted exactly.
    """

    def read_ends(sort: Sort, most: int) -> tuple[int, str, str]:
        found = queries.bind_query(db, resolved, sort, None, most)
        hit = select_matching(found.statement_key).subquery().c
        row = db.execute(
            select(func.count(hit.id), func.min(hit.value), func.max(hit.value)), found.values
        ).one()
        return row[0], row[1], row[2]

    count, oldest, newest = read_ends("-date", SAMPLE_SIZE)
    if count < SAMPLE_SIZE:
        return None
    first = read_ends("date", 1)[1]
    last, then, begun = (date.fromisoformat(day).toordinal() for day in (newest, oldest, first))
    total = SAMPLE_SIZE * (last - begun + 1) / (last - then + 1)
    return int(float(f"{total:.1e}"))
