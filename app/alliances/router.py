"""HTTP routes for alliances, their members, and the ties of an actor."""

from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from app.actors.path import Name, in_path, in_query
from app.alliances import read
from app.alliances.schemas import Alliance, Member, Tie
from app.examples import shown
from app.http.answer import encode
from app.http.asked import OnDay, seen
from app.http.caching import cached
from app.http.database import Held
from app.http.drawing import Drawn, drawable, in_form
from app.http.page import Meta, Page, links, page
from app.http.problems import RESPONSES
from app.text import Word

router = APIRouter(prefix="/v1", tags=["alliances"], responses=RESPONSES)
Read = Callable[[Connection, int | None], Sequence[BaseModel]]


class MembersQuery(OnDay):
    """Parameters of a list of members on a day."""

    role: list[Word] = Field(["member"], description="Roles in the group; `member` by default.")


class HistoryQuery(MembersQuery, Drawn):
    """Parameters of the history of an alliance, as rows or as a chart."""


class TiesQuery(OnDay):
    """Parameters of the ties of an actor on a day."""

    actor: Word = Field(description="Any name of the actor.", examples=["ARM"])


def listed(
    request: Request,
    database: Held,
    asked: OnDay,
    read_rows: Read,
    shape: Callable[[Response], Response] = lambda answer: answer,
) -> Response:
    """Answer with a whole list of a day, in one page."""
    with database.connect() as db:
        version, then = seen(db, asked.as_of)

        def make() -> Response:
            rows = [row.model_dump_json() for row in read_rows(db, then)]
            known = Meta(version=version, reason=None if rows else "no_match")
            return shape(page(rows, known, links(request, None, version, asked.day)))

        variant = f"{asked.day} {request.headers.get('accept', '')}"
        return cached(request, version, make, variant)


@router.get(
    "/alliances",
    response_model=Page[Alliance],
    operation_id="listAlliances",
    responses=shown("listAlliances"),
)
def list_alliances(asked: Annotated[OnDay, Query()], request: Request, database: Held) -> Response:
    """Lists alliances and organizations with their members on the day."""

    def read_rows(db: Connection, then: int | None) -> list[Alliance]:
        return read.alliances(db, asked.day, as_of=then)

    return listed(request, database, asked, read_rows)


@router.get(
    "/alliances/{code}",
    response_model=Alliance,
    operation_id="getAlliance",
    responses=shown("getAlliance"),
)
def get_alliance(
    code: Name, asked: Annotated[OnDay, Query()], request: Request, database: Held
) -> Response:
    """Returns one alliance or organization with its members on the day."""
    with database.connect() as db:
        version, then = seen(db, asked.as_of)

        def make() -> Response:
            found = in_path(db, code, read.KINDS, then, "/v1/alliances/{code}")
            group = read.alliances(db, asked.day, [found], then)[0]
            return Response(encode(group), media_type="application/json")

        return cached(request, version, make, asked.day)


@router.get(
    "/alliances/{code}/members",
    response_model=Page[Member],
    operation_id="listMembers",
    responses=shown("listMembers"),
)
def list_members(
    code: Name, asked: Annotated[MembersQuery, Query()], request: Request, database: Held
) -> Response:
    """Lists the members on a day: those in force, suspended or withdrawing."""

    def read_rows(db: Connection, then: int | None) -> list[Member]:
        group = in_path(db, code, read.KINDS, then, "/v1/alliances/{code}/members")
        return read.members(db, group, asked.day, asked.role, then)

    return listed(request, database, asked, read_rows)


@router.get(
    "/alliances/{code}/history",
    response_model=Page[Member],
    operation_id="getAllianceHistory",
    responses=drawable(shown("getAllianceHistory")),
)
def get_history(
    code: Name, asked: Annotated[HistoryQuery, Query()], request: Request, database: Held
) -> Response:
    """Lists every membership period of a group, past ones included."""

    def read_rows(db: Connection, then: int | None) -> list[Member]:
        group = in_path(db, code, read.KINDS, then, "/v1/alliances/{code}/history")
        return read.members(db, group, None, asked.role, then)

    def drawn(answer: Response) -> Response:
        return in_form(request, "members", asked, answer)

    return listed(request, database, asked, read_rows, drawn)


@router.get("/ties", response_model=Page[Tie], operation_id="listTies", responses=shown("listTies"))
def list_ties(asked: Annotated[TiesQuery, Query()], request: Request, database: Held) -> Response:
    """Lists the groups that an actor was bound to on a day, with the obligations."""

    def read_rows(db: Connection, then: int | None) -> list[Tie]:
        return read.ties(db, in_query(db, "actor", asked.actor, then), asked.day, then)

    return listed(request, database, asked, read_rows)
