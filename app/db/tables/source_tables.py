"""Tables of sources, of datasets, and of what these cover."""

from sqlalchemy import Boolean, Column, PrimaryKeyConstraint, String, Table, true

from app.db.tables.naming import metadata
from app.db.types import SEQUENCE, bytewise_text

sources = Table(
    "sources",
    metadata,
    Column("id", bytewise_text(), primary_key=True),
    Column("kind", bytewise_text(), nullable=False),
    Column("title", String, nullable=False),
    Column("publisher", String, nullable=False),
    Column("url", String),
    Column("published", bytewise_text()),
    Column("reliability", bytewise_text()),
    Column("seq", SEQUENCE, nullable=False),
)

datasets = Table(
    "datasets",
    metadata,
    Column("code", bytewise_text(), primary_key=True),
    Column("name", String, nullable=False),
    Column("first", bytewise_text()),
    Column("last", bytewise_text()),
    Column("signals", bytewise_text(), nullable=False),
    Column("mirrored_visits", Boolean, nullable=False),
    Column("access", bytewise_text(), nullable=False, server_default="open"),
    Column("searched", Boolean, nullable=False, server_default=true()),
    Column("seq", SEQUENCE, nullable=False),
)

covered_slots = Table(
    "covered_slots",
    metadata,
    Column("dataset", bytewise_text(), nullable=False),
    Column("day", bytewise_text(), nullable=False),
    Column("slots", bytewise_text(), nullable=False),
    PrimaryKeyConstraint("dataset", "day"),
    sqlite_with_rowid=False,
)
"""Days of which a part is covered, slot by slot. Other days are covered whole or not at all.

`slots` has a bit for each of the 96 slots, in 24 hexadecimal digits; the lowest is midnight's."""
