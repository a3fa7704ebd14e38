"""Tables of imports over HTTP."""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, String, Table

from app.db.tables.naming import metadata
from app.db.types import bytewise_text, document_text

imports = Table(
    "imports",
    metadata,
    Column("id", bytewise_text(), primary_key=True),
    Column("state", bytewise_text(), nullable=False),
    Column("by", String, nullable=False),
    Column("created_at", bytewise_text(), nullable=False),
    Column("started_at", bytewise_text()),
    Column("finished_at", bytewise_text()),
    Column("seen_at", bytewise_text()),
    Column("options", document_text(), nullable=False),
    Column("counts", document_text(), nullable=False),
    Column("file", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("error", String),
    Column("names", document_text()),
    Index(None, "state", "created_at"),
)
"""Import jobs and their progress; `done` counts the rows that are accounted for.

`names` has the most frequent unresolved names, of which `import_names` has all."""

import_rejects = Table(
    "import_rejects",
    metadata,
    Column("import", bytewise_text(), nullable=False),
    Column("number", Integer, nullable=False),
    Column("reject", document_text(), nullable=False),
    PrimaryKeyConstraint("import", "number"),
    sqlite_with_rowid=False,
)

import_names = Table(
    "import_names",
    metadata,
    Column("import", bytewise_text(), nullable=False),
    Column("kind", bytewise_text(), nullable=False),
    Column("name", bytewise_text(), nullable=False),
    Column("label", String),
    Column("times", BigInteger, nullable=False),
    Column("first", bytewise_text(), nullable=False),
    Column("last", bytewise_text(), nullable=False),
    PrimaryKeyConstraint("import", "kind", "name"),
    sqlite_with_rowid=False,
)
"""The names that an import could not resolve: how often, and on which days first and last."""
