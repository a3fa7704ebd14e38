"""HTTP routes for alliances, their members, and the ties of an actor."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, NamedTuple

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from app.actors.parameters import resolve_path_actor, resolve_query_actor
from app.actors.path_parameters import ActorName
from app.actors.search import search_actors
from app.alliances import read
from app.alliances.schemas import Alliance, MemberPage, MembersMeta, TiePage, TiesMeta
from app.db.as_of import resolve_version
from app.examples import example_responses
from app.http.caching import respond_with_version_etag
from app.http.chart_formats import add_chart_responses, respond_in_chart_format
from app.http.dependencies import DatabaseDep
from app.http.page import build_page_links, render_page
from app.http.prefix_router import PrefixRouter
from app.http.problems import COMMON_RESPONSES
from app.http.query_route import QueryRoute
from app.json_encoding import encode_json
from app.page_models import EmptyReason, Meta, Page
from app.query_models import ChartQuery, OnDayQuery
from app.text import ShortText

router = PrefixRouter(
    prefix="/v1", tags=["alliances"], responses=COMMON_RESPONSES, route_class=QueryRoute
)


class DayRows(NamedTuple):
    """The rows of an answer, why there are none, and how its version is said with what else."""

    rows: Sequence[BaseModel]
    reason: EmptyReason = "no_match"
    render_meta: Callable[..., Meta] = Meta


RowReader = Callable[[Connection, int | None], DayRows]


class AlliancesQuery(OnDayQuery):
    """Parameters of a list of alliances on a day."""

    q: ShortText | None = Field(
        None,
        description="Words of a name in any language, each perhaps only begun, or a code: best"
        " match first.",
        examples=["collective"],
    )


class MembersQuery(OnDayQuery):
    """Parameters of a list of members on a day."""

    role: list[ShortText] = Field(
        ["member"], description="Roles in the group; `member` by default."
    )


class AllianceHistoryQuery(MembersQuery, ChartQuery):
    """Parameters of the history of an alliance, as rows or as a chart."""


class TiesQuery(OnDayQuery):
    """Parameters of the ties of an actor on a day."""

    actor: ShortText = Field(description="Any name of the actor.", examples=["ARM"])


def answer_day_list(
    request: Request,
    database: DatabaseDep,
    asked: OnDayQuery,
    read_rows: RowReader,
    shape: Callable[[Connection, Response], Response] = lambda _, answer: answer,
) -> Response:
    """Answer with a whole list of a day, in one page."""
    with database.connect() as db:
        version, then = resolve_version(db, asked)

        def render_answer() -> Response:
            found = read_rows(db, then)
            rows = [row.model_dump_json() for row in found.rows]
            known = found.render_meta(version=version, reason=None if rows else found.reason)
            links = build_page_links(request, None, version, asked.day)
            return shape(db, render_page(rows, known, links))

        variant = f"{asked.day} {request.headers.get('accept', '')}"
        return respond_with_version_etag(request, version, render_answer, variant)


def _read_members(
    db: Connection, code: str, part: str, day: str | None, roles: Sequence[str], then: int | None
) -> DayRows:
    """Read the members of the group that a path names, on a day or ever, and what the group is."""
    path = f"/v1/alliances/{{code}}/{part}"
    group = resolve_path_actor(db, code, read.ALLIANCE_KINDS, then, path)
    found = read.read_group_members(db, group, day, roles, then)
    render_meta = partial(
        MembersMeta,
        summary=found.group.summary,
        members_recorded=found.group.members_recorded,
        recorded=found.recorded,
    )
    return DayRows(found.rows, read.explain_no_members(found.group, day, roles), render_meta)


@router.get(
    "/alliances",
    response_model=Page[Alliance],
    operation_id="listAlliances",
    responses=example_responses("listAlliances"),
)
def list_alliances(
    asked: Annotated[AlliancesQuery, Query()], request: Request, database: DatabaseDep
) -> Response:
    """Lists alliances and organizations by code, or those with a name, with members on the day."""

    def read_rows(db: Connection, then: int | None) -> DayRows:
        if asked.q is None:
            return DayRows(read.read_alliances(db, asked.day, as_of=then))
        codes = [match.code for match in search_actors(db, asked.q, read.ALLIANCE_KINDS, then)]
        found = read.read_alliances(db, asked.day, codes, then) if codes else []
        found = [group for group in found if group.members_recorded != "none"]
        found.sort(key=lambda group: codes.index(group.code))
        return DayRows(found)

    return answer_day_list(request, database, asked, read_rows)


@router.get(
    "/alliances/{code}",
    response_model=Alliance,
    operation_id="getAlliance",
    responses=example_responses("getAlliance"),
)
def get_alliance(
    code: ActorName, asked: Annotated[OnDayQuery, Query()], request: Request, database: DatabaseDep
) -> Response:
    """Returns one alliance or organization with its members on the day."""
    with database.connect() as db:
        version, then = resolve_version(db, asked)

        def render_answer() -> Response:
            found = resolve_path_actor(db, code, read.ALLIANCE_KINDS, then, "/v1/alliances/{code}")
            group = read.read_alliances(db, asked.day, [found], then)[0]
            return Response(encode_json(group), media_type="application/json")

        return respond_with_version_etag(request, version, render_answer, asked.day)


@router.get(
    "/alliances/{code}/members",
    response_model=MemberPage,
    operation_id="listMembers",
    responses=example_responses("listMembers"),
)
def list_members(
    code: ActorName,
    asked: Annotated[MembersQuery, Query()],
    request: Request,
    database: DatabaseDep,
) -> Response:
    """Lists the members on a day: those in force, suspended or withdrawing."""

    def read_rows(db: Connection, then: int | None) -> DayRows:
        return _read_members(db, code, "members", asked.day, asked.role, then)

    return answer_day_list(request, database, asked, read_rows)


@router.get(
    "/alliances/{code}/history",
    response_model=MemberPage,
    operation_id="getAllianceHistory",
    responses=add_chart_responses(example_responses("getAllianceHistory")),
)
def get_alliance_history(
    code: ActorName,
    asked: Annotated[AllianceHistoryQuery, Query()],
    request: Request,
    database: DatabaseDep,
) -> Response:
    """Lists every membership period of a group, past ones included."""

    def read_rows(db: Connection, then: int | None) -> DayRows:
        return _read_members(db, code, "history", None, asked.role, then)

    def draw_answer(db: Connection, answer: Response) -> Response:
        return respond_in_chart_format(request, db, "members", asked, answer)

    return answer_day_list(request, database, asked, read_rows, draw_answer)


@router.get(
    "/ties",
    response_model=TiePage,
    operation_id="listTies",
    responses=example_responses("listTies"),
)
def list_ties(
    asked: Annotated[TiesQuery, Query()], request: Request, database: DatabaseDep
) -> Response:
    """Lists the groups that an actor was bound to on a day, with the obligations."""

    def read_rows(db: Connection, then: int | None) -> DayRows:
        actor = resolve_query_actor(db, "actor", asked.actor, then)
        ties = read.read_ties(db, actor, asked.day, then)
        render_meta = partial(TiesMeta, partly_recorded=read.read_partly_recorded(db, then))
        return DayRows(ties, "not_recorded", render_meta)

    return answer_day_list(request, database, asked, read_rows)
