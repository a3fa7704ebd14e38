"""Tables of the record itself: documents with all their revisions, versions, and lineages."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from app.db.tables.naming import metadata
from app.db.types import SEQUENCE, bytewise_text, document_text

revisions = Table(
    "revisions",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=False),
    Column("kind", bytewise_text(), nullable=False),
    Column("id", bytewise_text(), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("action", bytewise_text(), nullable=False),
    Column("at", bytewise_text(), nullable=False, key="own_instant"),
    Column("by", String, nullable=False),
    Column("reason", String),
    Column("document", document_text(), nullable=False, key="plain"),
    Column("derived", Boolean, nullable=False),
    Column("packed", LargeBinary),
    UniqueConstraint("kind", "id", "revision").ddl_if(dialect="sqlite"),
)
"""Every revision of every document. A `derived` revision is not an edit: it follows from the change
of another document that this one shows.

`packed` is the document packed with one of `dictionaries`; the column `document` is empty then.
They are read by `app.db.dialect.stored_document` alone, and so the text is `plain` here.

The instant `at` is empty where it is that of the commit, which `instant_of` in
`app.db.revision_rows` reads; only revisions of older programs have one of their own.

On PostgreSQL revisions of events and sources are sought by a hash of the id, which takes a third of
the bytes of their key. That no number occurs twice follows from the one writer and from the key
`seq`, and `entente verify` looks for it (decision 040)."""
Index("ix_revisions_id", revisions.c.id, postgresql_using="hash").ddl_if(dialect="postgresql")
Index(
    "ix_revisions_edited",
    revisions.c.kind,
    revisions.c.id,
    revisions.c.revision,
    unique=True,
    postgresql_where=revisions.c.kind.not_in(("event", "source")),
).ddl_if(dialect="postgresql")

dictionaries = Table(
    "dictionaries",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", bytewise_text(), nullable=False),
    Column("dataset", bytewise_text()),
    Column("at", bytewise_text(), nullable=False),
    Column("documents", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
"""The dictionaries that documents are packed with, kept for as long as any document is packed.

`documents` is the number of those that it was trained on, of one kind and, of events, of one
dataset. The newest of a kind and dataset packs what is written."""

commits = Table(
    "commits",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=False),
    Column("at", bytewise_text(), nullable=False, unique=True),
)
"""The last `seq` of each transaction and its instant, by which an instant resolves to a version."""

lineages = Table(
    "lineages",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("lineage", bytewise_text(), nullable=False, unique=True),
    Column("parent", bytewise_text()),
    Column("forked_at", SEQUENCE, nullable=False),
    Column("at", bytewise_text(), nullable=False),
    Column("reason", String, nullable=False),
)
"""The lineages that led to the present, numbered from 1; none is changed (`app.lineages`)."""

moved = Table(
    "moved",
    metadata,
    Column("kind", bytewise_text(), nullable=False),
    Column("id", bytewise_text(), nullable=False),
    Column("into", bytewise_text(), nullable=False),
    Column("seq", SEQUENCE, nullable=False),
    PrimaryKeyConstraint("kind", "id"),
)
"""Merged documents: a request for `id` is answered with `into`."""

house = Table(
    "house",
    metadata,
    Column("name", bytewise_text(), primary_key=True),
    Column("value", String, nullable=False),
)
