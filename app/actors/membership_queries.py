"""Conditions on memberships."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement

from app.db.document_table import DocumentTable, RowConditions
from app.db.tables import memberships
from app.db.versioning import Columns

MEMBERSHIP_DOCUMENTS = DocumentTable("membership", memberships, "id", "/v1/memberships")


def match_memberships(
    actors: Sequence[str], groups: Sequence[str], roles: Sequence[str]
) -> RowConditions:
    """Match memberships of any of the actors in any of the groups, by code, in any of the roles.

    An empty sequence does not narrow.
    """

    def build_conditions(m: Columns) -> list[ColumnElement[bool]]:
        wanted = ((m.actor, actors), (m.group, groups), (m.role, roles))
        return [column.in_(values) for column, values in wanted if values]

    return build_conditions
