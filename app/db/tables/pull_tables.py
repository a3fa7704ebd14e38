"""Tables of what was pulled from sources: the ledger of files."""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, String, Table

from app.db.tables.naming import metadata
from app.db.types import bytewise_text, document_text

pull_sources = Table(
    "pull_sources",
    metadata,
    Column("source", bytewise_text(), primary_key=True),
    Column("terms_accepted", bytewise_text()),
    Column("mark", bytewise_text()),
    Column("newest", bytewise_text()),
    Column("restriction", String),
    Column("lists", document_text(), nullable=False),
    Column("last_round", bytewise_text()),
    Column("last_success", bytewise_text()),
    Column("error", String),
)
"""The sources that files are pulled from, and how far that has come.

`mark` is the latest instant of change whose rows are all here, for a source that is asked by it.
`newest` is the latest slot or day that is loaded.
`restriction` is what the source said that it does not show. `lists` has the entity tags of its
lists."""

pull_items = Table(
    "pull_items",
    metadata,
    Column("source", bytewise_text(), nullable=False),
    Column("stream", bytewise_text(), nullable=False),
    Column("item", bytewise_text(), nullable=False),
    Column("url", String, nullable=False),
    Column("stamp", bytewise_text(), nullable=False),
    Column("state", bytewise_text(), nullable=False),
    Column("size", BigInteger),
    Column("checksum", bytewise_text()),
    Column("etag", String),
    Column("last_modified", String),
    Column("tries", Integer, nullable=False),
    Column("next_try", bytewise_text()),
    Column("first_listed", bytewise_text(), nullable=False),
    Column("loaded_at", bytewise_text()),
    Column("publications", Integer, nullable=False),
    Column("rows", BigInteger),
    Column("rejected", BigInteger),
    Column("error", String),
    PrimaryKeyConstraint("source", "stream", "item"),
    Index(None, "source", "state", "next_try"),
    Index(None, "source", "stream", "stamp"),
    sqlite_with_rowid=False,
)
"""The ledger: each file, slot or release that a source has or should have, and what became of it.

`stamp` is the slot or day that it is of, and `checksum` that of the version which is loaded, or is
to be. `publications` counts the versions that were loaded."""
