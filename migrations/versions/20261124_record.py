"""Earlier versions, keys to write with, and retries: history and the write API."""

import sqlalchemy as sa
from alembic import op

from app.db.dialect import REVISION_GUARD_DDL, REVISION_UNGUARD_DDL

revision = "20261124_record"
down_revision = "20261124_first"
branch_labels = None
depends_on = None

WORD = sa.String().with_variant(sa.String(collation="C"), "postgresql")
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STANCE = {
    "sqlite": "json_extract(r.document, '$.reports[' || (number - 1) || '].stance')",
    "postgresql": "CAST(r.document AS json) -> 'reports' -> (number - 1) ->> 'stance'",
}
"""Where the document of a report's event says what the report's stance is."""


def upgrade() -> None:
    _create()
    kind = op.get_bind().dialect.name
    zero = sa.text("0")
    for table in ("actor_names", "reports", "signals", "tags"):
        op.add_column(table, sa.Column("seq", SEQ, nullable=False, server_default=zero))
    op.add_column("reports", sa.Column("stance", WORD, nullable=False, server_default="reports"))
    op.add_column(
        "revisions", sa.Column("derived", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    for table in ("reports", "signals", "tags"):
        op.execute(f"UPDATE {table} SET seq = (SELECT e.seq FROM events e WHERE e.id = event)")
    op.execute(
        f"UPDATE reports SET stance = (SELECT {STANCE[kind]} FROM revisions r"
        " WHERE r.seq = reports.seq)"
    )
    op.execute(
        "UPDATE actor_names SET seq = (SELECT a.seq FROM actors a WHERE a.code = actor_names.actor)"
    )
    op.execute("INSERT INTO commits (seq, at) SELECT max(seq), at FROM revisions GROUP BY at")
    if kind == "postgresql":
        for table in ("actor_names", "reports", "signals", "tags"):
            op.alter_column(table, "seq", server_default=None)
        op.alter_column("reports", "stance", server_default=None)
        op.alter_column("revisions", "derived", server_default=None)
    for statement in REVISION_GUARD_DDL[kind]:
        op.execute(statement)


def downgrade() -> None:
    kind = op.get_bind().dialect.name
    for statement in REVISION_UNGUARD_DDL[kind]:
        op.execute(statement)
    key = "rowid" if kind == "sqlite" else "seq"
    op.execute(f"DELETE FROM event_words WHERE {key} NOT IN (SELECT seq FROM events)")
    for table, *columns in (
        ("tags", "seq"),
        ("signals", "seq"),
        ("reports", "seq", "stance"),
        ("actor_names", "seq"),
        ("revisions", "derived"),
    ):
        for column in columns:
            op.drop_column(table, column)
    for table in TABLES:
        op.drop_table(table)


TABLES = (
    "past_tags",
    "past_sources",
    "past_signals",
    "past_reports",
    "past_participations",
    "past_memberships",
    "past_events",
    "past_datasets",
    "past_actors",
    "past_actor_names",
    "moved",
    "keys",
    "commits",
    "attempts",
)


def _create() -> None:
    op.create_table(
        "attempts",
        sa.Column("writer", WORD, nullable=False),
        sa.Column("key", WORD, nullable=False),
        sa.Column("request", WORD, nullable=False),
        sa.Column("at", WORD, nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("writer", "key", name=op.f("pk_attempts")),
    )
    op.create_index("ix_attempts_at", "attempts", ["at"], unique=False)

    op.create_table(
        "commits",
        sa.Column("seq", SEQ, autoincrement=False, nullable=False),
        sa.Column("at", WORD, nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_commits")),
        sa.UniqueConstraint("at", name=op.f("uq_commits_at")),
    )
    op.create_table(
        "keys",
        sa.Column("id", WORD, nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("digest", WORD, nullable=False),
        sa.Column("scope", WORD, nullable=False),
        sa.Column("created", WORD, nullable=False),
        sa.Column("expires", WORD, nullable=True),
        sa.Column("revoked", WORD, nullable=True),
        sa.Column("used", WORD, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
    )
    op.create_table(
        "moved",
        sa.Column("kind", WORD, nullable=False),
        sa.Column("id", WORD, nullable=False),
        sa.Column("into", WORD, nullable=False),
        sa.Column("seq", SEQ, nullable=False),
        sa.PrimaryKeyConstraint("kind", "id", name=op.f("pk_moved")),
    )
    op.create_table(
        "past_actor_names",
        sa.Column("scheme", WORD, nullable=False),
        sa.Column("value", WORD, nullable=False),
        sa.Column("actor", WORD, nullable=False),
        sa.Column("since", WORD, nullable=False),
        sa.Column("until", WORD, nullable=False),
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("gone", SEQ, nullable=False),
        sa.PrimaryKeyConstraint(
            "scheme", "value", "actor", "since", "seq", name=op.f("pk_past_actor_names")
        ),
    )
    op.create_index("ix_past_actor_names_actor", "past_actor_names", ["actor"], unique=False)

    op.create_table(
        "past_actors",
        sa.Column("code", WORD, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("since", WORD, nullable=True),
        sa.Column("until", WORD, nullable=True),
        sa.Column("merged_into", WORD, nullable=True),
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("gone", SEQ, nullable=False),
        sa.PrimaryKeyConstraint("code", "seq", name=op.f("pk_past_actors")),
    )
    op.create_table(
        "past_datasets",
        sa.Column("code", WORD, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("first", WORD, nullable=True),
        sa.Column("last", WORD, nullable=True),
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("gone", SEQ, nullable=False),
        sa.PrimaryKeyConstraint("code", "seq", name=op.f("pk_past_datasets")),
    )
    op.create_table(
        "past_events",
        sa.Column("id", WORD, nullable=False),
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("dataset", WORD, nullable=False),
        sa.Column("start", WORD, nullable=False),
        sa.Column("end", WORD, nullable=False),
        sa.Column("type", WORD, nullable=True),
        sa.Column("mode", WORD, nullable=True),
        sa.Column("cameo", WORD, nullable=True),
        sa.Column("native", WORD, nullable=True),
        sa.Column("intensity", sa.Float(), nullable=True),
        sa.Column("quad", sa.Integer(), nullable=True),
        sa.Column("status", WORD, nullable=False),
        sa.Column("country", WORD, nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("x", sa.Float(), nullable=True),
        sa.Column("y", sa.Float(), nullable=True),
        sa.Column("z", sa.Float(), nullable=True),
        sa.Column("independent_sources", sa.Integer(), nullable=False),
        sa.Column("recorded_at", WORD, nullable=False),
        sa.Column("gone", SEQ, nullable=False),
        sa.PrimaryKeyConstraint("id", "seq", name=op.f("pk_past_events")),
    )
    op.create_index(
        "ix_past_events_recorded_at_id", "past_events", ["recorded_at", "id"], unique=False
    )
    op.create_index(
        "ix_past_events_running",
        "past_events",
        ["end"],
        unique=False,
        sqlite_where=sa.text('"end" != start'),
        postgresql_where=sa.text('"end" != start'),
    )
    op.create_index("ix_past_events_seq", "past_events", ["seq"], unique=False)
    op.create_index("ix_past_events_start_id", "past_events", ["start", "id"], unique=False)

    op.create_table(
        "past_memberships",
        sa.Column("id", WORD, nullable=False),
        sa.Column("actor", WORD, nullable=False),
        sa.Column("group", WORD, nullable=False),
        sa.Column("role", WORD, nullable=False),
        sa.Column("since", WORD, nullable=True),
        sa.Column("until", WORD, nullable=False),
        sa.Column("signed", WORD, nullable=True),
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("gone", SEQ, nullable=False),
        sa.PrimaryKeyConstraint("id", "seq", name=op.f("pk_past_memberships")),
    )
    op.create_index(
        "ix_past_memberships_actor_group", "past_memberships", ["actor", "group"], unique=False
    )
    op.create_index(
        "ix_past_memberships_group_role", "past_memberships", ["group", "role"], unique=False
    )

    op.create_table(
        "past_participations",
        sa.Column("actor", WORD, nullable=False),
        sa.Column("start", WORD, nullable=False),
        sa.Column("event", WORD, nullable=False),
        sa.Column("role", WORD, nullable=False),
        sa.Column("via", WORD, nullable=False),
        sa.Column("end", WORD, nullable=False),
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("dataset", WORD, nullable=False),
        sa.Column("type", WORD, nullable=True),
        sa.Column("intensity", sa.Float(), nullable=True),
        sa.Column("quad", sa.Integer(), nullable=True),
        sa.Column("status", WORD, nullable=False),
        sa.Column("gone", SEQ, nullable=False),
        sa.PrimaryKeyConstraint(
            "actor",
            "start",
            "event",
            "role",
            "via",
            "seq",
            name=op.f("pk_past_participations"),
            postgresql_include=["end", "dataset", "type", "intensity", "quad", "status", "gone"],
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_past_participations_event_seq", "past_participations", ["event", "seq"], unique=False
    )
    op.create_index(
        "ix_past_participations_running",
        "past_participations",
        ["actor", "end"],
        unique=False,
        sqlite_where=sa.text('"end" != start'),
        postgresql_where=sa.text('"end" != start'),
    )

    op.create_table(
        "past_reports",
        sa.Column("event", WORD, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("source", WORD, nullable=False),
        sa.Column("publisher", WORD, nullable=False),
        sa.Column("published", WORD, nullable=True),
        sa.Column("reliability", WORD, nullable=True),
        sa.Column("credibility", sa.Integer(), nullable=True),
        sa.Column("stance", WORD, nullable=False),
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("gone", SEQ, nullable=False),
        sa.PrimaryKeyConstraint("event", "number", "seq", name=op.f("pk_past_reports")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "past_signals",
        sa.Column("from", WORD, nullable=False),
        sa.Column("toward", WORD, nullable=False),
        sa.Column("start", WORD, nullable=False),
        sa.Column("event", WORD, nullable=False),
        sa.Column("origin", WORD, nullable=False),
        sa.Column("rule", WORD, nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("quad", sa.Integer(), nullable=False),
        sa.Column("dataset", WORD, nullable=False),
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("gone", SEQ, nullable=False),
        sa.PrimaryKeyConstraint(
            "from", "toward", "start", "event", "seq", name=op.f("pk_past_signals")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_past_signals_event_seq", "past_signals", ["event", "seq"], unique=False)

    op.create_table(
        "past_sources",
        sa.Column("id", WORD, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("publisher", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("published", WORD, nullable=True),
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("gone", SEQ, nullable=False),
        sa.PrimaryKeyConstraint("id", "seq", name=op.f("pk_past_sources")),
    )
    op.create_table(
        "past_tags",
        sa.Column("tag", WORD, nullable=False),
        sa.Column("event", WORD, nullable=False),
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("gone", SEQ, nullable=False),
        sa.PrimaryKeyConstraint("tag", "event", "seq", name=op.f("pk_past_tags")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_past_tags_event_seq", "past_tags", ["event", "seq"], unique=False)
