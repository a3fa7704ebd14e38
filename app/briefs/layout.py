"""Lay a brief out as texts that fill one page, for a browser and for paper. Pure.

What does not fit is counted, never dropped without a word: "7 of 63 events".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from app.briefs.schemas import Brief, BriefAnswer, BriefEvent, BriefStep, BriefTie
from app.briefs.words import (
    count_words,
    load_strings,
    write_edtf,
    write_odds,
    write_signed,
    write_text,
)
from app.charts.vega_lite import shorten_text

MAX_TITLE, MAX_SOURCES, MAX_SOURCE_NAME = 110, 2, 34
MAX_HEADLINE, MAX_OTHERS, MAX_TIES = 240, 160, 220
MAX_STEPS, MAX_CAVEATS, MAX_CREDITS = 120, 480, 220
"""Characters of the headline, of another shift, and of each list with all of its parts."""
MAX_ACRONYM = 6
"""Letters of a code that readers know better than the name, such as CSTO."""


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
    share: str
    event: str


@dataclass(frozen=True, slots=True)
class BriefPage:
    """The texts of a page, in their order."""

    strings: dict[str, str]
    title: str
    head: str
    about: str
    headline: str
    basis: list[str]
    others: list[str]
    events_title: str
    events: list[EventRow]
    against: str
    ties_title: str
    ties: list[str]
    steps: str
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
        title=brief.title,
        head=" · ".join(
            [
                write_text("brief"),
                write_edtf(day),
                write_text("state", version=answer.meta.version),
            ]
        ),
        about=shorten_text(_write_about(brief), MAX_TITLE),
        headline=shorten_text(brief.headline, MAX_HEADLINE),
        basis=_write_basis(brief),
        others=_fit_parts(brief.others, MAX_OTHERS),
        events_title=write_events_title(len(rows), whole),
        events=rows,
        against=_write_against(brief),
        ties_title=write_text("ties", day=write_edtf(brief.ties_on)),
        ties=_write_ties(brief.ties),
        steps=_write_steps(brief.steps),
        caveats=_fit_parts([one.text for one in brief.caveats], MAX_CAVEATS),
        credits=_fit_parts(
            [write_text("source", **one.model_dump()) for one in brief.datasets], MAX_CREDITS
        ),
        permalink=base + links.explorer,
        evidence=links.explorer,
        pdf=links.pdf,
    )


def fit_on_page(page: BriefPage, whole: int) -> BriefPage:
    """Leave out the events that a browser's printed page has no room for, and say so.

    `whole` counts all events of the evidence.
    """
    fitting = _count_fitting(page)
    title = write_events_title(fitting, whole)
    return replace(page, events=page.events[:fitting], events_title=title)


def _fit_parts(parts: Sequence[str], most: int) -> list[str]:
    """Keep the first parts that have room together, and say how many are left out."""
    found: list[str] = []
    for n, part in enumerate(parts):
        short = shorten_text(part, most)
        if found and sum(map(len, found)) + len(short) > most:
            return [*found, write_text("and_more", n=len(parts) - n)]
        found.append(short)
    return found


def _write_about(brief: Brief) -> str:
    if not brief.covered:
        return brief.names
    years = {"first": min(d.start for d in brief.covered)[:4]}
    years["last"] = max(d.end for d in brief.covered)[:4]
    return write_text("about", names=brief.names, **years)


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
    named = list(
        dict.fromkeys(
            f"{shorten_text(s.publisher, MAX_SOURCE_NAME)}"
            f" {s.reliability or '–'}{s.credibility or '–'}"
            for s in event.sources
        )
    )
    sources = named[:MAX_SOURCES]
    if len(named) > MAX_SOURCES:
        sources.append(write_text("more_sources", n=len(named) - MAX_SOURCES))
    return EventRow(
        date=write_edtf(event.date),
        title=shorten_text(event.title, MAX_TITLE),
        sources="; ".join(sources) or write_text("no_source"),
        share=write_signed(event.share),
        event=event.event,
    )


def _measure_text(text: str, size: LineSize) -> float:
    return -(-len(text) // size.characters) * size.height


def _count_fitting(page: BriefPage) -> int:
    """Count the rows of events that fit on the page with all other texts; at least one does."""
    ties = [HALF.height * 2 + _measure_text("; ".join(page.ties), HALF)]
    ties.append(_measure_text(page.steps, HALF))
    left = PAGE_HEIGHT - FIXED_HEIGHT - sum(
        [
            _measure_text(page.about, TEXT),
            _measure_text(page.headline, HEADLINE),
            _measure_text(" ".join(page.basis), TEXT),
            *(_measure_text(text, TEXT) for text in page.others),
            max(sum(ties), _measure_text(page.against, HALF)),
            _measure_text(" ".join(page.caveats), TEXT),
            _measure_text(" ".join([*page.credits, page.strings["grades"]]), SMALL),
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


def write_events_title(shown: int, whole: int) -> str:
    """Write the title of the table of events: how many of how many it has."""
    if shown == whole:
        return write_text("all_events", n=whole)
    return write_text("weightiest", n=shown, all=whole)


def _write_against(brief: Brief) -> str:
    if not brief.against.n:
        return write_text("against_none")
    return write_text(
        "against_some",
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
        name = _name_group(tie.group, tie.name)
        found.append(shorten_text(f"{name} ({inside})" if inside else name, MAX_TITLE))
    return _fit_parts(found, MAX_TIES)


def _name_group(code: str, name: str) -> str:
    return code if code.isalpha() and code.isupper() and len(code) <= MAX_ACRONYM else name


def _write_steps(steps: Sequence[BriefStep]) -> str:
    """Write the steps since, those of a group together."""
    if not steps:
        return ""
    by_group: dict[str, list[str]] = {}
    for s in steps:
        written = write_text("tie_later", step=s.step, date=write_edtf(s.date))
        by_group.setdefault(_name_group(s.group, s.name), []).append(written)
    found = [
        write_text("step", name=name, steps=", ".join(taken)) for name, taken in by_group.items()
    ]
    return write_text("steps", steps="; ".join(_fit_parts(found, MAX_STEPS)))
