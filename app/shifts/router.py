"""Alignment and shifts over HTTP."""

from dataclasses import asdict
from typing import Annotated, cast

from fastapi import Path, Query, Request, Response
from sqlalchemy import Connection

from app.actors.membership_queries import find_partly_recorded
from app.db.as_of import resolve_version
from app.db.keyset import PageKey, decode_page_cursor, encode_cursor
from app.db.lineage_table import read_version
from app.errors import InvalidParameterError, NotFoundError
from app.events.buckets import TooManyBucketsError
from app.examples import example_responses
from app.http.accept import document_formats, negotiate_format
from app.http.caching import respond_with_version_etag
from app.http.chart_formats import (
    CHART_MEDIA_TYPES,
    add_chart_responses,
    respond_in_chart_format,
)
from app.http.dependencies import CursorKeyDep, DatabaseDep, SettingsDep
from app.http.page import build_page_links
from app.http.prefix_router import PrefixRouter
from app.http.problems import COMMON_RESPONSES
from app.http.public_url import resolve_public_url
from app.http.query_route import QueryRoute
from app.json_encoding import encode_json
from app.lineages import Version
from app.page_models import Meta
from app.query_models import EmptyQuery
from app.settings import Settings
from app.shifts import answers, detect, ranking, serialize
from app.shifts.alignment_schemas import Alignment
from app.shifts.calibration_schemas import CalibrationAnswer, FittedParameters
from app.shifts.detect import DetectedShift
from app.shifts.evidence_schemas import ShiftDetail
from app.shifts.feed import FEED_MEDIA_TYPES, FeedForm, ShiftFeed, render_shift_feed
from app.shifts.filter import AlignmentQuery, ShiftFormat, ShiftQuery
from app.shifts.index_remarks import describe_missing_members
from app.shifts.materialized.calibration import read_calibration
from app.shifts.question import (
    AlignmentQuestion,
    resolve_open_question,
    resolve_question,
)
from app.shifts.schemas import ShiftMeta, ShiftPage
from app.shifts.scores import load_scores
from app.shifts.shift_id import BadShiftIdError, unpack_shift_id
from app.shifts.statistics.null_distribution import Calibration
from app.sources.citation import format_citation, read_cited_datasets

router = PrefixRouter(
    prefix="/v1", tags=["shifts"], responses=COMMON_RESPONSES, route_class=QueryRoute
)

SHIFT_MEDIA_TYPES: dict[ShiftFormat, tuple[str, ...]] = dict(
    [*CHART_MEDIA_TYPES.items(), *FEED_MEDIA_TYPES.items()]
)
ShiftId = Annotated[
    str,
    Path(description="From `/v1/shifts`; contains the question, the version and the days."),
]


@router.get(
    "/alignment",
    response_model=Alignment,
    operation_id="getAlignment",
    responses=add_chart_responses(example_responses("getAlignment")),
)
def get_alignment(
    asked: Annotated[AlignmentQuery, Query()],
    request: Request,
    database: DatabaseDep,
    chosen: SettingsDep,
) -> Response:
    """The index of an actor toward others over time, with its interval and what it rests on."""
    with database.connect() as db:
        version, then = resolve_version(db, asked)

        def make_response() -> Response:
            question = resolve_question(db, asked, chosen.alignment_datasets, then)
            known = read_calibration(db, then)
            links = build_page_links(request, None, version)
            try:
                found = answers.build_alignment(db, asked, question, known, links, version)
            except TooManyBucketsError as many:
                hint = "Ask for a shorter window or a coarser granularity."
                raise InvalidParameterError("granularity", str(many), hint) from many

            def read_marks() -> dict[str, object]:
                return answers.build_shift_marks(db, asked, question, known, version)

            answer = Response(encode_json(found), media_type="application/json")
            return respond_in_chart_format(request, db, "alignment", asked, answer, read_marks)

        return respond_with_version_etag(
            request, version, make_response, request.headers.get("accept", ""), remember=True
        )


@router.get(
    "/shifts",
    response_model=ShiftPage,
    operation_id="listShifts",
    responses=document_formats(example_responses("listShifts"), SHIFT_MEDIA_TYPES),
)
def list_shifts(
    asked: Annotated[ShiftQuery, Query()],
    request: Request,
    database: DatabaseDep,
    chosen: SettingsDep,
    secret: CursorKeyDep,
) -> Response:
    """Changes of alignment, most certain first.

    A named pair always has a row, which may say that there is no shift, and why. `since` and
    `until` bound the onset, not the data that are used.
    """
    form = asked.format or negotiate_format(request.headers.get("accept"), SHIFT_MEDIA_TYPES)
    if form in FEED_MEDIA_TYPES:
        if asked.width is not None:
            hint = "Leave width out, or ask for format=svg."
            raise InvalidParameterError("width", f"does not go with format={form}", hint)
        if "sort" not in asked.model_fields_set:
            asked = asked.model_copy(update={"sort": "-onset"})
    root = resolve_public_url(request, chosen) if form in FEED_MEDIA_TYPES else ""
    with database.connect() as db:
        version, then = resolve_version(db, asked)
        if then is not None and then == read_version(db):
            then = None  # by its permalink too the newest version has the votes of other dyads

        def make_response() -> Response:
            known = read_calibration(db, then)
            question = resolve_open_question(db, asked, chosen.alignment_datasets, then)
            rows, cursor, size, left = _choose_page(db, asked, question, known, secret, version)
            scope = ranking.find_scope(question)
            rows = serialize.add_formal_steps(db, rows)
            names = serialize.read_actor_names(db, rows)
            data = [answers.serialize_row(db, row, asked, scope, version, names) for row in rows]
            meta = ShiftMeta(
                version=version,
                reason=None if rows else answers.explain_empty_answer(db, asked, question),
                remark=None if rows else answers.describe_actor_acted_for(db, question),
                closed=list(question.closed) or None,
                datasets=list(question.datasets),
                family_size=size,
                stale=left,
                partly_recorded=find_partly_recorded(db, question.groups, then) or None,
            )
            found = ShiftPage(
                data=data, meta=meta, links=build_page_links(request, cursor, version)
            )
            if form in FEED_MEDIA_TYPES:
                return _build_feed(request, db, chosen, form, found)
            answer = Response(encode_json(found), media_type="application/json")
            if found.links.next:
                answer.headers["Link"] = f'<{found.links.next}>; rel="next"'
            return respond_in_chart_format(request, db, "shifts", asked, answer)

        return respond_with_version_etag(
            request, version, make_response, f"{request.headers.get('accept', '')} {root}"
        )


def _build_feed(
    request: Request, db: Connection, chosen: Settings, form: ShiftFormat, found: ShiftPage
) -> Response:
    """Build a page of shifts as a feed; `Link` has the next page."""
    kind = cast(FeedForm, form)
    rights = [format_citation(one) for one in read_cited_datasets(db, found.meta.datasets)]
    partly = found.meta.partly_recorded or []
    names = serialize.read_sentence_names(db, set(partly), None) if partly else {}
    remark = describe_missing_members(partly, names)
    root = resolve_public_url(request, chosen)
    feed = ShiftFeed(found.data, found.links, root, rights, remark)
    answer = Response(render_shift_feed(kind, feed), media_type=FEED_MEDIA_TYPES[kind][0])
    if found.links.next:
        answer.headers["Link"] = f'<{found.links.next}>; rel="next"'
    return answer


def _choose_page(
    db: Connection,
    asked: ShiftQuery,
    question: AlignmentQuestion,
    known: Calibration,
    secret: bytes,
    version: Version,
) -> tuple[list[DetectedShift], str | None, int, int]:
    """Choose the rows of a page.

    Returns also the cursor of the next page, the number of tests, and of stale dyads.
    """
    bound = asked.model_dump_json(exclude={"cursor", "limit", "format", "lineage"})
    after = decode_page_cursor(asked.cursor, bound, secret, version)
    rows, size, left = ranking.find_shifts_of_question(
        db, asked, question, known, None if after is None else float(after.value)
    )
    keyed = sorted((serialize.shift_sort_key(row, asked.sort), n) for n, row in enumerate(rows))
    if after is not None:
        keyed = [k for k in keyed if k[0] > (float(after.value), after.id)]
    chosen = keyed[: asked.limit]
    found = [rows[n] for _, n in chosen]
    cursor = None
    if len(keyed) > asked.limit:
        value, tie = chosen[-1][0]
        cursor = encode_cursor(PageKey(repr(value), str(tie)), bound, secret, version)
    if not question.toward:
        found = detect.confirm_verdicts(db, found, known)
    return found, cursor, size, left


@router.get(
    "/shifts/calibration",
    response_model=CalibrationAnswer,
    operation_id="getShiftCalibration",
    responses=example_responses("getShiftCalibration"),
)
def get_shift_calibration(
    _: Annotated[EmptyQuery, Query()], request: Request, database: DatabaseDep
) -> Response:
    """How good shifts are: size, false discoveries, coverage and power on known changes."""
    with database.connect() as db:
        version = read_version(db)

        def make_response() -> Response:
            known = read_calibration(db)
            used = FittedParameters(null=asdict(known.null), prior_share=known.prior_share)
            links = build_page_links(request, None, None)
            found = CalibrationAnswer(
                data=load_scores(), in_use=used, meta=Meta(version=version), links=links
            )
            return Response(encode_json(found), media_type="application/json")

        return respond_with_version_etag(request, version, make_response)


@router.get(
    "/shifts/{shift_id}",
    response_model=ShiftDetail,
    operation_id="getShift",
    responses=example_responses("getShift"),
)
def get_shift(
    shift_id: ShiftId,
    _: Annotated[EmptyQuery, Query()],
    request: Request,
    database: DatabaseDep,
    chosen: SettingsDep,
) -> Response:
    """One shift with its evidence: the exact share of every event, for and against it."""
    try:
        reference = unpack_shift_id(shift_id)
    except BadShiftIdError as bad:
        raise NotFoundError("No shift has that id; /v1/shifts lists them.") from bad
    with database.connect() as db:
        newest = read_version(db)
        version = newest
        if reference.version is not None:
            newest.ancestry.require_version(reference.lineage, reference.version)
            version = Version(reference.version, newest.ancestry)
        if version > newest:
            raise NotFoundError(f"The shift is of version {version}; the newest is {newest}.")
        then = None if version == newest else int(version)

        def make_response() -> Response:
            try:
                question = resolve_question(db, reference.asked, chosen.alignment_datasets, then)
            except InvalidParameterError as gone:
                raise NotFoundError(
                    f"The question of that id no longer has an answer: {gone}"
                ) from gone
            known = read_calibration(db, then)
            found = answers.build_shift_detail(db, question, reference, version, known)
            found.id = shift_id
            return Response(encode_json(found), media_type="application/json")

        return respond_with_version_etag(request, version, make_response)
