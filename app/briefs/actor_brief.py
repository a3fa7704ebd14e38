"""Compose the brief of one actor: its memberships, its shifts by partner, its weightiest events."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from statistics import fmean
from typing import Any

from sqlalchemy import Connection

from app.actors.membership_steps import membership_period, membership_status
from app.actors.queries import select_actor
from app.actors.schemas import Actor, Membership, MembershipStep
from app.alliances.read import ALLIANCE_KINDS, read_group_memberships
from app.briefs.filter import SubjectQuery
from app.briefs.schemas import (
    ActorBrief,
    BriefCaveat,
    BriefMembership,
    DatasetCredit,
    RecentEvent,
)
from app.briefs.words import count_words, write_text
from app.charts.remarks import describe_closed
from app.charts.vega_lite import shorten_text
from app.db.types import NO_END_DAY
from app.events import queries as of_events
from app.events.coverage import read_covered_spans
from app.events.filter import EventFilter, EventQuery
from app.events.read import read_event_page, read_event_page_meta
from app.events.render import ACTING_KINDS
from app.events.resolved_filter import ResolvedFilter
from app.lineages import Version
from app.page_models import EmptyReason
from app.query_models import BoundedDate
from app.reader_words import write_edtf
from app.shifts import answers, detect, queries, ranking, serialize
from app.shifts.evidence_schemas import EvidenceSource
from app.shifts.filter import ShiftQuery, SidesQuery
from app.shifts.materialized.calibration import read_calibration
from app.shifts.question import AlignmentQuestion, resolve_open_question
from app.shifts.schemas import DayRange, Shift
from app.shifts.statistics.verdicts import STRENGTH
from app.sources.citation import read_cited_datasets

MAX_EVENTS, MAX_SHIFTS, MAX_READ = 10, 6, 1000
RECENT_DAYS = 731
"""Events of so many days before the newest one, itself included, are recent: two years."""
MAX_NOTE = 110
Document = dict[str, Any]


def build_actor_brief(
    db: Connection,
    asked: SubjectQuery,
    defaults: Sequence[str],
    version: Version,
    as_of: int | None,
    day: str,
) -> ActorBrief:
    """Build the brief of an actor, with its memberships on a day (ISO).

    Raises `InvalidParameterError` for a name that is unknown.
    """
    question = resolve_open_question(db, asked, defaults, as_of)
    row = db.execute(select_actor(question.actor, as_of)).one()
    actor = Actor.model_validate_json(row.document)
    shifts, tested = _find_shifts(db, asked, question, version)
    events = _read_recent_events(db, asked, question, version)
    memberships, left = _describe_memberships(db, actor, day, as_of)
    # A body or person whose acts count for its state alone has events and no shift.
    is_known = bool(events or shifts)
    reason = None if is_known else answers.explain_empty_answer(db, asked, question)
    covered = _read_coverage(db, asked, question)
    elsewhere = 0 if asked.dataset else _count_events_elsewhere(db, question, version)
    own = _find_acting_codes(db, actor, as_of)
    missing = _list_missing(db, actor, question.closed)
    weightiest = sorted(events, key=lambda one: _weigh_event(one, own))[:MAX_EVENTS]
    return ActorBrief(
        actor=actor.code,
        kind=actor.kind,
        names=actor.name,
        title=write_text("actor_title", name=actor.name),
        headline=_write_headline(actor.name, shifts, is_known=is_known),
        reason=reason,
        shifts=shifts[:MAX_SHIFTS],
        shifts_found=len(shifts),
        apart=sum(shift.direction == "away" for shift in shifts),
        closer=sum(shift.direction == "toward" for shift in shifts),
        tested=tested,
        events=[
            _shorten_event(one, own)
            for one in sorted(weightiest, key=lambda one: (one["start"], one["id"]), reverse=True)
        ],
        events_since=_first_recent_day(events[0]) if events else None,
        events_counted=len(events),
        events_elsewhere=elsewhere,
        memberships_on=day,
        memberships=memberships,
        left=left,
        caveats=_list_caveats(reason, shifts, covered, elsewhere, missing),
        covered=covered,
        datasets=[
            DatasetCredit.model_validate(one, from_attributes=True)
            for one in read_cited_datasets(db, question.datasets, as_of)
        ],
    )


def _write_headline(name: str, shifts: Sequence[Shift], *, is_known: bool) -> str:
    if shifts:
        return shifts[0].headline
    return write_text("actor_no_shift" if is_known else "actor_unknown", name=name)


def _find_shifts(
    db: Connection, asked: SidesQuery, question: AlignmentQuestion, version: Version
) -> tuple[list[Shift], int]:
    """Find the most certain shift toward each partner, and how many partners were tested."""
    wanted = ShiftQuery.model_construct(
        **{name: getattr(asked, name) for name in SidesQuery.model_fields}, limit=MAX_READ
    )
    known = read_calibration(db, question.as_of)
    rows, tested, _ = ranking.find_shifts_of_question(db, wanted, question, known)
    rows = sorted(rows, key=lambda row: serialize.shift_sort_key(row, wanted.sort))
    rows = [row for row in detect.confirm_verdicts(db, rows, known) if row.verdict in STRENGTH]
    best: dict[tuple[str, ...], detect.DetectedShift] = {}
    for row in rows:
        best.setdefault(row.question.toward, row)
    found = serialize.add_formal_steps(db, list(best.values()))
    names = serialize.read_actor_names(db, found)
    scope = ranking.find_scope(question)
    return [answers.serialize_row(db, row, wanted, scope, version, names) for row in found], tested


def _read_recent_events(
    db: Connection, asked: SidesQuery, question: AlignmentQuestion, version: Version
) -> list[Document]:
    """Read the events of the last two years that the record has of the actor, newest first."""
    kept = {name: getattr(asked, name) for name in EventFilter.model_fields}
    kept |= {"actor": (question.actor,), "dataset": question.datasets}

    def read_newest(limit: int, since: str | None) -> list[Document]:
        fields = ("id", "title", "date", "start", "signals", "independent_sources", "reports")
        first = {} if since is None else {"since": BoundedDate(since)}
        query = EventQuery.model_construct(**kept | first, limit=limit, fields=fields)
        resolved = of_events.resolve_filter(db, query, question.as_of)
        documents, _ = read_event_page(db, query, resolved, b"", version)
        return [json.loads(document) for document in documents]

    newest = read_newest(1, None)
    if not newest:
        return []
    first = _first_recent_day(newest[0])
    if asked.since is not None:
        first = max(first, asked.since.first)
    # An event that began before and goes on is not of these years.
    return [one for one in read_newest(MAX_READ, first) if one["start"] >= first]


def _first_recent_day(newest: Document) -> str:
    day = date.fromisoformat(newest["start"])
    return (day - timedelta(days=min(RECENT_DAYS - 1, day.toordinal() - 1))).isoformat()


def _count_events_elsewhere(db: Connection, question: AlignmentQuestion, version: Version) -> int:
    """Count the events of an actor in other datasets than those of a question."""
    counts = [
        read_event_page_meta(
            db,
            ResolvedFilter(actor=(question.actor,), dataset=datasets, as_of=question.as_of),
            "exact",
            version,
            empty=False,
        ).count
        or 0
        for datasets in ((), question.datasets)
    ]
    return counts[0] - counts[1]


def _find_acting_codes(db: Connection, actor: Actor, as_of: int | None) -> frozenset[str]:
    """Find whose signals are those of an actor: a person or body acts for what it belongs to."""
    if actor.kind not in ACTING_KINDS:
        return frozenset({actor.code})
    periods = read_group_memberships(db, as_of, of=[actor.code])
    return frozenset({one.group for one in periods} or {actor.code})


def _find_effect(event: Document, own: frozenset[str]) -> float | None:
    """Find the mean score of what an actor did and what was done to it; None without signals."""
    scores = [s["score"] for s in event["signals"] if (s["from"] in own) != (s["toward"] in own)]
    return fmean(scores) if scores else None


def _weigh_event(event: Document, own: frozenset[str]) -> tuple[float, int, int, str]:
    """Return the key that orders events: effect, independent sources, then the newest."""
    days = date.fromisoformat(event["start"]).toordinal()
    effect = abs(_find_effect(event, own) or 0)
    return -effect, -event["independent_sources"], -days, event["id"]


def _shorten_event(event: Document, own: frozenset[str]) -> RecentEvent:
    names = EvidenceSource.model_fields
    sources = sorted(
        (report for report in event["reports"] if report["stance"] != "disputes"),
        key=lambda report: (report["reliability"] or "Z", report["credibility"] or 9),
    )
    return RecentEvent(
        event=event["id"],
        title=event["title"],
        date=event["date"],
        effect=_find_effect(event, own),
        sources=[EvidenceSource(**{name: one[name] for name in names}) for one in sources],
    )


def _describe_memberships(
    db: Connection, actor: Actor, day: str, as_of: int | None
) -> tuple[list[BriefMembership], int]:
    """Describe what an actor belongs to on a day, or who belongs to it; and how many ended."""
    is_group = actor.kind in ALLIANCE_KINDS
    side = {"groups": [actor.code]} if is_group else {"of": [actor.code]}
    periods = read_group_memberships(db, as_of, **side)
    others = sorted({one.actor if is_group else one.group for one in periods})
    select_names = queries.select_names_of_actors(others, as_of)
    names = {row.code: row.name for row in db.execute(select_names)}
    found: list[tuple[bool, BriefMembership]] = []
    left = 0
    for one in periods:
        status = membership_status(one.steps, day)
        if status is None:
            continue
        if status == "withdrawn":
            left += 1
            continue
        code = one.actor if is_group else one.group
        found.append(_describe_membership(one, names.get(code, code), status, day))
    # What changed since it began comes first, then the newest.
    found.sort(key=lambda pair: pair[1].name)
    found.sort(key=lambda pair: (pair[0], pair[1].since or "9"), reverse=True)
    return [one for _, one in found], left


def _describe_membership(
    one: Membership, name: str, status: str, day: str
) -> tuple[bool, BriefMembership]:
    """Describe a membership, and say whether something about it changed since it began."""
    since, _ = membership_period(one.steps)
    since = since if since is not None and since <= day else None
    reached = [step for step in one.steps if step.date <= day]
    last = max(reached, key=lambda step: step.date, default=one.steps[0])
    note = "" if last is _find_entry(one) else last.note or ""
    text = _write_membership(name, one, status, since, write_edtf(last.date), note)
    made = BriefMembership(
        actor=one.actor,
        group=one.group,
        name=name,
        role=one.role,
        status=status,
        since=since,
        text=text,
    )
    return bool(since and note) or status in ("suspended", "withdrawing"), made


def _find_entry(one: Membership) -> MembershipStep | None:
    return next((step for step in one.steps if step.step == "in-force"), None)


def _write_membership(
    name: str, one: Membership, status: str, since: str | None, day: str, note: str
) -> str:
    if since is None:
        text = write_text("membership_begun", name=name, step=status, day=day)
    else:
        entry, role = _find_entry(one), one.role.replace("-", " ")
        entered = write_edtf(entry.date if entry else since)
        text = write_text("membership", name=name, role=role, since=entered)
        if status == "suspended":
            text += write_text("membership_suspended", day=day)
        elif status == "withdrawing":
            text += write_text("membership_withdrawing", day=day)
    if note:
        short = shorten_text(note.partition(";")[0].rstrip("."), MAX_NOTE)
        when = f"{day}: " if status == "in-force" else ""
        text += write_text("membership_note", when=when, note=short)
    return text


def _read_coverage(
    db: Connection, asked: SidesQuery, question: AlignmentQuestion
) -> list[DayRange]:
    followed = ResolvedFilter(
        actor=(question.actor,), dataset=question.datasets, as_of=question.as_of
    )
    spans = read_covered_spans(db, followed, chose_datasets=bool(asked.dataset))
    return [DayRange(start=start, end=min(end, NO_END_DAY)) for start, end in sorted(spans)]


def _list_missing(db: Connection, actor: Actor, closed: Sequence[str]) -> list[tuple[str, str]]:
    """List what the record or the reader's rights leave out, as codes and texts."""
    found: list[tuple[str, str]] = []
    if actor.members_recorded == "some":
        found.append(("partly_recorded", write_text("caveat_members", name=actor.name)))
    if closed:
        names = [one.name for one in read_cited_datasets(db, closed)]
        found.append(("remark", describe_closed(names)))
    return found


def _list_caveats(
    reason: EmptyReason | None,
    shifts: Sequence[Shift],
    covered: Sequence[DayRange],
    elsewhere: int,
    missing: Sequence[tuple[str, str]],
) -> list[BriefCaveat]:
    """List what limits the answer, the gravest first."""
    found: list[tuple[str, str]] = []
    if reason is not None:
        found.append((reason, write_text(f"caveat_{reason}")))
    found += missing
    if elsewhere:
        text = write_text("caveat_elsewhere", n=count_words("events", elsewhere))
        found.append(("elsewhere", text))
    found.append(("tested", write_text("caveat_tested")))
    if any(shift.provisional for shift in shifts):
        found.append(("provisional", write_text("caveat_provisional")))
    if any(shift.single_source for shift in shifts):
        found.append(("single_source", write_text("caveat_single_publisher")))
    if covered:
        first, last = min(d.start for d in covered), max(d.end for d in covered)
        days = {"first": write_edtf(first), "last": write_edtf(last)}
        found.append(("coverage", write_text("caveat_coverage", **days)))
    if shifts:
        found.append(("range", write_text("caveat_range")))
    if reason is None:
        found.append(("index", write_text("caveat_index")))
    return [BriefCaveat(code=code, text=text) for code, text in found]
