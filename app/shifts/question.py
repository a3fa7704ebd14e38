"""A question of alignment with its names resolved, and what passed between its sides.

Names are resolved to codes and groups to members with their days. Flows come from day sums where
only datasets narrow the events, else from the signals of the matching events; the numbers are the
same.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import Connection

from app.actors.parameters import resolve_query_actor
from app.db.reader import get_hidden, require_open
from app.errors import InvalidParameterError
from app.events import queries as of_events
from app.events.act_counts import read_counts_by_day
from app.events.durations import CLASS_UNIT, spread_signal
from app.events.queries import BoundQuery
from app.events.resolved_filter import ResolvedFilter
from app.events.signals import signal_weight
from app.shifts import queries
from app.shifts.filter import Acts, SidesQuery
from app.shifts.side_periods import ALWAYS, SidePeriod, expand_sides, read_member_periods
from app.shifts.statistics.sums import DaySeries, gather_days

STATED = "stated"
"""Origin of a signal whose score an analyst stated."""
Sums = tuple[int, int, int, int, int, int, int]


class DyadFlow(NamedTuple):
    """What one side of a dyad did to the other on a day."""

    partner: str
    own: int
    """1: the actor acted toward the partner; 0: the partner toward the actor."""
    day: str
    sums: Sums
    """n, positive, negative, q1 … q4; all but n in thousandths."""


class CountedSignal(NamedTuple):
    """A signal of an event that counts for a question, or a piece of one that lasts."""

    from_: str
    toward: str
    day: str
    score: float
    confidence: float
    quad: int
    event: str
    seq: int
    n: int
    """1 on the first day of the signal, 0 on those into which it is spread."""
    mass: int
    """Thousandths."""
    classed: int
    """Thousandths of a signal of its class; 0 where it has no class."""
    stated: bool = False
    """Whether an analyst stated its score."""


@dataclass(frozen=True, slots=True)
class AlignmentQuestion:
    """A question whose actors are resolved to codes."""

    actor: str
    toward: tuple[str, ...]
    against: tuple[str, ...]
    acts: Acts
    datasets: tuple[str, ...]
    periods: dict[str, list[SidePeriod]]
    """By partner, in order."""
    event_filter: ResolvedFilter | None
    """The filter of the events that count; None where only datasets narrow them."""
    as_of: int | None = None
    chose_datasets: bool = False
    """Whether the question itself named its datasets."""
    closed: tuple[str, ...] = ()
    """Datasets that it leaves out because they are closed to the reader."""
    has_closed_rows: bool = False
    """Whether it adds up events that are closed to the reader one by one."""
    groups: tuple[str, ...] = ()
    """The sides that are groups, whose members count on the days of their membership."""

    @property
    def known_by(self) -> str | None:
        """The last day on which a report had to be published."""
        return None if self.event_filter is None else self.event_filter.known_by

    def list_silent_sides(self, partners: Collection[str]) -> list[str]:
        """List the sides of which nothing is recorded, if something passed with some partners.

        Groups are left out: they count with their members.
        """
        sides = [*self.toward, *self.against, *([] if partners else [self.actor])]
        return [code for code in sides if code not in partners and code not in self.groups]

    def side_on(self, partner: str, day: str) -> int:
        """Return the side for which a partner counts on a day: 1 or −1; 0 for neither."""
        periods = self.periods.get(partner, ())
        return next((s.side for s in periods if s.since <= day < s.until), 0)


def resolve_question(
    db: Connection, asked: SidesQuery, defaults: Sequence[str], as_of: int | None = None
) -> AlignmentQuestion:
    """Resolve the names of a question; raises `InvalidParameterError` or `ClosedDatasetError`.

    The actor is empty where the question names none.
    """
    resolved = of_events.resolve_filter(db, asked.to_event_filter(), as_of, purpose="sums")
    named = resolved.dataset or tuple(defaults)
    closed = of_events.list_closed_datasets(db, replace(resolved, dataset=named), "sums")
    wanted = tuple(code for code in named if code not in closed)
    if not wanted:
        require_open(db, named, "sums")  # raises
        require_open(db, named)
    chosen = None
    if resolved != ResolvedFilter(dataset=resolved.dataset, as_of=as_of):
        chosen = replace(resolved, dataset=wanted)
    actor = resolve_query_actor(db, "actor", asked.actor, as_of) if asked.actor is not None else ""
    toward, against = (
        tuple(
            dict.fromkeys(
                resolve_query_actor(db, field, name, as_of) for name in getattr(asked, field)
            )
        )
        for field in ("toward", "against")
    )
    for field, codes in (("toward", toward), ("against", against)):
        if actor in codes:
            raise InvalidParameterError(
                field, f"{actor} is the actor itself", "Name another actor."
            )
    sides = _assign_sides(toward, against)
    members = read_member_periods(db, sides, as_of) if sides else {}
    periods = expand_sides(actor, sides, members)
    return AlignmentQuestion(
        actor, toward, against, asked.acts, wanted, periods, chosen, as_of, bool(resolved.dataset),
        closed, bool(set(wanted).intersection(get_hidden(db).rows)), tuple(sorted(members)),
    )  # fmt: skip


def resolve_open_question(
    db: Connection, asked: SidesQuery, defaults: Sequence[str], as_of: int | None = None
) -> AlignmentQuestion:
    """Resolve a question that may leave its sides open.

    Raises `InvalidParameterError` where `toward` comes without an actor, or `against` without
    `toward`.
    """
    if asked.toward and asked.actor is None:
        raise InvalidParameterError("toward", "needs actor", "Say who moves: actor=ARM.")
    if asked.against and not asked.toward:
        raise InvalidParameterError("against", "needs toward", "Say toward whom: toward=EU,USA.")
    return resolve_question(db, asked, defaults, as_of)


def _assign_sides(toward: Sequence[str], against: Sequence[str]) -> dict[str, int]:
    """Assign to each partner that is named its side: 1 for `toward`, −1 for `against`."""
    sides = dict.fromkeys(toward, 1)
    for code in against:
        if code in sides:
            raise InvalidParameterError(
                "against", f"{code} is on both sides", "Leave it out of one."
            )
        sides[code] = -1
    return sides


def bind_question_events(db: Connection, case: AlignmentQuestion) -> BoundQuery | None:
    """Bind the query of the events of a question; None where day sums answer it."""
    return (
        None
        if case.event_filter is None
        else of_events.bind_query(db, case.event_filter, purpose="sums")
    )


def read_counted_signals(
    db: Connection, case: AlignmentQuestion, *, all_dyads: bool = False
) -> list[CountedSignal]:
    """Read the signals of the events that count: between the sides, or of all dyads."""
    asked = bind_question_events(db, case)
    actor = None if all_dyads and not case.actor else case.actor
    partners = None if all_dyads else list(case.periods)
    if partners == []:
        return []
    statement = queries.select_counted_signals(case.datasets, asked, case.as_of, actor, partners)
    values = asked.values if asked else {}
    if case.as_of is not None:
        values = values | {"as_of": case.as_of}
    return [
        CountedSignal(
            from_,
            toward,
            day,
            score,
            confidence,
            quad,
            event,
            seq,
            n,
            mass,
            classed,
            origin == STATED,
        )
        for from_, toward, start, score, confidence, quad, event, seq, weight, end, origin in (
            db.execute(statement, values)
        )
        for day, n, mass, classed in spread_signal(
            start,
            end,
            signal_weight(score, confidence, weight),
            round(CLASS_UNIT * weight) if quad else 0,
        )
    ]


def read_flows(db: Connection, case: AlignmentQuestion) -> list[DyadFlow]:
    """Read what passed between the sides, day by day."""
    if case.event_filter is None and case.as_of is None:
        return _read_flows_from_sums(db, case)
    flows = sum_signals(read_counted_signals(db, case), case)
    return flows if case.event_filter is not None else flows + _read_flows_from_counts(db, case)


def _read_flows_from_counts(db: Connection, case: AlignmentQuestion) -> list[DyadFlow]:
    """Read acts that were counted elsewhere, which have no history: an older version has them."""
    found = []
    for row in read_counts_by_day(db, case.datasets, case.actor):
        own = row["from"] == case.actor
        partner = row["toward"] if own else row["from"]
        if partner in case.periods and (case.acts == "both" or (case.acts == "own") == own):
            sums = tuple(row[name] for name in queries.SUM_COLUMNS)
            found.append(DyadFlow(partner, int(own), row["day"], sums))
    return found


def _read_flows_from_sums(db: Connection, case: AlignmentQuestion) -> list[DyadFlow]:
    partners = list(case.periods)
    if not partners:
        return []
    run = queries.compile_sums_between(
        db.dialect.name, len(partners), len(case.datasets), case.acts
    )
    values: dict[str, str] = {"actor": case.actor}
    values |= {f"partner_{n}": code for n, code in enumerate(partners)}
    values |= {f"dataset_{n}": code for n, code in enumerate(case.datasets)}
    return [DyadFlow(r[0], r[1], r[2], r[3:]) for r in run.fetch_rows(db, values)]


def sum_signals(signals: Iterable[CountedSignal], case: AlignmentQuestion) -> list[DyadFlow]:
    """Add up signals by day, with the same numbers as the stored day sums."""
    total: dict[tuple[str, int, str], list[int]] = defaultdict(lambda: [0] * 7)
    for s in signals:
        own = s.from_ == case.actor
        if case.acts != "both" and (case.acts == "own") != own:
            continue
        sums = total[s.toward if own else s.from_, int(own), s.day]
        add_signal(sums, s)
    return [DyadFlow(*key, tuple(sums)) for key, sums in total.items()]  # type: ignore[arg-type]


def add_signal(sums: list[int], s: CountedSignal) -> None:
    """Add a signal to n, positive, negative, q1 … q4."""
    sums[0] += s.n
    sums[1 if s.score > 0 else 2] += s.mass
    if s.quad:
        sums[2 + s.quad] += s.classed


def gather_dyad_days(flows: Iterable[DyadFlow]) -> DaySeries:
    """Gather the days of one dyad."""
    return gather_days([(f.day, *f.sums) for f in flows])


def gather_question_days(flows: Iterable[DyadFlow], case: AlignmentQuestion) -> DaySeries:
    """Gather the days of a question; for partners in `against` cooperation counts as conflict."""
    if all(periods == ALWAYS for periods in case.periods.values()):
        return gather_dyad_days(flows)
    rows = []
    for flow in flows:
        side = case.side_on(flow.partner, flow.day)
        n, good, bad, q1, q2, q3, q4 = flow.sums
        if side > 0:
            rows.append((flow.day, n, good, bad, q1, q2, q3, q4))
        elif side < 0:
            rows.append((flow.day, n, bad, good, q3, q4, q1, q2))
    return gather_days(rows)


def read_question_days(db: Connection, case: AlignmentQuestion) -> DaySeries:
    """Read the days of a question."""
    return gather_question_days(read_flows(db, case), case)
