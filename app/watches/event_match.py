"""Decide whether an event matches a filter, without a database.

The conditions are those of `app.events.conditions`, one for one; a test compares the answers of
the two over made-up events and filters. A filter becomes a list of tests once, and each event is
then put to them.
"""

import string
from collections.abc import Callable, Iterator, Mapping, Sequence

from app.events.places import find_least_cosine, unit_vector
from app.events.resolved_filter import ResolvedFilter
from app.text import split_words
from app.watches.event_facts import MAX_WORD_LENGTH, EventFacts, ReportFacts

EventTest = Callable[[EventFacts], bool]
MemberDays = Mapping[str, Sequence[tuple[str, str]]]
"""By actor: the periods [since, until) in which it was a member of a group."""
Periods = Mapping[str, MemberDays]
"""The same by group."""
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def list_event_tests(wanted: ResolvedFilter, periods: Periods) -> list[EventTest]:
    """List the tests that an event has to pass; `periods` has those of the filter's groups."""
    return [
        *_list_value_tests(wanted),
        *_list_place_tests(wanted),
        *_list_participant_tests(wanted, periods),
        *_list_report_tests(wanted),
        *_list_word_tests(wanted),
    ]


def matches_event(tests: Sequence[EventTest], event: EventFacts) -> bool:
    """Return whether an event passes all tests."""
    # A generator within `all` takes twice as long, and this runs most of all.
    for test in tests:  # noqa: SIM110
        if not test(event):
            return False
    return True


def _list_value_tests(wanted: ResolvedFilter) -> Iterator[EventTest]:
    if wanted.status:
        statuses = frozenset(wanted.status)
        yield lambda e: e.status in statuses
    else:
        yield lambda e: e.status != "retracted"
    if (since := wanted.since) is not None:
        yield (lambda e: e.start >= since) if _is_certain(wanted) else (lambda e: e.end >= since)
    if (until := wanted.until) is not None:
        yield (lambda e: e.end <= until) if _is_certain(wanted) else (lambda e: e.start <= until)
    for name in ("dataset", "type", "mode", "quad", "country"):
        if values := getattr(wanted, name):
            yield _make_value_test(name, frozenset(values))
    if spans := [(code, f"{code}:") for code in wanted.cameo]:
        yield lambda e: e.cameo is not None and any(a <= e.cameo < z for a, z in spans)
    if labels := frozenset(wanted.native):
        within = [(f"{label}: ", f"{label}:!") for label in labels]
        yield (
            lambda e: (
                e.native is not None
                and (e.native in labels or any(a <= e.native < z for a, z in within))
            )
        )
    if (least := wanted.min_intensity) is not None:
        yield lambda e: e.intensity is not None and e.intensity >= least
    if (most := wanted.max_intensity) is not None:
        yield lambda e: e.intensity is not None and e.intensity <= most
    if tags := frozenset(wanted.tag):
        yield lambda e: not tags.isdisjoint(e.tags)


def _is_certain(wanted: ResolvedFilter) -> bool:
    return wanted.match == "certain"


def _make_value_test(name: str, values: frozenset[object]) -> EventTest:
    return lambda e: getattr(e, name) in values


def _list_place_tests(wanted: ResolvedFilter) -> Iterator[EventTest]:
    if (box := wanted.bbox) is not None:

        def is_in_box(e: EventFacts) -> bool:
            if e.lat is None or e.lon is None or not box.south <= e.lat <= box.north:
                return False
            if box.west <= box.east:
                return bool(box.west <= e.lon <= box.east)
            return bool(e.lon >= box.west or e.lon <= box.east)

        yield is_in_box
    if wanted.near is not None:
        lat, lon, km = wanted.near
        x, y, z = unit_vector(lat, lon)
        cosine = find_least_cosine(km)
        yield lambda e: e.x is not None and e.x * x + e.y * y + e.z * z >= cosine


def _list_participant_tests(wanted: ResolvedFilter, periods: Periods) -> Iterator[EventTest]:
    """List one test for each participation that `list_participant_clauses` requires."""
    no_via, roles = not wanted.via, frozenset(wanted.role)
    if wanted.actor or wanted.member_of:
        actors, groups = frozenset(wanted.actor), [periods.get(g, {}) for g in wanted.member_of]

        def takes_part(e: EventFacts) -> bool:
            return any(
                (not actors or actor in actors)
                and (not roles or role in roles)
                and (not no_via or via == "")
                and (not groups or _is_member(groups, actor, e.start))
                for actor, role, via in e.parts
            )

        yield takes_part
    elif roles:
        yield lambda e: any(r in roles and (not no_via or via == "") for _, r, via in e.parts)
    if effects := frozenset(wanted.effect):
        one, other = tuple(dict.fromkeys(wanted.between))
        yield lambda e: _find_effect(e, one, other) in effects
    for code in wanted.between:
        yield _make_actor_test(frozenset((code,)), None, no_via)
    for asked, code in ((wanted.initiator, "initiator"), (wanted.target, "target")):
        if asked:
            yield _make_actor_test(frozenset(asked), code, no_via)


def _is_member(groups: Sequence[MemberDays], actor: str, day: str) -> bool:
    return any(
        since <= day < until for members in groups for since, until in members.get(actor, ())
    )


def _find_effect(event: EventFacts, one: str, other: str) -> str:
    """Find what an event does to two actors, by the sum of the signals between them."""
    both = ((one, other), (other, one))
    # Rounded as in `conditions`, so that two ways that cancel out are 0, not a last bit.
    total = 10_000 * sum(score for a, b, score in event.signals if (a, b) in both)
    return "neither" if abs(total) < 0.5 else "together" if total > 0 else "apart"


def _make_actor_test(actors: frozenset[str], role: str | None, no_via: bool) -> EventTest:
    # Over and over the same sets, for each of the filters that an event is put to.
    return lambda e: not actors.isdisjoint(e.list_actors(role, no_via))


def _list_report_tests(wanted: ResolvedFilter) -> Iterator[EventTest]:
    day = wanted.known_by

    def require_report(fits: Callable[[ReportFacts], bool]) -> EventTest:
        if day is None:
            return lambda e: any(fits(r) for r in e.reports)
        return lambda e: any(
            r.published is not None and r.published <= day and fits(r) for r in e.reports
        )

    if sources := frozenset(wanted.source):
        yield require_report(lambda r: r.source in sources)
    if publishers := frozenset(wanted.publisher):
        yield require_report(lambda r: r.publisher in publishers)
    if (grade := wanted.min_reliability) is not None:
        yield require_report(lambda r: r.reliability is not None and r.reliability <= grade)
    if (number := wanted.min_credibility) is not None:
        yield require_report(lambda r: r.credibility is not None and r.credibility <= number)
    if day is not None:
        yield require_report(lambda _: True)
    if (least := wanted.min_independent_sources) is not None:
        yield (
            lambda e: (
                e.independent_sources >= least
                and (day is None or count_known_publishers(e.reports, day) >= least)
            )
        )


def count_known_publishers(reports: Sequence[ReportFacts], day: str) -> int:
    """Count the publishers of reports up to a day that do not dispute the event."""
    # Both databases lower ASCII letters alone here.
    return len(
        {
            r.publisher.translate(_LOWER)
            for r in reports
            if r.stance != "disputes" and r.published is not None and r.published <= day
        }
    )


def _list_word_tests(wanted: ResolvedFilter) -> Iterator[EventTest]:
    if wanted.q is None:
        return
    words = list_asked_words(wanted.q)
    if not words:
        yield lambda _: False
        return
    yield lambda e: words <= e.words


def list_asked_words(q: str) -> frozenset[str]:
    """Return the words that a search asks for; empty where it has only punctuation."""
    return frozenset(word[:MAX_WORD_LENGTH] for word in split_words(q))
