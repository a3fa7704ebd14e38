"""Tables of those who may write: their keys, and what they tried to write."""

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, String, Table

from app.db.tables.naming import metadata
from app.db.types import bytewise_text, document_text

keys = Table(
    "keys",
    metadata,
    Column("id", bytewise_text(), primary_key=True),
    Column("name", bytewise_text(), nullable=False),
    Column("digest", bytewise_text(), nullable=False),
    Column("scope", bytewise_text(), nullable=False),
    Column("created", bytewise_text(), nullable=False),
    Column("expires", bytewise_text()),
    Column("revoked", bytewise_text()),
    Column("used", bytewise_text()),
    Column("reads", String),
    Column("writes", String),
)
"""API keys. `reads` are the closed datasets that a key may read, and `writes` the only ones that it
may write to: codes joined by commas, `*` for all; null for none, and for no limit."""

attempts = Table(
    "attempts",
    metadata,
    Column("writer", bytewise_text(), nullable=False),
    Column("key", bytewise_text(), nullable=False),
    Column("request", bytewise_text(), nullable=False),
    Column("at", bytewise_text(), nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", String, nullable=False),
    Column("body", document_text(), nullable=False),
    PrimaryKeyConstraint("writer", "key"),
    Index(None, "at"),
)
"""Stored answers to requests with an `Idempotency-Key`, which a repeated request receives again."""
