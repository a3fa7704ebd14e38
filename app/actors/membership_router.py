"""HTTP routes for memberships: each membership period of an actor in a group, with its steps."""

from typing import Annotated

from fastapi import Path, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from app.actors.membership_queries import MEMBERSHIP_DOCUMENTS, match_memberships
from app.actors.parameters import resolve_query_actor
from app.actors.schemas import Membership
from app.db.document_table import RowConditions
from app.examples import example_responses
from app.http.dependencies import CursorKeyDep, DatabaseDep
from app.http.document_routes import respond_document_list, respond_one_document
from app.http.prefix_router import PrefixRouter
from app.http.problems import COMMON_RESPONSES
from app.http.query_route import QueryRoute
from app.page_models import Page
from app.query_models import AsOfPagingQuery, AsOfQuery
from app.text import ShortText

router = PrefixRouter(
    prefix="/v1/memberships", tags=["alliances"], responses=COMMON_RESPONSES, route_class=QueryRoute
)

MembershipId = Annotated[
    str, Path(description="`{actor}:{group}:{role}:{spell}`.", examples=["ARM:CSTO:member:1"])
]


class MembershipQuery(AsOfPagingQuery):
    """Parameters of a list of memberships: actors, groups and roles."""

    actor: list[ShortText] = Field(
        [], max_length=100, description="Of any of these actors, by any name."
    )
    group: list[ShortText] = Field(
        [], max_length=100, description="In any of these groups, by any name."
    )
    role: list[ShortText] = Field([], max_length=100, description="In any of these roles.")


@router.get(
    "",
    response_model=Page[Membership],
    operation_id="listMemberships",
    responses=example_responses("listMemberships"),
)
def list_memberships(
    asked: Annotated[MembershipQuery, Query()],
    request: Request,
    database: DatabaseDep,
    key: CursorKeyDep,
) -> Response:
    """Lists memberships by id, ended ones and those not yet in force included."""

    def build_narrowing(db: Connection, then: int | None) -> RowConditions:
        actors = [resolve_query_actor(db, "actor", name, then) for name in asked.actor]
        groups = [resolve_query_actor(db, "group", name, then) for name in asked.group]

        return match_memberships(actors, groups, asked.role)

    return respond_document_list(
        request, database, MEMBERSHIP_DOCUMENTS, asked, key, build_narrowing
    )


@router.get(
    "/{membership_id}",
    response_model=Membership,
    operation_id="getMembership",
    responses=example_responses("getMembership"),
)
def get_membership(
    membership_id: MembershipId,
    asked: Annotated[AsOfQuery, Query()],
    request: Request,
    database: DatabaseDep,
) -> Response:
    """Returns one membership period of an actor in a group."""
    return respond_one_document(request, database, MEMBERSHIP_DOCUMENTS, membership_id, asked)
