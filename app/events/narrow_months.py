"""The months and days in which a narrowed page has to look.

A page of an actor's events of a type, dataset or quad class passes over all its other events.
`month_counts` says which months have none that match, so that a page reads the others alone; and
indexes say on which days there are any of what the page is narrowed to, where there are few
(`rare_days.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Integer, bindparam, or_, select

from app.db.dialect import in_list_params
from app.db.dialect.fast_statements import CompiledStatement, compile_statement
from app.db.tables import datasets, month_counts, participations
from app.db.types import NO_END_DAY
from app.events.conditions import FilterShape
from app.events.plain_counts import FIRST_MONTH, LAST_MONTH
from app.events.rare_days import DaysFound, find_event_days, find_walked_actor
from app.events.resolved_filter import ResolvedFilter
from app.events.statement import StatementKey

FIRST_ROWS = 64
"""Rows of the counts that are read first: most pages are full long before their end."""


class MonthRun(NamedTuple):
    """Consecutive months, all of which may have events that match."""

    first: str
    last: str

    @property
    def days(self) -> tuple[str, str]:
        """A first and a last day between which all its days sort."""
        return f"{self.first}-01", f"{self.last}-31"


def may_skip_days(resolved: ResolvedFilter) -> bool:
    """Whether counts or indexes can say on which days no event matches."""
    actor = find_walked_actor(resolved)
    return (
        actor is not None
        and (is_counted(resolved) or bool(resolved.cameo or actor.roles or resolved.country))
        and not resolved.status  # what is retracted is not counted
        and resolved.as_of is None
        and resolved.match == "possible"
        and resolved.q is None
    )


def is_counted(resolved: ResolvedFilter) -> bool:
    """Whether the counts can say which months have no event that matches."""
    return bool(resolved.type or resolved.dataset or resolved.quad)


def iterate_month_parts(
    db: Connection, key: StatementKey, values: Mapping[str, object], resolved: ResolvedFilter
) -> Iterator[tuple[StatementKey, dict[str, object]]]:
    """Yield the events that began in the window, of the months alone that may have any.

    All at once where there are so few events that all of them may be walked through.
    """
    since = str(values.get("since", ""))
    ends = [str(values[name]) for name in ("until", "after_value") if name in values]
    last_day = min(ends, default=None)
    actor = find_walked_actor(resolved)
    assert actor is not None
    by_place = not (is_counted(resolved) or resolved.cameo or actor.roles)
    passed = WALKED_PLACES if by_place else WALKED
    walked = find_walk_end(db, actor.code, last_day, passed)
    if walked is None or walked <= since:
        yield (replace(key, part="begun") if key.has_parts else key), {**values}
        return
    bounds = [(name, 1) for name in ("since", "until") if name not in values]
    shape = FilterShape((*key.shape.field_counts, *bounds))
    begun = replace(key, shape=shape, part="begun", passed=False)
    yield begun, {**values, "since": walked, "until": last_day or NO_END_DAY}
    unbounded = tuple(n for n in key.shape.field_counts if n[0] not in ("since", "until"))
    last = previous_text(walked)
    found = find_event_days(db, resolved, since, last)
    of_days = FilterShape((*unbounded, ("days", 1)))
    by_days = replace(begun, shape=of_days, by_place=found.by == "country")
    most: int = values["page"]  # type: ignore[assignment]
    for where in iterate_stretches(db, resolved, found, (since, last), most):
        if where.days:
            yield by_days, {**values, **in_list_params(db, where.days)}
        else:
            yield begun, {**values, "since": where.first, "until": where.last}


def iterate_month_runs(
    db: Connection, resolved: ResolvedFilter, last_day: str | None
) -> Iterator[MonthRun]:
    """Yield the months up to a day that may have events which match, the newest first."""
    actor, counts = find_walked_actor(resolved), (len(resolved.dataset), len(resolved.type))
    assert actor is not None
    asked = _compile_months(db.dialect.name, *counts, _list_signs(resolved))
    values: dict[str, object] = {
        "actor": actor.code,
        "first": FIRST_MONTH if resolved.since is None else resolved.since[:7],
        "last": LAST_MONTH if last_day is None else last_day[:7],
    }
    values |= {f"dataset_{n}": code for n, code in enumerate(resolved.dataset)}
    values |= {f"type_{n}": name for n, name in enumerate(resolved.type)}
    run: MonthRun | None = None
    most = FIRST_ROWS
    while True:
        rows = asked.fetch_rows(db, values | {"most": most})
        for (month,) in rows:
            if run is None or month == run.first:
                run = run or MonthRun(month, month)
            elif _month_number(month) == _month_number(run.first) - 1:
                run = MonthRun(month, run.last)
            else:
                yield run
                run = MonthRun(month, month)
        if len(rows) < most:
            break
        assert run is not None
        # The rest of the last month read may be missing: it is in the run already.
        yield run
        values["last"] = _previous_month(run.first)
        run, most = None, 1_000_000
    if run is not None:
        yield run


WALKED = 600
"""Events that a page walks through before it looks for months and days, which cost as much."""
WALKED_PLACES = 200
"""The same where the row of each event has to be read, for nothing but its country."""


def find_walk_end(db: Connection, actor: str, last_day: str | None, passed: int) -> str | None:
    """Find the day of the actor's event so many events before a day; None where there is none."""
    asked = _compile_walk_end(db.dialect.name)
    values = {"actor": actor, "last": NO_END_DAY if last_day is None else last_day}
    rows = asked.fetch_rows(db, values | {"passed": passed})
    return rows[0][0] if rows else None


class Stretch(NamedTuple):
    """Where to look for events that match: on some days, or on all from a first to a last."""

    first: str
    last: str
    days: tuple[str, ...] = ()


def iterate_stretches(
    db: Connection, resolved: ResolvedFilter, known: DaysFound, window: tuple[str, str], most: int
) -> Iterator[Stretch]:
    """Yield where events may match that began in a window of days, the newest first.

    At first so many days at a time: each of them has an event that matches, or nearly so. Where
    these do not fill the page, most days have events of others alone, and more are sought at once.
    """
    days, complete_from, _ = known
    found: list[str] = []
    for first, last in iterate_spans(db, resolved, window):
        while days and days[0] >= first:
            day = days.popleft()
            found += [day] if day <= last else []
            if len(found) == most:
                yield Stretch(found[-1], found[0], tuple(found))
                found, most = [], 4 * most
        if first < complete_from:
            if found:
                yield Stretch(found[-1], found[0], tuple(found))
                found = []
            rest = min(last, previous_text(complete_from))
            if first <= rest:
                yield Stretch(first, rest)
    if found:
        yield Stretch(found[-1], found[0], tuple(found))


def iterate_spans(
    db: Connection, resolved: ResolvedFilter, window: tuple[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the spans of days within a window in which the counts have events that may match."""
    since, last_day = window
    if not is_counted(resolved):
        yield window
        return
    for run in iterate_month_runs(db, resolved, last_day):
        yield max(run.days[0], since), min(run.days[1], last_day)


def previous_text(day: str) -> str:
    """Return a text that sorts before a day, and after every earlier one."""
    return day[:-1] + chr(ord(day[-1]) - 1)


@lru_cache(maxsize=4)
def _compile_walk_end(kind: str) -> CompiledStatement:
    p = participations.c
    found = select(p.start).where(p.actor == bindparam("actor"), p.start <= bindparam("last"))
    passed = bindparam("passed", type_=Integer)
    return compile_statement(kind, found.order_by(p.start.desc()).limit(1).offset(passed))


def _list_signs(resolved: ResolvedFilter) -> tuple[str, ...]:
    """List the columns of which one counts the quad classes that are asked for."""
    if not resolved.quad:
        return ()
    columns = {"cooperation" if quad <= 2 else "conflict" for quad in resolved.quad}
    return tuple(sorted(columns))


def _month_number(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:7])


def _previous_month(month: str) -> str:
    number = _month_number(month) - 2
    return f"{number // 12:04}-{number % 12 + 1:02}"


@lru_cache(maxsize=256)
def _compile_months(
    kind: str, dataset_count: int, type_count: int, signs: tuple[str, ...]
) -> CompiledStatement:
    """Compile the months of the counts that match, the newest first; each may come repeatedly."""
    c = month_counts.c
    named: list[ColumnElement[str]] = [bindparam(f"dataset_{n}") for n in range(dataset_count)]
    wanted = [
        c.actor == bindparam("actor"),
        c.dataset.in_(named) if named else c.dataset.in_(select(datasets.c.code)),
        c.month >= bindparam("first"),
        c.month <= bindparam("last"),
    ]
    if type_count:
        wanted.append(c.type.in_([bindparam(f"type_{n}") for n in range(type_count)]))
    if signs:
        wanted.append(or_(*(c[name] > 0 for name in signs)))
    rows = select(c.month).where(*wanted).order_by(c.month.desc())
    return compile_statement(kind, rows.limit(bindparam("most", type_=Integer)))
