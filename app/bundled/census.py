"""Counts what the bundled record rests on: events, evidence, dates, stated signals, steps."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from app.actors.schemas import Membership
from app.bundled.load_bundled import BundledRecord
from app.edtf import parse_edtf
from app.events.record import EventRecord
from app.sources.schemas import Source

GOOD_GRADES = ("A", "B")
"""Admiralty grades of sources that a claim may rest on alone."""


@dataclass(frozen=True, slots=True)
class DatasetCensus:
    """The figures of one dataset of events."""

    dataset: str
    events: int
    two_publishers: int
    """Events that two or more publishers report; disputing reports do not count."""
    confirmed_by_one: list[str]
    """Keys of the events that are called confirmed although one publisher alone reports them."""
    known_day: int
    """Events whose first day is known."""
    low_grade: int
    """Events without any source of grade A or B."""
    stated: dict[str, tuple[int, int]]
    """Stated signals by the actor that they are from: toward (positive) and away (negative)."""
    unreasoned: int
    """Stated signals without a reason."""


@dataclass(frozen=True, slots=True)
class StepCensus:
    """The figures of the steps of memberships of states and groups."""

    steps: int
    with_page: int
    """Steps with a source that has an address, so that it was opened."""
    with_event: int
    """Steps whose act is an event of another dataset."""


def count_events(dataset: str, events: list[EventRecord], sources: list[Source]) -> DatasetCensus:
    """Count the events of a dataset; `sources` are all that its reports may cite."""
    by_id = {source.id: source for source in sources}
    publishers = {event.key: _list_publishers(event, by_id) for event in events}
    stated: Counter[tuple[str, bool]] = Counter()
    for event in events:
        stated.update((signal.from_, signal.score > 0) for signal in event.signals if signal.score)
    return DatasetCensus(
        dataset=dataset,
        events=len(events),
        two_publishers=sum(len(names) > 1 for names in publishers.values()),
        confirmed_by_one=[
            event.key
            for event in events
            if event.status == "confirmed" and len(publishers[event.key]) < 2
        ],
        known_day=sum(_has_known_day(event.date) for event in events),
        low_grade=sum(
            not any(r.reliability in GOOD_GRADES for r in event.reports) for event in events
        ),
        stated={
            actor: (stated[actor, True], stated[actor, False])
            for actor in sorted({actor for actor, _ in stated})
        },
        unreasoned=sum(not signal.reason for event in events for signal in event.signals),
    )


def count_steps(memberships: Iterable[Membership], sources: list[Source]) -> StepCensus:
    """Count the steps of memberships that are not offices of persons and bodies."""
    opened = {source.id for source in sources if source.url}
    steps = [step for membership in memberships for step in membership.steps if step.event]
    return StepCensus(
        steps=len(steps),
        with_page=sum(bool(opened.intersection(step.sources)) for step in steps),
        with_event=sum(not str(step.event).startswith("memberships:") for step in steps),
    )


def describe_census(record: BundledRecord) -> list[str]:
    """Describe the census of the bundled record, a line per figure."""
    lines = []
    for dataset, events in record.events.items():
        census = count_events(dataset, events, record.sources)
        share = f"{census.two_publishers / census.events:.0%}"
        days = f"{census.known_day / census.events:.0%}"
        lines += [
            f"{dataset}: {census.events} events",
            f"  with two publishers or more: {census.two_publishers} ({share})",
            f"  confirmed by one publisher alone: {len(census.confirmed_by_one)}",
            f"  with a known day: {census.known_day} ({days})",
            f"  on grade C or worse alone: {census.low_grade}",
        ]
        signals = sum(sum(counts) for counts in census.stated.values())
        lines.append(f"  stated signals: {signals}, without a reason: {census.unreasoned}")
        lines += [
            f"    from {actor}: {toward} toward, {away} away"
            for actor, (toward, away) in census.stated.items()
        ]
    steps = count_steps(record.memberships, record.sources)
    share = f"{steps.with_page / steps.steps:.0%}"
    lines += [
        f"steps of memberships: {steps.steps}",
        f"  with a document that was opened: {steps.with_page} ({share})",
        f"  whose act is an event of another dataset: {steps.with_event}",
    ]
    return lines


def _list_publishers(event: EventRecord, sources: dict[str, Source]) -> set[str]:
    return {
        sources[report.source].publisher.casefold()
        for report in event.reports
        if report.stance != "disputes" and isinstance(report.source, str)
    }


def _has_known_day(date: str) -> bool:
    """Tell whether the first day of an EDTF date is known, for sure and to the day."""
    first = date.split("/")[0]
    return parse_edtf(first).precision == "day" and not first.endswith(("~", "?", "%"))
