"""Tables of what loads remember: the rows that they stored, and what found no event or actor."""

from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, String, Table

from app.db.tables.naming import metadata
from app.db.types import bytewise_text, document_text

loaded = Table(
    "loaded",
    metadata,
    Column("event", bytewise_text(), primary_key=True),
    Column("digest", BigInteger, nullable=False),
    Column("row", BigInteger, nullable=False),
    Column("parties", Integer),
    Column("unresolved", Integer, nullable=False, server_default="0"),
    Column("rank", Integer),
    sqlite_with_rowid=False,
)
"""Hashes of each loaded event, so that loading the same row again changes nothing.

`digest` is the hash of the row's values with actors resolved to codes, `row` that of the row as
written. `unresolved` counts the names of the row that no actor has: as long as there are any, the
row is read at each load, since they may be known then. `parties` counts the participants for which
the row names an actor; it is null for older loads, whose `row` is 0 where a name was unknown.
`rank` is that of the highest release which has the row; a lower one does not change the event. It
is null where no release was known.
"""

unresolved = Table(
    "unresolved",
    metadata,
    Column("event", bytewise_text(), nullable=False),
    Column("part", Integer, nullable=False),
    Column("name", bytewise_text(), nullable=False),
    Column("shown", bytewise_text()),
    Column("native", String),
    Column("label", String),
    PrimaryKeyConstraint("event", "part"),
    sqlite_with_rowid=False,
)
"""The names in loaded events that no actor has, so that they can be resolved without their file.

`part` is the number of the participant among the stated ones, or -1 for the country of the place.
`name` is what the row names, such as `acled:Some Militia`, and `shown` how reports show it, where
that differs; `native` the source's own code of the participant, and `label` its name for it.
"""

mentions = Table(
    "mentions",
    metadata,
    Column("event", bytewise_text(), nullable=False),
    Column("source", bytewise_text(), nullable=False),
    Column("locator", String),
    Column("claims", document_text()),
    Column("digest", BigInteger, nullable=False),
    PrimaryKeyConstraint("event", "source"),
    sqlite_with_rowid=False,
)
"""Articles that mention an event; the event itself may be loaded later or never."""
