"""Tables of watches and of the messages that they send."""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, String, Table

from app.db.tables.naming import metadata
from app.db.types import SEQUENCE, bytewise_text, document_text

watches = Table(
    "watches",
    metadata,
    Column("id", bytewise_text(), primary_key=True),
    Column("owner", bytewise_text(), nullable=False),
    Column("name", String, nullable=False),
    Column("kind", bytewise_text(), nullable=False),
    Column("question", document_text(), nullable=False),
    Column("codes", document_text(), nullable=False),
    Column("state", bytewise_text(), nullable=False),
    Column("reason", String),
    Column("url", String),
    Column("email", String),
    Column("secrets", document_text(), nullable=False),
    Column("token", bytewise_text(), nullable=False),
    Column("created_at", bytewise_text(), nullable=False),
    Column("edition", BigInteger, nullable=False),
    Column("position", SEQUENCE),
    Column("pending", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("due_at", bytewise_text()),
    Column("touched", SEQUENCE),
    Column("checked", SEQUENCE),
    Column("finding", document_text()),
    Index(None, "owner", "created_at"),
    Index(None, "edition"),
)
"""Watches: saved questions whose owner hears of changes that match.

`codes` is the question with its names resolved. `edition` grows with every change of any watch.
`position` is the `seq` up to which changes were compared with this watch alone; it is null where
the watch goes along with the others, whose position is the row `watches` of `house`. `pending`
counts the deliveries that wait, `failures` the attempts that failed since the last one that
succeeded, and before `due_at` no attempt is made. `touched`, `checked` and `finding` are of a watch
on a shift: the last change between its sides, the version it was computed at, and what was found.
"""
Index(
    "ix_watches_due",
    watches.c.due_at,
    sqlite_where=watches.c.due_at.is_not(None),
    postgresql_where=watches.c.due_at.is_not(None),
)

watch_deliveries = Table(
    "watch_deliveries",
    metadata,
    Column("watch", bytewise_text(), nullable=False),
    Column("seq", SEQUENCE, nullable=False),
    Column("change", bytewise_text(), nullable=False),
    Column("state", bytewise_text(), nullable=False),
    Column("at", bytewise_text(), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("sent_at", bytewise_text()),
    Column("status", Integer),
    Column("error", String),
    Column("document", document_text()),
    PrimaryKeyConstraint("watch", "seq"),
    sqlite_with_rowid=False,
)
"""What each watch has to say, by the `seq` of the change: to be sent, sent, or given up.

`document` is what is said of a shift; of an event it is made from its revision when it is sent."""
