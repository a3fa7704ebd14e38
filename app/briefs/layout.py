"""Lay a brief out as texts that fill one page, for a browser and for paper. Pure.

What does not fit is counted, never dropped without a word: "7 of 63 events".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from app.briefs.schemas import (
    Brief,
    BriefAnswer,
    BriefCaveat,
    BriefEvent,
    BriefStep,
    BriefTie,
    DatasetCredit,
)
from app.briefs.words import count_words, load_strings, write_odds, write_text
from app.charts.vega_lite import shorten_text
from app.reader_words import write_edtf, write_signed
from app.shifts.evidence_schemas import EvidenceSource
from app.shifts.schemas import DayRange

MAX_TITLE, MAX_SOURCES, MAX_SOURCE_NAME = 110, 2, 34
MAX_HEADLINE, MAX_OTHERS, MAX_TIES = 240, 160, 220
MAX_STEPS, MAX_CAVEATS, MAX_CREDITS = 120, 1100, 220
"""Characters of the headline, of another shift, and of each list with all of its parts."""
MAX_ACRONYM, MAX_SHORT_NAME = 6, 20
"""Letters of a code that readers know better than a long name, such as CSTO."""


class LineSize(NamedTuple):
    """How many characters a line has in the widest font, and how high it is in mm."""

    characters: int
    height: float


PAGE_HEIGHT, FIXED_HEIGHT = 253.0, 92.0
"""Millimetres within the margins of US Letter, the shorter page, and of what is always there."""
HEADLINE, TEXT, HALF, TITLE, SOURCE, DATE, SMALL = (
    LineSize(72, 6.7), LineSize(100, 4.2), LineSize(47, 4.2), LineSize(38, 3.9),
    LineSize(33, 3.9), LineSize(17, 3.9), LineSize(118, 3.5),
)  # fmt: skip
ROW_PADDING = 1.4


@dataclass(frozen=True, slots=True)
class EventRow:
    """A row of the table of events."""

    date: str
    title: str
    sources: str
    weight: str
    event: str


@dataclass(frozen=True, slots=True)
class BriefPage:
    """The texts of a page, in their order."""

    strings: dict[str, str]
    columns: list[str]
    """The heads of the table of events."""
    title: str
    head: str
    about: str
    headline: str
    basis: list[str]
    others: list[str]
    not_drawn: str
    """What is written where there is no picture."""
    no_events: str
    """What is written where there are no events."""
    events_titles: list[str]
    """The title of the table where it has no row, one row, two …"""
    events: list[EventRow]
    left_title: str
    left: list[str]
    """Paragraphs below the table, in the first of two columns."""
    right_title: str
    right: list[str]
    caveats: list[str]
    credits: list[str]
    permalink: str
    evidence: str
    pdf: str


def lay_out_brief(answer: BriefAnswer, day: str, base: str) -> BriefPage:
    """Lay out a brief that is read on a day (ISO), with all of its events.

    `base` is the public URL of the service.
    """
    brief, links = answer.data, answer.links
    rows = [_lay_out_event(event) for event in brief.events]
    whole = brief.speaks_for.n + brief.against.n
    return BriefPage(
        strings=load_strings(),
        columns=write_columns("share"),
        title=brief.title,
        head=write_page_head(day, answer.meta.version),
        about=shorten_text(write_about(brief.names, brief.covered), MAX_TITLE),
        headline=shorten_text(brief.headline, MAX_HEADLINE),
        basis=_write_basis(brief),
        others=fit_parts(brief.others, MAX_OTHERS),
        not_drawn=write_text("not_drawn"),
        no_events=write_text("no_events"),
        events_titles=[_write_events_title(n, whole) for n in range(len(rows) + 1)],
        events=rows,
        left_title=write_text("against" if brief.shift.onset else "both_ways"),
        left=[_write_against(brief)],
        right_title=write_text("ties", day=write_edtf(brief.ties_on)),
        right=["; ".join(_write_ties(brief.ties)), *_write_steps(brief.steps)],
        caveats=fit_caveats(brief.caveats),
        credits=[*write_credits(brief.datasets), write_text("grades")],
        permalink=base + links.explorer,
        evidence=links.explorer,
        pdf=links.pdf,
    )


def write_columns(weight: str) -> list[str]:
    """Write the heads of the table of events; `weight` is the key of the last."""
    return [write_text(key) for key in ("date", "what", "sources", weight)]


def write_page_head(day: str, version: int) -> str:
    """Write what a page is, when it was read, and of which version it is."""
    return " · ".join([write_text("brief"), write_edtf(day), write_text("state", version=version)])


def write_credits(datasets: Sequence[DatasetCredit]) -> list[str]:
    """Write the datasets with their licences, as far as there is room."""
    return fit_parts([write_text("source", **one.model_dump()) for one in datasets], MAX_CREDITS)


def fit_on_page(page: BriefPage) -> BriefPage:
    """Leave out the events that a browser's printed page has no room for, and say so."""
    return replace(page, events=page.events[: _count_fitting(page)])


def fit_caveats(caveats: Sequence[BriefCaveat]) -> list[str]:
    """Keep the gravest of what limits an answer, and say where the others are."""
    return fit_parts([one.text for one in caveats], MAX_CAVEATS, "more_caveats")


def fit_parts(parts: Sequence[str], most: int, more: str = "and_more") -> list[str]:
    """Keep the first parts that have room together, and say how many are left out.

    `more` is the key of the words that say it.
    """
    found: list[str] = []
    for n, part in enumerate(parts):
        short = shorten_text(part, most)
        if found and sum(map(len, found)) + len(short) > most:
            return [*found, write_text(more, n=len(parts) - n)]
        found.append(short)
    return found


def write_about(names: str, covered: Sequence[DayRange]) -> str:
    """Write whom a page is about, and the years that the datasets cover."""
    if not covered:
        return names
    first, last = min(d.start for d in covered)[:4], max(d.end for d in covered)[:4]
    return write_text("about", names=names, first=first, last=last)


def _write_basis(brief: Brief) -> list[str]:
    shift, found = brief.shift, []
    events = count_words("events", brief.speaks_for.n + brief.against.n)
    publishers = count_words("publishers", brief.publishers)
    if shift.before is not None and shift.after is not None and shift.onset is not None:
        levels = {"before": shift.before.index, "after": shift.after.index}
        written = {name: write_signed(value) for name, value in levels.items()}
        found.append(write_text("basis_levels", **written))
        found.append(write_text("basis_chance", odds=write_odds(shift.p)))
        if brief.events:
            found.append(write_text("basis_events", n=events, publishers=publishers))
    elif brief.events:
        found.append(write_text("basis_known", n=events, publishers=publishers))
    return found


def _lay_out_event(event: BriefEvent) -> EventRow:
    return EventRow(
        date=write_edtf(event.date),
        title=shorten_text(event.title, MAX_TITLE),
        sources=write_source_names(event.sources),
        weight=write_signed(event.share),
        event=event.event,
    )


def write_source_names(found: Sequence[EvidenceSource]) -> str:
    """Write the first publishers of an event with their grades, and how many more there are."""
    named = list(
        dict.fromkeys(
            f"{shorten_text(s.publisher, MAX_SOURCE_NAME)}"
            f" {s.reliability or '–'}{s.credibility or '–'}"
            for s in found
        )
    )
    sources = named[:MAX_SOURCES]
    if len(named) > MAX_SOURCES:
        sources.append(write_text("more_sources", n=len(named) - MAX_SOURCES))
    return "; ".join(sources) or write_text("no_source")


def _measure_text(text: str, size: LineSize) -> float:
    return -(-len(text) // size.characters) * size.height


def _count_fitting(page: BriefPage) -> int:
    """Count the rows of events that fit on the page with all other texts; at least one does."""
    columns = [
        _measure_text(title, HALF) + sum(_measure_text(text, HALF) for text in texts)
        for title, texts in ((page.left_title, page.left), (page.right_title, page.right))
    ]
    left = PAGE_HEIGHT - FIXED_HEIGHT - sum(
        [
            _measure_text(page.about, TEXT),
            _measure_text(page.headline, HEADLINE),
            _measure_text(" ".join(page.basis), TEXT),
            *(_measure_text(text, TEXT) for text in page.others),
            HALF.height + max(columns),
            _measure_text(" ".join(page.caveats), TEXT),
            _measure_text(" ".join(page.credits), SMALL),
            _measure_text(page.permalink, SMALL),
        ]
    )  # fmt: skip
    for n, row in enumerate(page.events):
        lines = max(
            _measure_text(row.title, TITLE),
            _measure_text(row.sources, SOURCE),
            _measure_text(row.date, DATE),
        )
        left -= lines + ROW_PADDING
        if n and left < 0:
            return n
    return len(page.events)


def _write_events_title(shown: int, whole: int) -> str:
    """Write the title of the table of events: how many of how many it has."""
    if shown == whole:
        return write_text("all_events", n=whole)
    return write_text("weightiest", n=shown, all=whole)


def _write_against(brief: Brief) -> str:
    dated = brief.shift.onset is not None
    if not brief.against.n:
        return write_text("against_none" if dated else "both_ways_none")
    return write_text(
        "against_some" if dated else "both_ways_some",
        n=brief.against.n,
        all=brief.speaks_for.n + brief.against.n,
        against=write_signed(brief.against.share),
        pro=write_signed(brief.speaks_for.share),
    )


def _write_ties(ties: Sequence[BriefTie]) -> list[str]:
    if not ties:
        return [write_text("no_ties")]
    found = []
    for tie in ties:
        later = [write_text("tie_later", step=s.step, date=write_edtf(s.date)) for s in tie.later]
        status = "" if tie.status == "in-force" else tie.status or ""
        inside = ", ".join(filter(None, [status, *tie.obligations, *later[-2:]]))
        name = name_group(tie.group, tie.name)
        found.append(shorten_text(f"{name} ({inside})" if inside else name, MAX_TITLE))
    return fit_parts(found, MAX_TIES)


def name_group(code: str, name: str) -> str:
    """Name a group as readers know it: by its acronym where it has one and its name is long."""
    if len(name) <= MAX_SHORT_NAME:
        return name
    return code if code.isalpha() and code.isupper() and len(code) <= MAX_ACRONYM else name


def _write_steps(steps: Sequence[BriefStep]) -> list[str]:
    """Write the steps since, those of a group together; no paragraph without steps."""
    if not steps:
        return []
    by_group: dict[str, list[str]] = {}
    for s in steps:
        written = write_text("tie_later", step=s.step, date=write_edtf(s.date))
        by_group.setdefault(name_group(s.group, s.name), []).append(written)
    found = [
        write_text("step", name=name, steps=", ".join(taken)) for name, taken in by_group.items()
    ]
    return [write_text("steps", steps="; ".join(fit_parts(found, MAX_STEPS)))]
