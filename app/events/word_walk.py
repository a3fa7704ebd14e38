"""Pages of an actor whose events are walked in order, and the words looked for in each.

Else all texts that have the words are listed before the first event is read: what a page of a
common word costs grows with the table. Where a word is common, or the actor has few events, the
page is full long before (decision 043).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import Connection

from app.db.dialect.full_text import TextSample, list_plain_words
from app.db.types import NO_END_DAY
from app.events.conditions import FilterShape
from app.events.filter import Sort
from app.events.narrow_months import find_walk_end, previous_text
from app.events.resolved_filter import ResolvedFilter
from app.events.statement import StatementKey

TEXTS_PER_LOOK = 6
"""Texts that are listed in the time in which one event is walked and its text is read."""
FULL_BY_FAR = 4
"""Times as many events are walked as fill a page on the average."""


class WordWalk(NamedTuple):
    """How far an actor's events are walked before all texts with the words are listed."""

    events: int
    may_end: bool
    """Whether to walk so far too where the actor has more events: the page is probably full."""


def plan_word_walk(
    sample: TextSample, resolved: ResolvedFilter, sort: Sort, limit: int
) -> WordWalk | None:
    """Plan how far to walk, so that it never costs more than listing all texts once again."""
    if sort != "-date" or len(resolved.actor) != 1 or resolved.member_of or sample.is_whole:
        return None
    if resolved.as_of is not None or resolved.match != "possible":
        return None
    each = (sample.last - sample.first + 1) / sample.number
    """How many revisions there are for each text that has the words."""
    most = int(sample.newest / each / TEXTS_PER_LOOK)
    needed = int(limit * each)
    return WordWalk(min(most, FULL_BY_FAR * needed), needed <= most) if most else None


def iterate_walked_parts(
    db: Connection,
    key: StatementKey,
    values: Mapping[str, object],
    resolved: ResolvedFilter,
    walk: WordWalk,
) -> Iterator[tuple[StatementKey, dict[str, object]]]:
    """Yield the events that began in the window: those that are walked, then the others.

    Words are looked for in the text of each event that is walked, and the others are looked for
    among all texts that have the words.
    """
    words = list_plain_words(resolved.q or "")
    since = str(values.get("since", ""))
    ends = [str(values[name]) for name in ("until", "after_value") if name in values]
    last_day = min(ends, default=None)
    end = find_walk_end(db, resolved.actor[0], last_day, walk.events) if words else None
    begun = replace(key, part="begun") if key.has_parts else key
    is_short = end is None or end <= since
    if not words or not (is_short or walk.may_end):
        yield begun, {**values}
        return
    fields = dict(key.shape.field_counts) | {"word": len(words)}
    values = {**values, **{f"word_{n}": word for n, word in enumerate(words)}}
    if end is None or end <= since:
        yield replace(begun, shape=FilterShape(tuple(fields.items()))), {**values}
        return
    fields |= {"since": 1, "until": 1}
    walked = replace(key, shape=FilterShape(tuple(fields.items())), part="begun", passed=False)
    yield walked, {**values, "since": end, "until": last_day or NO_END_DAY}
    del fields["word"]
    rest = replace(walked, shape=FilterShape(tuple(fields.items())))
    yield rest, {**values, "since": since, "until": min(last_day or NO_END_DAY, previous_text(end))}
