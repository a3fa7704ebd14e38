"""Checks a finding against its signals: what it rests on, and what is left without that."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import compress

from sqlalchemy import Connection

from app.actors.membership_queries import find_partly_recorded
from app.rounding import round_number
from app.shifts import queries, question
from app.shifts.question import AlignmentQuestion, CountedSignal
from app.shifts.statistics import attribution, detection, publishers
from app.shifts.statistics.attribution import SignalPart
from app.shifts.statistics.detection import ShiftFinding
from app.shifts.statistics.null_distribution import Calibration
from app.shifts.statistics.scan_rows import select_days
from app.shifts.statistics.sums import DaySeries
from app.shifts.statistics.verdicts import (
    STRENGTH,
    CarrierShare,
    Check,
    FindingChecks,
    GroupPart,
    Verdict,
    change_persists,
    complete_findings,
    decide_verdict,
    drop_influential_days,
    drop_influential_months,
    is_datable,
    list_carriers,
    needs_checks,
)

EVENTS_PER_QUERY = 500
ReadPlaces = Callable[[Collection[str]], Mapping[str, str]]
"""Reads the country of each of some events, where it is known."""
SOLE_PUBLISHER_SHARE = 0.95
"""Share of the mass that a publisher reports alone from which on all rests on it."""
MAX_CARRIERS = 5
"""Most partners that an answer names, besides the groups themselves."""


@dataclass(frozen=True, slots=True)
class SignalSet:
    """Signals of a question, each with its part in it and the publishers of its event."""

    asked: AlignmentQuestion
    signals: Sequence[CountedSignal]
    parts: Sequence[SignalPart]
    publishers: Sequence[Collection[str]]
    """Folded to lower case, as they are counted."""
    names: Mapping[str, str]
    """Publishers as they are written."""

    def keep(self, chosen: Sequence[bool]) -> "SignalSet":
        """Keep the chosen signals."""
        return replace(
            self,
            signals=list(compress(self.signals, chosen)),
            parts=list(compress(self.parts, chosen)),
            publishers=list(compress(self.publishers, chosen)),
        )

    def between(self, first: str, last: str) -> "SignalSet":
        """Keep the signals of a stretch of days, both ends included."""
        return self.keep([first <= s.day <= last for s in self.signals])

    def gather_days(self) -> DaySeries:
        """Gather their days."""
        return question.gather_question_days(
            question.sum_signals(self.signals, self.asked), self.asked
        )


def read_signal_set(db: Connection, asked: AlignmentQuestion) -> SignalSet:
    """Read the signals of a question that count for one of its sides."""
    parts = [(s, to_signal_part(asked, s)) for s in question.read_counted_signals(db, asked)]
    counted = [(s, part) for s, part in parts if part is not None]
    found, names = _read_publishers_by_event(db, asked, {s.event for s, _ in counted})
    return SignalSet(
        asked,
        [s for s, _ in counted],
        [part for _, part in counted],
        [found.get(s.event, ()) for s, _ in counted],
        names,
    )


def to_signal_part(asked: AlignmentQuestion, s: CountedSignal) -> SignalPart | None:
    """Turn a signal into its part in a question; None where it does not count."""
    own = s.from_ == asked.actor
    side = asked.side_on(s.toward if own else s.from_, s.day)
    if side == 0 or (asked.acts != "both" and (asked.acts == "own") != own):
        return None
    return SignalPart(s.day, s.mass, (s.score > 0) == (side > 0))


def _read_publishers_by_event(
    db: Connection, asked: AlignmentQuestion, events: set[str]
) -> tuple[dict[str, set[str]], dict[str, str]]:
    """Read the publishers of the reports of each of some events, and how they are written."""
    found: dict[str, set[str]] = defaultdict(set)
    names: dict[str, str] = {}
    ids = sorted(events)
    for at in range(0, len(ids), EVENTS_PER_QUERY):
        rows = queries.select_publishers_of_events(
            ids[at : at + EVENTS_PER_QUERY], asked.known_by, asked.as_of
        )
        for r in db.execute(rows):
            found[r.event].add(r.publisher)
            names[r.publisher] = min(r.name, names.get(r.publisher, r.name))
    return found, names


def _read_places(
    db: Connection, asked: AlignmentQuestion, events: Collection[str]
) -> dict[str, str]:
    """Read the country in which each of some events took place, where it is known."""
    found: dict[str, str] = {}
    ids = sorted(events)
    for at in range(0, len(ids), EVENTS_PER_QUERY):
        rows = queries.select_places_of_events(ids[at : at + EVENTS_PER_QUERY], asked.as_of)
        found |= {r.id: r.country for r in db.execute(rows)}
    return found


def check_finding(
    db: Connection,
    asked: AlignmentQuestion,
    finding: ShiftFinding,
    days: DaySeries,
    fitted: Calibration,
) -> FindingChecks:
    """Check a finding in every way that its verdict or its words depend on."""
    whole = read_signal_set(db, asked)
    read_places = partial(_read_places, db, asked)
    failed, publisher, within = run_checks(whole, finding, days, fitted, read_places)
    stated = [s.stated for s in whole.signals]
    shares = _attribute_shares(whole, finding, days)
    without_stated, left = None, None
    if any(stated):
        rest = whole.keep([not one for one in stated])
        without_stated, left = _judge_rest(rest, finding, fitted, read_places)
    carried = _list_carriers(whole, finding, shares)
    named = {*asked.toward, *asked.against}
    carriers = {one.actor for one in list_carriers(carried, named)}
    without_carrier = None
    if carriers:
        partners = [_name_partner(asked, s) for s in whole.signals]
        parts = [[p not in carriers for p in partners]]
        if len(carriers) == 1:
            parts.append([p in named for p in partners])
        verdicts = [
            _judge_rest(whole.keep(chosen), finding, fitted, read_places)[0] for chosen in parts
        ]
        without_carrier = min(verdicts, key=lambda verdict: STRENGTH.get(verdict, 0))
    return FindingChecks(
        failed=failed,
        single_publisher=publisher,
        within_publishers=within,
        stated_share=_supporting_share(shares, finding, stated),
        without_stated=without_stated,
        left_without_stated=left,
        carried_by=tuple(carried),
        without_carrier=without_carrier,
        part=_find_part_in_change(db, whole, finding, shares),
    )


def _find_part_in_change(
    db: Connection, whole: SignalSet, finding: ShiftFinding, shares: Sequence[float]
) -> GroupPart | None:
    """Find which part the groups and their members have in a change: what is in its direction."""
    total: dict[str, float] = defaultdict(float)
    for s, value in zip(whole.signals, shares, strict=True):
        total[_name_partner(whole.asked, s)] += value if finding.change > 0 else -value
    days = [s.day for s in whole.signals]
    return find_group_part(
        db, whole.asked, total, min(days, default=""), max(days, default=""), is_change=True
    )


def find_group_part(
    db: Connection,
    asked: AlignmentQuestion,
    passed: Mapping[str, float],
    first: str,
    last: str,
    *,
    is_change: bool,
) -> GroupPart | None:
    """Find which part the groups and their members have in what passed with each partner.

    None where no members of a group count. A member counts that was one on any of the days.
    """
    named = {*asked.toward, *asked.against}
    members = {
        code
        for code, periods in asked.periods.items()
        if code not in named and any(p.since <= last and p.until > first for p in periods)
    }
    whole = sum(passed.values())
    if not asked.groups or not members or whole <= 0:
        return None
    acted = {code: value for code, value in passed.items() if code in members and value > 0}
    top = max(sorted(acted), key=lambda code: acted[code], default=None)
    leading = None if is_change or top is None else (top, round_number(acted[top] / whole, 6))
    own = sum(value for code, value in passed.items() if code in named)
    return GroupPart(
        round_number(own / whole, 6),
        len(acted),
        len(members),
        not find_partly_recorded(db, asked.groups, asked.as_of),
        leading,
    )


def run_checks(
    whole: SignalSet,
    finding: ShiftFinding,
    days: DaySeries,
    fitted: Calibration,
    read_places: ReadPlaces,
) -> tuple[tuple[Check, ...], str | None, float | None]:
    """Run the checks of robustness.

    Returns those that failed, the publisher on which all rests, and the share within publishers.
    """
    assert finding.span is not None
    first, _, last = finding.span
    failed: list[Check] = []
    inside = select_days(days, first, last)
    if not change_persists(finding, drop_influential_months(finding, inside), fitted.null):
        failed.append("months")
    some = whole.between(first, last)
    publisher = _find_sole_publisher(some)
    if publisher is None:
        top = _find_top_publisher(some, finding, days)
        left = some.keep([names != {top} for names in some.publishers])
        if len(left.signals) < len(some.signals) and not change_persists(
            finding, left.gather_days(), fitted.null
        ):
            failed.append("publisher")
    else:
        failed += _check_places_or_days(some, finding, inside, fitted, read_places)
    within = publishers.compare_within_publishers(finding, days, some.parts, some.publishers)
    if within is not None and not within.persists:
        failed.append("within_publishers")
    name = None if publisher is None else whole.names[publisher]
    return tuple(failed), name, within.share if within else None


def _find_sole_publisher(some: SignalSet) -> str | None:
    """Find the publisher that alone reports nearly all of some signals."""
    alone: dict[str, int] = defaultdict(int)
    for part, names in zip(some.parts, some.publishers, strict=True):
        if len(names) == 1:
            alone[next(iter(names))] += part.mass
    top = max(sorted(alone), key=lambda name: alone[name], default=None)
    mass = sum(part.mass for part in some.parts)
    return top if top is not None and alone[top] >= SOLE_PUBLISHER_SHARE * mass else None


def _find_top_publisher(some: SignalSet, finding: ShiftFinding, days: DaySeries) -> str | None:
    """Find the publisher that alone carries most of the change.

    Only events that a single publisher reports are counted for it.
    """
    total: dict[str, float] = defaultdict(float)
    for value, names in zip(_attribute_shares(some, finding, days), some.publishers, strict=True):
        if len(names) == 1:
            total[next(iter(names))] += value if finding.change > 0 else -value
    return max(sorted(total), key=lambda name: total[name], default=None)


def _check_places_or_days(
    some: SignalSet,
    finding: ShiftFinding,
    inside: DaySeries,
    fitted: Calibration,
    read_places: ReadPlaces,
) -> list[Check]:
    """Check a change that rests on one publisher: without the place or the days that support it
    most."""
    places = read_places({s.event for s in some.signals})
    total: dict[str, float] = defaultdict(float)
    values = _attribute_shares(some, finding, inside)
    for s, value in zip(some.signals, values, strict=True):
        if s.event in places:
            total[places[s.event]] += value if finding.change > 0 else -value
    if len(total) > 1:
        top = max(sorted(total), key=lambda name: total[name])
        left = some.keep([places.get(s.event) != top for s in some.signals]).gather_days()
        if is_datable(finding, left):
            return [] if change_persists(finding, left, fitted.null) else ["places"]
    left = drop_influential_days(finding, inside)
    return [] if change_persists(finding, left, fitted.null) else ["days"]


def _attribute_shares(some: SignalSet, finding: ShiftFinding, days: DaySeries) -> list[float]:
    """Compute the share of each signal in the change; 0 before the onset."""
    return attribution.attribute_change(finding, days, some.parts)[0]


def _supporting_share(
    shares: Sequence[float], finding: ShiftFinding, chosen: Sequence[bool]
) -> float:
    """Compute what chosen signals are of the evidence that supports a change."""
    pro = [(abs(v), c) for v, c in zip(shares, chosen, strict=True) if v * finding.change > 0]
    whole = sum(value for value, _ in pro)
    return round_number(sum(value for value, c in pro if c) / whole, 6) if whole else 0.0


def _judge_rest(
    rest: SignalSet, finding: ShiftFinding, fitted: Calibration, read_places: ReadPlaces
) -> tuple[Verdict, float]:
    """Judge a change again without some of its signals, as a question of its own."""
    days = rest.gather_days()
    last = str(days.day[-1]) if len(days) else ""
    begun = detection.begin_scan(days)
    found = detection.find_shifts(days, last, fitted.prior_share, begun)
    found = complete_findings(found, days, fitted.prior_share, begun.rows)
    same = [one for one in found if one.span is not None and one.change * finding.change > 0]
    if not same:
        undated = next((one for one in found if one.span is None), None)
        return decide_verdict(undated, 1.0, None) if undated else "no_evidence", 0.0
    best = min(same, key=lambda one: (one.p, -abs(one.change)))
    checks = None
    if needs_checks(best):
        failed, publisher, within = run_checks(rest, best, days, fitted, read_places)
        checks = FindingChecks(failed, publisher, within, 0.0, None, None, (), None)
    return decide_verdict(best, best.p, checks), round_number(best.change, 6)


def _name_partner(asked: AlignmentQuestion, s: CountedSignal) -> str:
    return s.toward if s.from_ == asked.actor else s.from_


def _list_carriers(
    whole: SignalSet, finding: ShiftFinding, shares: Sequence[float]
) -> list[CarrierShare]:
    """List the partners that carry a change, largest first, where members of a group count.

    The groups themselves are always among them. A share is one of what all events contribute.
    """
    asked = whole.asked
    named = {*asked.toward, *asked.against}
    if asked.periods.keys() <= named:
        return []
    total: dict[str, float] = dict.fromkeys(sorted(named & asked.periods.keys()), 0.0)
    for s, value in zip(whole.signals, shares, strict=True):
        partner = _name_partner(asked, s)
        total[partner] = total.get(partner, 0.0) + value
    change = sum(total.values())
    if change * finding.change <= 0:
        return []
    rows = [CarrierShare(code, round_number(value / change, 6)) for code, value in total.items()]
    rows.sort(key=lambda row: (-row.share, row.actor))
    return [row for n, row in enumerate(rows) if n < MAX_CARRIERS or row.actor in named]
