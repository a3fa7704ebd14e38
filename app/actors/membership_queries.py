"""Conditions on memberships, and of which groups not all of them are recorded."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, select

from app.db.document_table import DocumentTable, RowConditions
from app.db.tables import actors as actor_table
from app.db.tables import memberships
from app.db.versioning import Columns, select_with_documents

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


class _GroupDocument(msgspec.Struct):
    members_recorded: str | None = None


_decode_group = msgspec.json.Decoder(_GroupDocument).decode


def find_partly_recorded(
    db: Connection, groups: Sequence[str], as_of: int | None = None
) -> list[str]:
    """Find those of some groups, by code, of which only some members are recorded."""
    if not groups:
        return []

    def select_rows(a: Columns) -> Select[str, int]:
        return select(a.code, a.seq).where(a.code.in_(groups))

    found = db.execute(select_with_documents(as_of, actor_table, select_rows))
    return sorted(r[0] for r in found if _decode_group(r[-1]).members_recorded == "some")
