"""Tables of actors, their names, and their memberships."""

from sqlalchemy import Column, ForeignKey, Index, PrimaryKeyConstraint, String, Table

from app.db.tables.naming import metadata
from app.db.types import SEQUENCE, bytewise_text

actors = Table(
    "actors",
    metadata,
    Column("code", bytewise_text(), primary_key=True),
    Column("kind", bytewise_text(), nullable=False),
    Column("name", String, nullable=False),
    Column("since", bytewise_text()),
    Column("until", bytewise_text()),
    Column("merged_into", bytewise_text()),
    Column("seq", SEQUENCE, nullable=False),
)

actor_names = Table(
    "actor_names",
    metadata,
    Column("scheme", bytewise_text(), nullable=False),
    Column("value", bytewise_text(), nullable=False),
    Column("actor", bytewise_text(), ForeignKey("actors.code"), nullable=False),
    Column("since", bytewise_text(), nullable=False),
    Column("until", bytewise_text(), nullable=False),
    Column("seq", SEQUENCE, nullable=False),
    PrimaryKeyConstraint("scheme", "value", "actor", "since"),
    Index(None, "actor"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("id", bytewise_text(), primary_key=True),
    Column("actor", bytewise_text(), ForeignKey("actors.code"), nullable=False),
    Column("group", bytewise_text(), ForeignKey("actors.code"), nullable=False),
    Column("role", bytewise_text(), nullable=False),
    Column("since", bytewise_text()),
    Column("until", bytewise_text(), nullable=False),
    Column("signed", bytewise_text()),
    Column("seq", SEQUENCE, nullable=False),
    Column("suspended", bytewise_text()),
    Index(None, "actor", "group", "role", "since"),
    Index(None, "group", "role", "since"),
)
"""Memberships; `suspended` has the periods `since/until` in which one is suspended, or null.

A suspended member is still a member, but what passes with it does not count for its group.
"""
