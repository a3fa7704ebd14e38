"""Lay the brief of an actor out as texts that fill one page. Pure."""

from collections.abc import Sequence

from app.briefs.layout import (
    MAX_HEADLINE,
    MAX_TITLE,
    BriefPage,
    EventRow,
    fit_caveats,
    fit_parts,
    name_group,
    write_about,
    write_columns,
    write_credits,
    write_page_head,
    write_source_names,
)
from app.briefs.schemas import ActorBrief, ActorBriefAnswer, RecentEvent
from app.briefs.words import count_words, load_strings, write_text
from app.charts.vega_lite import shorten_text
from app.reader_words import write_edtf, write_short_range, write_signed
from app.shifts.schemas import DayRange, Shift

MAX_SHIFT_LINES, MAX_MEMBERSHIPS = 420, 460
"""Characters of each of the two columns, which leave room for some events."""
MAX_LINE = 180
MAX_TITLE_OF_EVENT = 110


def lay_out_actor_brief(
    answer: ActorBriefAnswer, names: dict[str, str], day: str, base: str
) -> BriefPage:
    """Lay out the brief of an actor that is read on a day (ISO), with all of its events.

    `names` are those of the partners by code, `base` is the public URL of the service.
    """
    brief, links = answer.data, answer.links
    rows = [_lay_out_event(event) for event in brief.events]
    return BriefPage(
        strings=load_strings(),
        columns=write_columns("effect"),
        title=brief.title,
        head=write_page_head(day, answer.meta.version),
        about=shorten_text(write_about(brief.names, brief.covered), MAX_TITLE),
        headline=shorten_text(brief.headline, MAX_HEADLINE),
        basis=_write_basis(brief),
        others=[],
        not_drawn=write_text("actor_not_drawn"),
        no_events=write_text("actor_no_events"),
        events_titles=[_write_events_title(brief, n) for n in range(len(rows) + 1)],
        events=rows,
        left_title=write_text("actor_shifts"),
        left=_write_shifts(brief, names),
        right_title=_write_membership_title(brief),
        right=_write_memberships(brief),
        caveats=fit_caveats(brief.caveats),
        credits=[*write_credits(brief.datasets), write_text("grades_actor")],
        permalink=base + links.explorer,
        evidence=links.explorer,
        pdf=links.pdf,
    )


def _write_basis(brief: ActorBrief) -> list[str]:
    if not brief.tested:
        return []
    partners = count_words("partners", brief.tested)
    if not brief.shifts_found:
        return [write_text("actor_basis_none", tested=partners)]
    counts = {"found": brief.shifts_found, "apart": brief.apart, "closer": brief.closer}
    return [write_text("actor_basis", tested=partners, **counts)]


def _lay_out_event(event: RecentEvent) -> EventRow:
    weight = "–" if event.effect is None else f"{event.effect:+.1f}".replace("-", "−")
    return EventRow(
        date=write_edtf(event.date),
        title=shorten_text(event.title, MAX_TITLE_OF_EVENT),
        sources=write_source_names(event.sources),
        weight=weight,
        event=event.event,
    )


def _write_events_title(brief: ActorBrief, shown: int) -> str:
    if brief.events_since is None:
        return write_text("actor_events_none")
    since = write_edtf(brief.events_since[:7])
    return write_text("actor_events", n=shown, all=f"{brief.events_counted:,}", since=since)


def _write_shifts(brief: ActorBrief, names: dict[str, str]) -> list[str]:
    """Write a line for each partner: which way, when, from where to where."""
    if not brief.shifts:
        return [write_text("actor_no_shifts")]
    lines = [shorten_text(write_shift_line(shift, names), MAX_LINE) for shift in brief.shifts]
    return fit_parts(lines, MAX_SHIFT_LINES)


def write_shift_line(shift: Shift, names: dict[str, str]) -> str:
    """Write a shift of an actor as a line that begins with the partner."""
    levels = {
        name: write_signed(level.index) if level else "–"
        for name, level in (("before", shift.before), ("after", shift.after))
    }
    partner = ", ".join(name_group(code, names.get(code, code)) for code in shift.toward)
    when = write_onset_words(shift.onset, shift.onset_set)
    return write_text("shift_line", partner=partner, label=shift.label, when=when, **levels)


def write_onset_words(onset: str | None, ranges: Sequence[DayRange]) -> str:
    """Write when a shift set in, in months where its onset is a month."""
    if not ranges or onset is None:
        return write_text("undated")
    first, last = ranges[0].start[: len(onset)], ranges[-1].end[: len(onset)]
    return write_short_range(first, last)


def _write_membership_title(brief: ActorBrief) -> str:
    is_group = any(one.group == brief.actor for one in brief.memberships)
    key = "actor_members" if is_group else "actor_memberships"
    return write_text(key, day=write_edtf(brief.memberships_on))


def _write_memberships(brief: ActorBrief) -> list[str]:
    if not brief.memberships:
        return [write_text("actor_no_memberships")]
    lines = []
    for one in brief.memberships:
        code = one.actor if one.group == brief.actor else one.group
        short = name_group(code, one.name)
        lines.append(f"{short}{one.text.removeprefix(one.name)}.")
    found = fit_parts(lines, MAX_MEMBERSHIPS)
    if brief.left:
        found.append(count_words("memberships_left", brief.left))
    return found
