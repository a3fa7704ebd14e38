"""HTTP routes for memberships: each membership period of an actor in a group, with its steps."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field
from sqlalchemy import ColumnElement, Connection

from app.actors.path import in_query
from app.actors.schemas import Membership
from app.db.tables import memberships
from app.db.worlds import Columns
from app.examples import shown
from app.http.asked import Past, PastPaging
from app.http.database import CursorKey, Held
from app.http.page import Page
from app.http.problems import RESPONSES
from app.http.record import Narrowing, Shelf, read_list, read_one
from app.text import Word

router = APIRouter(prefix="/v1/memberships", tags=["alliances"], responses=RESPONSES)

MembershipId = Annotated[
    str, Path(description="`{actor}:{group}:{role}:{spell}`.", examples=["ARM:CSTO:member:1"])
]

MEMBERSHIPS = Shelf("membership", memberships, "id", "/v1/memberships")


class MembershipQuery(PastPaging):
    """Parameters of a list of memberships: actors, groups and roles."""

    actor: list[Word] = Field(
        [], max_length=100, description="Of any of these actors, by any name."
    )
    group: list[Word] = Field(
        [], max_length=100, description="In any of these groups, by any name."
    )
    role: list[Word] = Field([], max_length=100, description="In any of these roles.")


@router.get(
    "",
    response_model=Page[Membership],
    operation_id="listMemberships",
    responses=shown("listMemberships"),
)
def list_memberships(
    asked: Annotated[MembershipQuery, Query()], request: Request, database: Held, key: CursorKey
) -> Response:
    """Lists memberships by id, ended ones and those not yet in force included."""

    def narrow(db: Connection, then: int | None) -> Narrowing:
        actors = [in_query(db, "actor", name, then) for name in asked.actor]
        groups = [in_query(db, "group", name, then) for name in asked.group]

        def conditions(m: Columns) -> list[ColumnElement[bool]]:
            wanted = ((m.actor, actors), (m.group, groups), (m.role, asked.role))
            return [column.in_(values) for column, values in wanted if values]

        return conditions

    return read_list(request, database, MEMBERSHIPS, asked, key, narrow)


@router.get(
    "/{membership_id}",
    response_model=Membership,
    operation_id="getMembership",
    responses=shown("getMembership"),
)
def get_membership(
    membership_id: MembershipId,
    asked: Annotated[Past, Query()],
    request: Request,
    database: Held,
) -> Response:
    """Returns one membership period of an actor in a group."""
    return read_one(request, database, MEMBERSHIPS, membership_id, asked.as_of)
