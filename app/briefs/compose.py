"""Compose a brief from the answers about a pair; every number is that of the shift."""

from collections.abc import Sequence

from sqlalchemy import Connection

from app.actors.membership_queries import find_partly_recorded
from app.briefs.filter import PairQuery
from app.briefs.schemas import (
    Brief,
    BriefCaveat,
    BriefEvent,
    BriefStep,
    BriefTally,
    BriefTie,
    DatasetCredit,
)
from app.briefs.words import write_text
from app.events.coverage import read_covered_spans
from app.events.resolved_filter import ResolvedFilter
from app.lineages import Version
from app.page_models import EmptyReason
from app.reader_words import write_edtf, write_signed
from app.shifts import answers, index_remarks, queries, ranking, serialize, words
from app.shifts.detect import DetectedShift
from app.shifts.evidence_schemas import EventShare, FormalStructure, ShiftDetail, StructureTie
from app.shifts.materialized.calibration import read_calibration
from app.shifts.question import AlignmentQuestion, resolve_question
from app.shifts.schemas import DayRange, Shift
from app.shifts.shift_id import ShiftReference, pack_shift_id
from app.shifts.statistics.null_distribution import Calibration
from app.sources.citation import read_cited_datasets

MAX_EVENTS = 10
BEST_FIRST = "-at_least"


def build_brief(
    db: Connection,
    asked: PairQuery,
    defaults: Sequence[str],
    version: Version,
    as_of: int | None,
    curve_remarks: Sequence[str] = (),
) -> Brief:
    """Build the brief of a pair; raises `InvalidParameterError` for a name that is unknown.

    `curve_remarks` is what has to be said beside the curve of the pair.
    """
    question = resolve_question(db, asked, defaults, as_of)
    known = read_calibration(db, as_of)
    first, *others = _find_rows(db, asked, question, known)
    names = serialize.read_actor_names(db, [first, *others])
    finding = first.finding
    reference = ShiftReference(
        serialize.narrow_query_to_row(first, asked),
        int(version),
        "named",
        finding.method,
        finding.span,
        version.lineage,
    )
    shift = answers.build_shift_detail(db, question, reference, version, known)
    shift.id = pack_shift_id(reference)
    is_known = bool(shift.evidence) or (finding.after is not None and finding.after.mass > 0)
    reason = None if is_known else answers.explain_empty_answer(db, asked, question)
    covered = _read_coverage(db, asked, question)
    ties, steps = _describe_structure(db, shift.structure, question)
    partly = find_partly_recorded(db, question.groups, as_of)
    group_names = serialize.read_sentence_names(db, set(partly), as_of) if partly else {}
    missing = index_remarks.describe_missing_members(partly, group_names)
    remarks = [one for one in curve_remarks if one != missing]
    remarks += [one for one in words.list_remarks(first, names) if one not in remarks]
    return Brief(
        names=words.join_names([names[code] for code in _list_sides(question)]),
        title=shift.title,
        headline=shift.headline,
        sentence=shift.sentence,
        reason=reason,
        shift=shift,
        others=[words.compose_sentence(row, names) for row in others],
        change=shift.change,
        events=[_shorten_event(event) for event in shift.evidence[:MAX_EVENTS]],
        publishers=len({s.publisher for event in shift.evidence for s in event.sources}),
        speaks_for=_tally_events(shift.evidence, "for"),
        against=_tally_events(shift.evidence, "against"),
        ties_on=shift.structure.on,
        ties=ties,
        steps=steps,
        caveats=_list_caveats(first, shift, reason, covered, remarks, missing),
        covered=covered,
        datasets=[
            DatasetCredit.model_validate(one, from_attributes=True)
            for one in read_cited_datasets(db, question.datasets, as_of)
        ],
    )


def find_best_shift(
    db: Connection, asked: PairQuery, defaults: Sequence[str], version: Version, as_of: int | None
) -> Shift:
    """Find the most certain shift of a pair, or why there is none, without its evidence."""
    question = resolve_question(db, asked, defaults, as_of)
    first = _find_rows(db, asked, question, read_calibration(db, as_of))[0]
    names = serialize.read_actor_names(db, [first])
    return serialize.serialize_shift(first, asked, "named", version, names)


def _find_rows(
    db: Connection, asked: PairQuery, question: AlignmentQuestion, known: Calibration
) -> list[DetectedShift]:
    rows, _, _ = ranking.find_shifts_of_question(db, asked.to_shift_query(), question, known)
    return sorted(rows, key=lambda row: serialize.shift_sort_key(row, BEST_FIRST))


def _list_sides(question: AlignmentQuestion) -> tuple[str, ...]:
    return (question.actor, *question.toward, *question.against)


def _shorten_event(event: EventShare) -> BriefEvent:
    return BriefEvent.model_validate(event, from_attributes=True)


def _tally_events(evidence: Sequence[EventShare], speaks: str) -> BriefTally:
    shares = [event.share for event in evidence if event.speaks == speaks]
    return BriefTally(n=len(shares), share=sum(shares))


def _read_coverage(db: Connection, asked: PairQuery, question: AlignmentQuestion) -> list[DayRange]:
    followed = ResolvedFilter(
        actor=_list_sides(question), dataset=question.datasets, as_of=question.as_of
    )
    spans = read_covered_spans(db, followed, chose_datasets=bool(asked.dataset))
    return [DayRange(start=start, end=end) for start, end in sorted(spans)]


def _describe_structure(
    db: Connection, structure: FormalStructure, question: AlignmentQuestion
) -> tuple[list[BriefTie], list[BriefStep]]:
    """Describe the ties, those that oblige to most first, and the steps that belong to no tie."""
    groups = {tie.group for tie in structure.ties} | {step.group for step in structure.steps}
    select_names = queries.select_names_of_actors(sorted(groups), question.as_of)
    names = {row.code: row.name for row in db.execute(select_names)}
    steps = [
        BriefStep(group=s.group, name=names.get(s.group, s.group), step=s.step, date=s.date)
        for s in structure.steps
    ]
    by_group: dict[str, list[StructureTie]] = {}
    for tie in sorted(structure.ties, key=lambda t: (-len(t.obligations), t.group, t.partner)):
        by_group.setdefault(tie.group, []).append(tie)
    ties = [
        BriefTie(
            group=group,
            name=names.get(group, group),
            partners=[tie.partner for tie in found],
            status=found[0].status,
            obligations=found[0].obligations,
            later=[step for step in steps if step.group == group],
        )
        for group, found in by_group.items()
    ]
    bound = {tie.group for tie in ties}
    return ties, [step for step in steps if step.group not in bound]


def _list_caveats(
    row: DetectedShift,
    shift: ShiftDetail,
    reason: EmptyReason | None,
    covered: Sequence[DayRange],
    remarks: Sequence[str],
    missing: str | None,
) -> list[BriefCaveat]:
    """List what limits the answer, the gravest first."""
    found: list[tuple[str, str]] = []
    if reason is not None:
        found.append((reason, write_text(f"caveat_{reason}")))
    if missing is not None:
        found.append(("partly_recorded", missing))
    found += [("remark", remark) for remark in remarks]
    if shift.failed and shift.reason is None:
        checks = words.join_names([words.CHECK_WORDS[check] for check in shift.failed])
        found.append(("failed", write_text("caveat_failed", checks=checks)))
    found += [
        (flag, write_text(f"caveat_{flag}"))
        for flag in shift.flags
        if flag != "single_source" or shift.single_source is None
    ]
    if shift.evidence_absent_because:
        text = write_text("caveat_counted", reason=shift.evidence_absent_because)
        found.append(("counted", text))
    if shift.expected is not None and reason is None:
        odds = f"{shift.expected.probability_below:.2f}"
        text = write_text("caveat_expected", why=shift.expected.why, probability=odds)
        found.append(("expected", text))
    if covered:
        first, last = min(d.start for d in covered), max(d.end for d in covered)
        days = {"first": write_edtf(first), "last": write_edtf(last)}
        found.append(("coverage", write_text("caveat_coverage", **days)))
    if shift.onset is not None and len(row.finding.onset_set) and shift.direction is not None:
        found.append(("range", write_text("caveat_range")))
    if shift.curve is not None and shift.curve.differs_because:
        index = write_signed(shift.curve.index)
        text = write_text("caveat_curve", index=index, reason=shift.curve.differs_because)
        found.append(("curve", text))
    if reason is None:
        found.append(("index", write_text("caveat_index")))
    return [BriefCaveat(code=code, text=text) for code, text in found]
