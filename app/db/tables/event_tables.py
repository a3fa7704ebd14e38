"""Tables of events: what finds them, what they show, and sums over them."""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    literal_column,
)

from app.db.tables.naming import metadata
from app.db.types import SEQUENCE, bytewise_text

events = Table(
    "events",
    metadata,
    Column("id", bytewise_text(), primary_key=True),
    Column("seq", SEQUENCE, nullable=False, unique=True),
    Column("dataset", bytewise_text(), ForeignKey("datasets.code"), nullable=False),
    Column("start", bytewise_text(), nullable=False),
    Column("end", bytewise_text(), nullable=False),
    Column("type", bytewise_text()),
    Column("mode", bytewise_text()),
    Column("cameo", bytewise_text()),
    Column("native", bytewise_text()),
    Column("intensity", Float),
    Column("quad", Integer),
    Column("status", bytewise_text(), nullable=False),
    Column("country", bytewise_text()),
    Column("lat", Float),
    Column("lon", Float),
    Column("x", Float),
    Column("y", Float),
    Column("z", Float),
    Column("independent_sources", Integer, nullable=False),
    Column("recorded_at", bytewise_text(), nullable=False),
    Index(None, "start", "id"),
    Index(None, "recorded_at", "id"),
    Index(None, "dataset", "start"),
    Index(None, "type", "start"),
    Index(None, "quad", "start"),
    Index(None, "cameo", "start"),
    # SQLite goes on to the event's row; on PostgreSQL it has what a participation is found by.
    Index(None, "country", "start", postgresql_include=["seq"]),
)
Index(
    "ix_events_running",
    events.c.end,
    sqlite_where=events.c.end != events.c.start,
    postgresql_where=events.c.end != events.c.start,
)

participations = Table(
    "participations",
    metadata,
    Column("actor", bytewise_text(), nullable=False),
    Column("start", bytewise_text(), nullable=False),
    Column("event", bytewise_text(), nullable=False),
    Column("role", bytewise_text(), nullable=False),
    Column("via", bytewise_text(), nullable=False),
    Column("end", bytewise_text(), nullable=False),
    Column("seq", SEQUENCE, nullable=False),
    Column("dataset", bytewise_text(), nullable=False),
    Column("type", bytewise_text()),
    Column("intensity", Float),
    Column("quad", Integer),
    Column("status", bytewise_text(), nullable=False),
    Column("cameo", bytewise_text()),
    PrimaryKeyConstraint(
        "actor",
        "start",
        "event",
        "role",
        "via",
        # SQLite keeps the row in its key; on PostgreSQL the key carries what pages read, numbers
        # last: each begins at a multiple of its size.
        postgresql_include=[
            "end",
            "dataset",
            "type",
            "status",
            "cameo",
            "quad",
            "seq",
            "intensity",
        ],
    ),
    Index(None, "event"),
    sqlite_with_rowid=False,
)
RUNNING_CARRIES = (
    "start", "event", "role", "via", "dataset", "type", "status", "cameo", "quad", "seq",
    "intensity",
)  # fmt: skip
"""What the index of lasting events has on PostgreSQL besides, as the key of participations has.

Else the server, which does not know how few events last, would walk all events of the actor in the
key, as soon as it may read the key alone (decision 044)."""
Index(
    "ix_participations_running",
    participations.c.actor,
    participations.c.end,
    sqlite_where=participations.c.end != participations.c.start,
    postgresql_where=participations.c.end != participations.c.start,
    postgresql_include=RUNNING_CARRIES,
)
RARE_ROLES = ("participant", "host", "affected", "mediator", "absent")
"""The roles that most participations do not have, which have an index."""
IS_RARE_ROLE = participations.c.role.not_in(
    [literal_column("'initiator'"), literal_column("'target'")]
)
"""The condition of that index, as a statement has to have it."""
Index(
    "ix_participations_role",
    participations.c.actor,
    participations.c.role,
    participations.c.start,
    sqlite_where=IS_RARE_ROLE,
    postgresql_where=IS_RARE_ROLE,
)

pairs = Table(
    "pairs",
    metadata,
    Column("one", bytewise_text(), nullable=False),
    Column("other", bytewise_text(), nullable=False),
    Column("start", bytewise_text(), nullable=False),
    Column("event", bytewise_text(), nullable=False),
    Column("roles", Integer, nullable=False),
    Column("seq", SEQUENCE, nullable=False),
    PrimaryKeyConstraint("one", "other", "start", "event", postgresql_include=["roles", "seq"]),
    sqlite_with_rowid=False,
)
"""Current events by each two of their actors, of which `one` sorts first; not retracted ones.

An event of more than `MAX_PAIRED` actors (`app/events/index_rows.py`) has a row for each of them
instead, whose `other` is empty. `roles` has bits for the roles of the two (`role_bits`). There is
no history: what is asked as of a version is not looked for here."""

tags = Table(
    "tags",
    metadata,
    Column("tag", bytewise_text(), nullable=False),
    Column("event", bytewise_text(), nullable=False),
    Column("seq", SEQUENCE, nullable=False),
    PrimaryKeyConstraint("tag", "event"),
    Index(None, "event"),
    sqlite_with_rowid=False,
)

reports = Table(
    "reports",
    metadata,
    Column("event", bytewise_text(), nullable=False),
    Column("number", Integer, nullable=False),
    Column("source", bytewise_text(), ForeignKey("sources.id"), nullable=False),
    Column("publisher", bytewise_text(), nullable=False),
    Column("published", bytewise_text()),
    Column("reliability", bytewise_text()),
    Column("credibility", Integer),
    Column("stance", bytewise_text(), nullable=False),
    Column("seq", SEQUENCE, nullable=False),
    PrimaryKeyConstraint("event", "number"),
    Index(None, "source"),
    Index(None, "publisher"),
    sqlite_with_rowid=False,
)

signals = Table(
    "signals",
    metadata,
    Column("from", bytewise_text(), nullable=False),
    Column("toward", bytewise_text(), nullable=False),
    Column("start", bytewise_text(), nullable=False),
    Column("event", bytewise_text(), nullable=False),
    Column("origin", bytewise_text(), nullable=False),
    Column("rule", bytewise_text(), nullable=False),
    Column("score", Float, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("quad", Integer, nullable=False),
    Column("weight", Float, nullable=False),
    Column("end", bytewise_text(), nullable=False),
    Column("dataset", bytewise_text(), nullable=False),
    Column("seq", SEQUENCE, nullable=False),
    PrimaryKeyConstraint("from", "toward", "start", "event"),
    Index(None, "event"),
    sqlite_with_rowid=False,
)
"""Signals, each spread over the days from `start` to `end`; what lasts weighs more."""

day_sums = Table(
    "day_sums",
    metadata,
    Column("from", bytewise_text(), nullable=False),
    Column("toward", bytewise_text(), nullable=False),
    Column("dataset", bytewise_text(), nullable=False),
    Column("day", bytewise_text(), nullable=False),
    Column("n", Integer, nullable=False),
    Column("positive", Integer, nullable=False),
    Column("negative", Integer, nullable=False),
    *(Column(f"q{quad}", Integer, nullable=False) for quad in (1, 2, 3, 4)),
    PrimaryKeyConstraint("from", "toward", "dataset", "day"),
    sqlite_with_rowid=False,
)
"""Sums of the signals by day, as they are spread.

`positive`, `negative` and the classes `q1` to `q4` are in thousandths; `n` counts each signal once,
on its first day."""

volumes = Table(
    "volumes",
    metadata,
    Column("dataset", bytewise_text(), nullable=False),
    Column("size", bytewise_text(), nullable=False),
    Column("start", bytewise_text(), nullable=False),
    Column("n", Integer, nullable=False),
    PrimaryKeyConstraint("dataset", "size", "start"),
    sqlite_with_rowid=False,
)
"""Signals of a dataset by all actors together, counted by `day` and by `month`."""

month_counts = Table(
    "month_counts",
    metadata,
    Column("actor", bytewise_text(), nullable=False),
    Column("dataset", bytewise_text(), nullable=False),
    Column("month", bytewise_text(), nullable=False),
    Column("type", bytewise_text(), nullable=False),
    Column("n", Integer, nullable=False),
    Column("cooperation", Integer, nullable=False),
    Column("conflict", Integer, nullable=False),
    Column("scored", Integer, nullable=False),
    Column("intensity", BigInteger, nullable=False),
    Column("lasting", Integer, nullable=False),
    Column("peak", BigInteger, nullable=False),
    Column("at_peak", Integer, nullable=False),
    PrimaryKeyConstraint("actor", "dataset", "month", "type"),
    sqlite_with_rowid=False,
)
"""Counts of the events that are not retracted, by the month in which they began.

Each event counts once for each of its actors, and once for the empty actor, which stands for all;
an event of no type has the empty one. `cooperation` and `conflict` count by quad, `scored` those
with an intensity, `lasting` those of more than a day. `intensity` sums intensities in millionths.
`peak` is the greatest absolute intensity of all that were ever counted in the row, in millionths,
and `at_peak` the number of events that are left of it, which can be none.
"""

role_days = Table(
    "role_days",
    metadata,
    Column("actor", bytewise_text(), nullable=False),
    Column("month", bytewise_text(), nullable=False),
    Column("initiator", Integer, nullable=False),
    Column("target", Integer, nullable=False),
    PrimaryKeyConstraint("actor", "month", postgresql_include=["initiator", "target"]),
    sqlite_with_rowid=False,
)
"""Days on which events of an actor began, by month: a bit for each day, the first the least.

`initiator` and `target` have those on which it has an event that is not retracted in that role, and
may have days on which it had one (decision 056)."""
