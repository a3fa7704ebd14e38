"""Every table on one page.

A revision is a document; the other tables are indexes beside the documents. Days are ISO text
(`2023-10-03`), which sorts as it means on both databases; a period is half-open, [since, until).
"""

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from app.db.types import SEQUENCE, document, word

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# ── the record ────────────────────────────────────────────────────────────────────────────────
revisions = Table(
    "revisions",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=False),
    Column("kind", word(), nullable=False),
    Column("id", word(), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("action", word(), nullable=False),
    Column("at", word(), nullable=False),
    Column("by", String, nullable=False),
    Column("reason", String),
    Column("document", document(), nullable=False),
    UniqueConstraint("kind", "id", "revision"),
)

house = Table(
    "house",
    metadata,
    Column("name", word(), primary_key=True),
    Column("value", String, nullable=False),
)

# ── who ───────────────────────────────────────────────────────────────────────────────────────
actors = Table(
    "actors",
    metadata,
    Column("code", word(), primary_key=True),
    Column("kind", word(), nullable=False),
    Column("name", String, nullable=False),
    Column("since", word()),
    Column("until", word()),
    Column("merged_into", word()),
    Column("seq", SEQUENCE, nullable=False),
)

actor_names = Table(
    "actor_names",
    metadata,
    Column("scheme", word(), nullable=False),
    Column("value", word(), nullable=False),
    Column("actor", word(), ForeignKey("actors.code"), nullable=False),
    Column("since", word(), nullable=False),
    Column("until", word(), nullable=False),
    PrimaryKeyConstraint("scheme", "value", "actor", "since"),
    Index(None, "actor"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("id", word(), primary_key=True),
    Column("actor", word(), ForeignKey("actors.code"), nullable=False),
    Column("group", word(), ForeignKey("actors.code"), nullable=False),
    Column("role", word(), nullable=False),
    Column("since", word()),
    Column("until", word(), nullable=False),
    Column("signed", word()),
    Column("seq", SEQUENCE, nullable=False),
    Index(None, "actor", "group", "role", "since"),
    Index(None, "group", "role", "since"),
)

# ── who says so ───────────────────────────────────────────────────────────────────────────────
sources = Table(
    "sources",
    metadata,
    Column("id", word(), primary_key=True),
    Column("kind", word(), nullable=False),
    Column("title", String, nullable=False),
    Column("publisher", String, nullable=False),
    Column("url", String),
    Column("published", word()),
    Column("seq", SEQUENCE, nullable=False),
)

datasets = Table(
    "datasets",
    metadata,
    Column("code", word(), primary_key=True),
    Column("name", String, nullable=False),
    Column("first", word()),
    Column("last", word()),
    Column("seq", SEQUENCE, nullable=False),
)

# ── what happened ─────────────────────────────────────────────────────────────────────────────
events = Table(
    "events",
    metadata,
    Column("id", word(), primary_key=True),
    Column("seq", SEQUENCE, nullable=False, unique=True),
    Column("dataset", word(), ForeignKey("datasets.code"), nullable=False),
    Column("start", word(), nullable=False),
    Column("end", word(), nullable=False),
    Column("type", word()),
    Column("mode", word()),
    Column("cameo", word()),
    Column("native", word()),
    Column("intensity", Float),
    Column("quad", Integer),
    Column("status", word(), nullable=False),
    Column("country", word()),
    Column("lat", Float),
    Column("lon", Float),
    Column("x", Float),
    Column("y", Float),
    Column("z", Float),
    Column("independent_sources", Integer, nullable=False),
    Column("recorded_at", word(), nullable=False),
    Index(None, "start", "id"),
    Index(None, "recorded_at", "id"),
    Index(None, "dataset", "start"),
    Index(None, "type", "start"),
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
    Column("actor", word(), nullable=False),
    Column("start", word(), nullable=False),
    Column("event", word(), nullable=False),
    Column("role", word(), nullable=False),
    Column("via", word(), nullable=False),
    Column("end", word(), nullable=False),
    Column("seq", SEQUENCE, nullable=False),
    Column("dataset", word(), nullable=False),
    Column("type", word()),
    Column("intensity", Float),
    Column("quad", Integer),
    Column("status", word(), nullable=False),
    PrimaryKeyConstraint(
        "actor",
        "start",
        "event",
        "role",
        "via",
        # SQLite keeps the row in its key; on PostgreSQL the key carries what pages read.
        postgresql_include=["seq", "end", "dataset", "type", "intensity", "quad", "status"],
    ),
    Index(None, "event"),
    sqlite_with_rowid=False,
)
Index(
    "ix_participations_running",
    participations.c.actor,
    participations.c.end,
    sqlite_where=participations.c.end != participations.c.start,
    postgresql_where=participations.c.end != participations.c.start,
)

tags = Table(
    "tags",
    metadata,
    Column("tag", word(), nullable=False),
    Column("event", word(), nullable=False),
    PrimaryKeyConstraint("tag", "event"),
    Index(None, "event"),
    sqlite_with_rowid=False,
)

reports = Table(
    "reports",
    metadata,
    Column("event", word(), nullable=False),
    Column("number", Integer, nullable=False),
    Column("source", word(), ForeignKey("sources.id"), nullable=False),
    Column("publisher", word(), nullable=False),
    Column("published", word()),
    Column("reliability", word()),
    Column("credibility", Integer),
    PrimaryKeyConstraint("event", "number"),
    Index(None, "source", "event"),
    Index(None, "publisher", "event"),
    sqlite_with_rowid=False,
)

signals = Table(
    "signals",
    metadata,
    Column("from", word(), nullable=False),
    Column("toward", word(), nullable=False),
    Column("start", word(), nullable=False),
    Column("event", word(), nullable=False),
    Column("origin", word(), nullable=False),
    Column("rule", word(), nullable=False),
    Column("score", Float, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("quad", Integer, nullable=False),
    Column("dataset", word(), nullable=False),
    PrimaryKeyConstraint("from", "toward", "start", "event"),
    Index(None, "event"),
    sqlite_with_rowid=False,
)

day_sums = Table(
    "day_sums",
    metadata,
    Column("from", word(), nullable=False),
    Column("toward", word(), nullable=False),
    Column("dataset", word(), nullable=False),
    Column("day", word(), nullable=False),
    Column("n", Integer, nullable=False),
    Column("positive", Integer, nullable=False),
    Column("negative", Integer, nullable=False),
    *(Column(f"q{quad}", Integer, nullable=False) for quad in (1, 2, 3, 4)),
    PrimaryKeyConstraint("from", "toward", "dataset", "day"),
    sqlite_with_rowid=False,
)
