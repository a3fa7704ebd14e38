"""Whole answers about alignment and shifts, as the API, charts and briefs show them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from app.actors.membership_queries import find_partly_recorded
from app.db.types import NO_END_DAY
from app.events.acted_for import describe_acted_for
from app.events.coverage import find_empty_reason
from app.events.resolved_filter import ResolvedFilter
from app.lineages import Version
from app.page_models import EmptyReason, Links
from app.shifts import detect, evidence, index_remarks, ranking, serialize, series, words
from app.shifts.alignment_schemas import Alignment, AlignmentMeta, AlignmentPoint, DirectedMover
from app.shifts.detect import DetectedShift
from app.shifts.evidence_schemas import ShiftDetail
from app.shifts.filter import AlignmentQuery, Scope, SidesQuery
from app.shifts.formal_steps import FormalStep
from app.shifts.question import AlignmentQuestion, read_flows, read_question_days
from app.shifts.schemas import Shift
from app.shifts.shift_id import ShiftReference
from app.shifts.side_periods import Suspension, read_group_suspensions
from app.shifts.statistics.null_distribution import Calibration


def build_alignment(
    db: Connection,
    asked: AlignmentQuery,
    question: AlignmentQuestion,
    known: Calibration,
    links: Links,
    version: Version,
) -> Alignment:
    """Build the index over time of a question; raises `TooManyBucketsError`."""
    data, moved, used = series.build_alignment_series(
        db, question, *asked.day_range, asked.granularity, known.prior_share
    )
    is_empty = not any(p.n or p.positive or p.negative for p in data)
    extent = describe_index(db, question, asked.day_range, data, moved)
    meta = AlignmentMeta(
        version=version,
        reason=explain_empty_answer(db, asked, question) if is_empty else None,
        closed=list(question.closed) or None,
        datasets=list(question.datasets),
        actor=question.actor,
        toward=list(question.toward),
        against=list(question.against),
        acts=question.acts,
        parameters=used,
        partly_recorded=extent.partly_recorded or None,
        suspended=serialize.serialize_suspensions(extent.suspended) or None,
        remark=" ".join(extent.remarks) or None,
        remarks=extent.remarks or None,
    )
    documents = [serialize.serialize_formal_step(step, extent.names) for step in extent.steps]
    return Alignment(data=data, moved=moved, memberships=documents, meta=meta, links=links)


class IndexRemarks(NamedTuple):
    """What is said beside an index."""

    steps: list[FormalStep]
    """Of the memberships between the sides."""
    partly_recorded: list[str]
    """The groups of which only some members are recorded."""
    suspended: list[Suspension]
    """Of members of the groups, without the actor's own."""
    names: Mapping[str, str]
    remarks: list[str]


def describe_index(
    db: Connection,
    question: AlignmentQuestion,
    window: tuple[str | None, str | None],
    data: Sequence[AlignmentPoint],
    moved: Sequence[DirectedMover],
) -> IndexRemarks:
    """Describe what an index leaves out, how much it rests on, and with whom it counts.

    Formal steps go on where the acts end: who joined a group last year is no partner of it.
    """
    first, last = (data[0].start, data[-1].end) if data else (window[0] or "", NO_END_DAY)
    newest = min(window[1] or NO_END_DAY, question.known_by or NO_END_DAY)
    steps = serialize.list_formal_steps(db, question, first, newest)
    acts = None if data else find_recorded_days(db, question)
    suspended = list_suspended_members(db, question, first, last) if data else []
    partly = find_partly_recorded(db, question.groups, question.as_of)
    named = {*question.toward, *question.against}
    partners = {one.toward if one.actor == question.actor else one.actor for one in moved}
    silent = question.list_silent_sides(partners)
    members = index_remarks.list_members_that_act(moved, question.actor, named)
    of_members = dict(members.most_common(words.NAMED_MEMBERS))
    codes = {c for step in steps for c in (step.actor, step.group)} | {*partly, *of_members}
    codes |= {c for one in suspended for c in (one.actor, one.group)}
    names = serialize.read_sentence_names(db, codes, question.as_of) if codes else {}
    remarks = [
        *describe_acted_for(db, silent, question.as_of),
        index_remarks.describe_acts_outside(*acts) if acts else None,
        index_remarks.describe_thin_record(data),
        index_remarks.describe_uncovered_days(data),
        index_remarks.describe_missing_members(partly, names),
        index_remarks.describe_members_that_act(members, moved, names) if members else None,
        *index_remarks.describe_suspended_members(suspended, names),
        *words.list_index_remarks(steps, names),
    ]
    found = [one for one in remarks if one is not None]
    return IndexRemarks(steps, partly, suspended, names, found)


def find_recorded_days(db: Connection, question: AlignmentQuestion) -> tuple[str, str] | None:
    """Find the first and the last day of the acts of a question; None without any."""
    days = read_question_days(db, question)
    return (str(days.day[0]), str(days.day[-1])) if len(days) else None


def list_suspended_members(
    db: Connection, question: AlignmentQuestion, first: str, last: str
) -> list[Suspension]:
    """List the members of the groups of a question that were suspended in a stretch of days.

    Those of the actor itself are left out: its acts count for no group of its own.
    """
    found = read_group_suspensions(db, question.groups, first, last, question.as_of)
    return [one for one in found if one.actor != question.actor]


def build_shift_marks(
    db: Connection,
    asked: AlignmentQuery,
    question: AlignmentQuestion,
    known: Calibration,
    version: Version,
) -> dict[str, object]:
    """Build the shifts of a pair that a chart of its alignment marks."""
    rows = serialize.add_formal_steps(db, detect.detect_named_pair(db, question, known))
    names = serialize.read_actor_names(db, rows)
    found = [serialize.serialize_shift(row, asked, "named", version, names) for row in rows]
    return {"shifts": [shift.model_dump() for shift in found]}


def explain_empty_answer(
    db: Connection, asked: SidesQuery, question: AlignmentQuestion
) -> EmptyReason:
    """Explain why nothing is known between the sides of a question."""
    since, until = asked.day_range
    known = ResolvedFilter(
        actor=(*filter(None, [question.actor]), *question.toward, *question.against),
        since=since,
        until=until,
        dataset=question.datasets,
        as_of=question.as_of,
    )
    return find_empty_reason(db, known, chose_datasets=bool(asked.dataset), purpose="sums")


def describe_actor_acted_for(db: Connection, question: AlignmentQuestion) -> str | None:
    """Describe for whom the actor of a ranking without rows acts, if it is a person or body."""
    codes = [question.actor] if question.actor else []
    return " ".join(describe_acted_for(db, codes, question.as_of)) or None


def serialize_row(
    db: Connection,
    row: DetectedShift,
    asked: SidesQuery,
    scope: Scope,
    version: Version,
    names: Mapping[str, str],
) -> Shift:
    """Serialize a row, with what the formal ties lead to expect where no shift can be dated."""
    found = serialize.serialize_shift(row, asked, scope, version, names)
    level = row.finding.after
    if row.verdict == "insufficient_data" and level is not None and row.question.toward:
        day = detect.read_horizon(db, row.question, None)
        found.expected = serialize.expect_level(db, row.question, level, day)
    return found


def build_shift_detail(
    db: Connection,
    question: AlignmentQuestion,
    reference: ShiftReference,
    version: Version,
    known: Calibration,
) -> ShiftDetail:
    """Build one shift with its evidence: shares and prior add up to the change."""
    row = ranking.find_referenced_shift(db, question, reference, known)
    days = read_question_days(db, question)
    last = detect.read_horizon(db, question, days)
    proof = evidence.build_evidence(db, question, row, days, known.prior_share)
    [row] = serialize.add_formal_steps(db, [row])
    if reference.scope == "named":
        [row] = detect.add_recorded_acts([row], read_flows(db, question))
    names = serialize.read_actor_names(db, [row])
    shift = serialize_row(db, row, reference.asked, reference.scope, version, names)
    finding = row.finding
    after = finding.after.index if finding.after else 2 * known.prior_share - 1
    before = finding.before.index if finding.before else 2 * known.prior_share - 1
    first = str(days.day[0]) if len(days) else last
    suspended = list_suspended_members(db, question, first, last)
    return ShiftDetail(
        **shift.model_dump(),
        change=after - before,
        evidence=proof.events,
        evidence_absent_because=evidence.describe_absent_evidence(db, question),
        prior=proof.prior,
        closed=proof.closed,
        subtotals=evidence.build_subtotals(proof.events, question),
        flags=evidence.flag_evidence(proof.events),
        structure=evidence.build_structure(db, question, row, last),
        partly_recorded=find_partly_recorded(db, question.groups, question.as_of) or None,
        suspended=serialize.serialize_suspensions(suspended) or None,
        curve=series.describe_curve_end(db, question, last, row.finding.after, known.prior_share),
    )
