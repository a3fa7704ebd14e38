"""Alignment and shifts over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from app.db.journal import version_of
from app.db.keyset import Key, pack
from app.events.buckets import TooManyBucketsError
from app.events.read import why_empty
from app.examples import shown
from app.http.answer import encode
from app.http.asked import seen
from app.http.caching import cached
from app.http.database import Chosen, CursorKey, Held
from app.http.drawing import drawable, in_form
from app.http.page import NoQuery, Reason, links, resumed
from app.http.problems import RESPONSES, InvalidError, MissingError
from app.shifts import detect, evidence, judge, present, series, stored
from app.shifts.calibration import fitted
from app.shifts.case import Case, case_of, days_of, flows, question_of
from app.shifts.detect import Detected, Fitted
from app.shifts.filter import AlignmentQuery, ShiftQuery, SidesQuery
from app.shifts.key import BadKeyError, Scope, ShiftKey, unpack
from app.shifts.schemas import (
    Alignment,
    AlignmentMeta,
    Shift,
    ShiftDetail,
    ShiftMeta,
    ShiftPage,
)

router = APIRouter(prefix="/v1", tags=["shifts"], responses=RESPONSES)

ShiftId = Annotated[
    str,
    Path(description="From `/v1/shifts`; contains the question, the version and the days."),
]


@router.get(
    "/alignment",
    response_model=Alignment,
    operation_id="getAlignment",
    responses=drawable(shown("getAlignment")),
)
def get_alignment(
    asked: Annotated[AlignmentQuery, Query()], request: Request, database: Held, chosen: Chosen
) -> Response:
    """The index of an actor toward others over time, with its interval and what it rests on."""
    with database.connect() as db:
        version, then = seen(db, asked.as_of)

        def make() -> Response:
            question = case_of(db, asked, chosen.alignment_datasets, then)
            known = fitted(db, then)
            try:
                data, moved, used = series.series(
                    db, question, *asked.days, asked.granularity, known.share
                )
            except TooManyBucketsError as many:
                hint = "Ask for a shorter window or a coarser granularity."
                raise InvalidError("granularity", str(many), hint) from many
            meta = AlignmentMeta(
                version=version,
                reason=None if any(p.n for p in data) else _why_empty(db, asked, question),
                datasets=list(question.datasets),
                actor=question.actor,
                toward=list(question.toward),
                against=list(question.against),
                acts=question.acts,
                parameters=used,
            )
            found = Alignment(
                data=data, moved=moved, meta=meta, links=links(request, None, version)
            )

            def marks() -> dict[str, Any]:
                rows = detect.named(db, question, known)
                found_shifts = [present.shift(row, asked, "named", version) for row in rows]
                return {"shifts": [shift.model_dump() for shift in found_shifts]}

            answer = Response(encode(found), media_type="application/json")
            return in_form(request, "alignment", asked, answer, marks)

        return cached(request, version, make, request.headers.get("accept", ""))


@router.get(
    "/shifts",
    response_model=ShiftPage,
    operation_id="listShifts",
    responses=drawable(shown("listShifts")),
)
def list_shifts(
    asked: Annotated[ShiftQuery, Query()],
    request: Request,
    database: Held,
    chosen: Chosen,
    secret: CursorKey,
) -> Response:
    """Changes of alignment, most certain first.

    A named pair always has a row, which may say that there is no shift, and why. `since` and
    `until` bound the onset, not the data that are used.
    """
    with database.connect() as db:
        version, then = seen(db, asked.as_of)

        def make() -> Response:
            known = fitted(db, then)
            question = question_of(db, asked, chosen.alignment_datasets, then)
            rows, cursor, size, left = _page(db, asked, question, known, secret)
            scope = _scope(question)
            data = [_row(db, row, asked, scope, version) for row in rows]
            meta = ShiftMeta(
                version=version,
                reason=None if rows else _why_empty(db, asked, question),
                datasets=list(question.datasets),
                family_size=size,
                stale=left,
            )
            found = ShiftPage(data=data, meta=meta, links=links(request, cursor, version))
            answer = Response(encode(found), media_type="application/json")
            if found.links.next:
                answer.headers["Link"] = f'<{found.links.next}>; rel="next"'
            return in_form(request, "shifts", asked, answer)

        return cached(request, version, make, request.headers.get("accept", ""))


def _why_empty(db: Connection, asked: SidesQuery, question: Case) -> Reason:
    as_of = None if question.as_of is None else str(question.as_of)
    known = {"dataset": list(question.datasets), "as_of": as_of}
    return why_empty(db, asked.model_copy(update=known))


def _page(
    db: Connection, asked: ShiftQuery, question: Case, known: Fitted, secret: bytes
) -> tuple[list[Detected], str | None, int, int]:
    """Choose the rows of a page.

    Returns also the cursor of the next page, the number of tests, and of stale dyads.
    """
    rows, size, left = _looked_at(db, asked, question, known)
    kept = present.wanted(rows, asked)
    if question.toward and rows and not kept:  # a named pair always has a row
        kept = [detect.level(db, question, known, size)]
    rows = kept
    bound = asked.model_dump_json(exclude={"cursor", "limit", "format"})
    after = resumed(asked.cursor, bound, secret)
    keyed = sorted((present.order(row, asked.sort), n) for n, row in enumerate(rows))
    if after is not None:
        keyed = [k for k in keyed if k[0] > (float(after.value), after.id)]
    chosen = keyed[: asked.limit]
    found = [rows[n] for _, n in chosen]
    cursor = None
    if len(keyed) > asked.limit:
        value, tie = chosen[-1][0]
        cursor = pack(Key(repr(value), str(tie)), bound, secret)
    if not question.toward:
        found = detect.confirmed(db, found, known)
    return found, cursor, size, left


def _looked_at(
    db: Connection, asked: ShiftQuery, question: Case, known: Fitted
) -> tuple[list[Detected], int, int]:
    """Find the rows to choose from, the number of tests, and of stale dyads."""
    if question.toward:
        rows = detect.named(db, question, known)
        return rows, len(rows), 0
    whole = asked.cursor is None and asked.direction is None and asked.days == (None, None)
    if whole and asked.sort == "-at_least":
        best = stored.first(db, question, asked.max_q, asked.limit + 1)
        if best is not None:
            return *best, 0
    rows, left = stored.family(db, question, known)
    return [row for row in rows if row.q <= asked.max_q], len(rows), left


def _scope(question: Case) -> Scope:
    return "named" if question.toward else "actor" if question.actor else "all"


def _row(db: Connection, row: Detected, asked: SidesQuery, scope: Scope, version: int) -> Shift:
    found = present.shift(row, asked, scope, version)
    level = row.finding.after
    if row.verdict == "insufficient_data" and level is not None and row.case.toward:
        day = detect.horizon(db, row.case, None)
        found.expected = present.expected(db, row.case, level, day)
    return found


@router.get(
    "/shifts/{shift_id}",
    response_model=ShiftDetail,
    operation_id="getShift",
    responses=shown("getShift"),
)
def get_shift(
    shift_id: ShiftId,
    _: Annotated[NoQuery, Query()],
    request: Request,
    database: Held,
    chosen: Chosen,
) -> Response:
    """One shift with its evidence: the exact share of every event, for and against it."""
    try:
        reference = unpack(shift_id)
    except BadKeyError as bad:
        raise MissingError("No shift has that id; /v1/shifts lists them.") from bad
    with database.connect() as db:
        newest = version_of(db)
        version = newest if reference.version is None else reference.version
        if version > newest:
            raise MissingError(f"The shift is of version {version}; the newest is {newest}.")
        then = None if version == newest else version

        def make() -> Response:
            try:
                question = case_of(db, reference.asked, chosen.alignment_datasets, then)
            except InvalidError as gone:
                raise MissingError(
                    f"The question of that id no longer has an answer: {gone}"
                ) from gone
            found = _detail(db, question, reference, version, fitted(db, then))
            found.id = shift_id
            return Response(encode(found), media_type="application/json")

        return cached(request, version, make)


def _detail(
    db: Connection, question: Case, reference: ShiftKey, version: int, known: Fitted
) -> ShiftDetail:
    days = days_of(flows(db, question), question)
    last = detect.horizon(db, question, days)
    finding = judge.at_span(days, reference.method, reference.span, last, known.share)
    tests = stored.tests(db, question, reference.scope, known)
    q = detect.rate(finding.p, tests)
    row = Detected(question, finding, q, len(tests), "no_evidence", None)
    newest = finding.span is None or finding.span[2] >= str(days.day[-1])
    watched = reference.scope == "named" and newest and judge.watched(days, known.share)
    row = detect.judged(db, row, days, known.null, watched)
    found, prior = evidence.evidence(db, question, row, days, known.share)
    shift = _row(db, row, reference.asked, reference.scope, version)
    after = finding.after.index if finding.after else 2 * known.share - 1
    before = finding.before.index if finding.before else 2 * known.share - 1
    return ShiftDetail(
        **shift.model_dump(),
        change=after - before,
        evidence=found,
        prior=prior,
        subtotals=evidence.subtotals(found, question),
        flags=evidence.flags_of(found),
        structure=evidence.structure(db, question, row, last),
    )
