"""Measure what a page of events costs in process: CPU time of this process and wall time."""

import gc
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from app.db.engine import Database
from app.db.keyset import PageKey, encode_cursor
from app.db.lineage_table import read_version
from app.db.tables import actors, events, participations
from app.events.filter import EventQuery
from app.events.queries import resolve_filter
from app.events.read import query_fingerprint, read_event_page
from bench.generate import GROUP

SECRET = b"bench"
LIMIT = 50
DEEP = 10_000


@dataclass(frozen=True, slots=True)
class PageCost:
    """The cost of one page in microseconds, as the median of several rounds."""

    name: str
    cpu: float
    wall: float


def build_cases(database: Database) -> Iterator[tuple[str, list[EventQuery]]]:
    """Build the cases to measure, each with several queries of the same shape."""
    p = participations.c
    with database.connect() as db:
        n = func.count()
        busy = db.execute(select(p.actor, n).group_by(p.actor).order_by(n.desc(), p.actor)).all()
        first, last = db.execute(select(func.min(events.c.start), func.max(events.c.start))).one()
        assert db.scalar(select(actors.c.code).where(actors.c.code == GROUP)) == GROUP
    big, rare = [row.actor for row in busy[:5]], [row.actor for row in busy[-5:]]
    years = range(int(first[:4]), int(last[:4]) + 1)
    spans: list[dict[str, Any]] = [
        {"since": f"{year}-02-01", "until": f"{year + 1}-01-31"} for year in years[1:-2]
    ]
    whole: dict[str, Any] = {"since": first, "until": last}

    def build_query(**filters: Any) -> EventQuery:
        return EventQuery(limit=LIMIT, **filters)

    yield "actor and range", [build_query(actor=[a], **span) for a in big for span in spans]
    wide = [build_query(actor=[a], **whole) for a in big[:1]]
    yield "page 1, whole range", wide
    yield "its last full page", [_move_to_deep_page(database, one) for one in wide]
    yield "page 1, everyone", [build_query(**whole)]
    yield f"page {DEEP:,}, everyone", [_move_to_deep_page(database, build_query(**whole))]
    yield "rare actor", [build_query(actor=[a], **whole) for a in rare]
    yield "alliance of 31", [build_query(member_of=[GROUP], **span) for span in spans]
    yield "alliance, no range", [build_query(member_of=[GROUP])]


def _move_to_deep_page(database: Database, asked: EventQuery) -> EventQuery:
    """Return the query with the cursor of its page 10,000, or of its last full page."""
    p, e = participations.c, events.c
    found = select(e.start, e.id)
    if asked.actor:
        found = select(p.start, p.event.label("id")).where(p.actor == asked.actor[0]).distinct()
    with database.connect() as db:
        count = db.scalar(select(func.count()).select_from(found.subquery())) or 0
        at = min((DEEP - 1) * LIMIT, count - 2 * LIMIT) - 1
        hit = found.subquery().c
        newest = select(hit.start, hit.id).order_by(hit.start.desc(), hit.id.desc())
        key = db.execute(newest.offset(at).limit(1)).one()
        version = read_version(db)
    cursor = encode_cursor(PageKey(key.start, key.id), query_fingerprint(asked), SECRET, version)
    return asked.model_copy(update={"cursor": cursor})


Cases = list[tuple[str, list[EventQuery]]]


def measure_pages(
    database: Database, seconds: float = 1.0, rounds: int = 5, chosen: Cases | None = None
) -> list[PageCost]:
    """Measure every case, round after round, so that other load affects all of them alike."""
    todo = chosen or list(build_cases(database))
    timings: dict[str, list[tuple[float, float]]] = {name: [] for name, _ in todo}
    gc.collect()
    gc.disable()
    with database.connect() as db:
        for turn in range(rounds + 1):
            for name, askings in todo:
                found = _time_queries(db, askings, seconds / rounds)
                if turn:  # the first round warms up
                    timings[name].append(found)
    gc.enable()
    return [
        PageCost(
            name,
            statistics.median(c for c, _ in found),
            statistics.median(w for _, w in found),
        )
        for name, found in timings.items()
    ]


def _time_queries(db: Any, askings: list[EventQuery], seconds: float) -> tuple[float, float]:
    done, wall, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < seconds:
        for asked in askings:
            resolved = resolve_filter(db, asked, None)
            documents, _ = read_event_page(db, asked, resolved, SECRET, read_version(db))
            assert documents, asked
            done += 1
    return (time.process_time() - cpu) / done * 1e6, (time.perf_counter() - wall) / done * 1e6


def format_costs(kind: str, costs: list[PageCost]) -> str:
    """Format the costs as text, each with its ratio to the first."""
    first = costs[0]
    lines = [f"{kind:<24}{'CPU us':>10}{'wall us':>10}{'CPU x':>8}{'wall x':>8}"]
    lines += [
        f"{c.name:<24}{c.cpu:>10,.0f}{c.wall:>10,.0f}"
        f"{c.cpu / first.cpu:>8.2f}{c.wall / first.wall:>8.2f}"
        for c in costs
    ]
    return "\n".join(lines)
