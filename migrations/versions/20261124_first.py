"""The tables of the first release."""

import sqlalchemy as sa
from alembic import op

from app.db.dialect.full_text import SEARCH_TABLE_DDL

revision = "20261124_first"
down_revision = None
branch_labels = None
depends_on = None

WORD = sa.String().with_variant(sa.String(collation="C"), "postgresql")
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "actors",
        sa.Column("code", WORD, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("since", WORD, nullable=True),
        sa.Column("until", WORD, nullable=True),
        sa.Column("merged_into", WORD, nullable=True),
        sa.Column("seq", SEQ, nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_actors")),
    )
    op.create_table(
        "datasets",
        sa.Column("code", WORD, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("first", WORD, nullable=True),
        sa.Column("last", WORD, nullable=True),
        sa.Column("seq", SEQ, nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_datasets")),
    )
    op.create_table(
        "day_sums",
        sa.Column("from", WORD, nullable=False),
        sa.Column("toward", WORD, nullable=False),
        sa.Column("dataset", WORD, nullable=False),
        sa.Column("day", WORD, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("positive", sa.Integer(), nullable=False),
        sa.Column("negative", sa.Integer(), nullable=False),
        sa.Column("q1", sa.Integer(), nullable=False),
        sa.Column("q2", sa.Integer(), nullable=False),
        sa.Column("q3", sa.Integer(), nullable=False),
        sa.Column("q4", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("from", "toward", "dataset", "day", name=op.f("pk_day_sums")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "house",
        sa.Column("name", WORD, nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_house")),
    )
    op.create_table(
        "participations",
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
        sa.PrimaryKeyConstraint(
            "actor",
            "start",
            "event",
            "role",
            "via",
            name=op.f("pk_participations"),
            postgresql_include=["seq", "end", "dataset", "type", "intensity", "quad", "status"],
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_participations_event"), "participations", ["event"], unique=False)
    op.create_index(
        "ix_participations_running",
        "participations",
        ["actor", "end"],
        unique=False,
        sqlite_where=sa.text('"end" != start'),
        postgresql_where=sa.text('"end" != start'),
    )
    op.create_table(
        "revisions",
        sa.Column("seq", SEQ, autoincrement=False, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("id", WORD, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("action", WORD, nullable=False),
        sa.Column("at", WORD, nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_revisions")),
        sa.UniqueConstraint("kind", "id", "revision", name=op.f("uq_revisions_kind_id_revision")),
    )
    op.create_table(
        "signals",
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
        sa.PrimaryKeyConstraint("from", "toward", "start", "event", name=op.f("pk_signals")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_signals_event"), "signals", ["event"], unique=False)
    op.create_table(
        "sources",
        sa.Column("id", WORD, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("publisher", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("published", WORD, nullable=True),
        sa.Column("seq", SEQ, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sources")),
    )
    op.create_table(
        "tags",
        sa.Column("tag", WORD, nullable=False),
        sa.Column("event", WORD, nullable=False),
        sa.PrimaryKeyConstraint("tag", "event", name=op.f("pk_tags")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_tags_event"), "tags", ["event"], unique=False)
    op.create_table(
        "actor_names",
        sa.Column("scheme", WORD, nullable=False),
        sa.Column("value", WORD, nullable=False),
        sa.Column("actor", WORD, nullable=False),
        sa.Column("since", WORD, nullable=False),
        sa.Column("until", WORD, nullable=False),
        sa.ForeignKeyConstraint(["actor"], ["actors.code"], name=op.f("fk_actor_names_actor")),
        sa.PrimaryKeyConstraint("scheme", "value", "actor", "since", name=op.f("pk_actor_names")),
    )
    op.create_index(op.f("ix_actor_names_actor"), "actor_names", ["actor"], unique=False)
    op.create_table(
        "events",
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
        sa.ForeignKeyConstraint(["dataset"], ["datasets.code"], name=op.f("fk_events_dataset")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("seq", name=op.f("uq_events_seq")),
    )
    op.create_index(op.f("ix_events_dataset_start"), "events", ["dataset", "start"], unique=False)
    op.create_index(op.f("ix_events_recorded_at_id"), "events", ["recorded_at", "id"], unique=False)
    op.create_index(
        "ix_events_running",
        "events",
        ["end"],
        unique=False,
        sqlite_where=sa.text('"end" != start'),
        postgresql_where=sa.text('"end" != start'),
    )
    op.create_index(op.f("ix_events_start_id"), "events", ["start", "id"], unique=False)
    op.create_index(op.f("ix_events_type_start"), "events", ["type", "start"], unique=False)
    op.create_table(
        "memberships",
        sa.Column("id", WORD, nullable=False),
        sa.Column("actor", WORD, nullable=False),
        sa.Column("group", WORD, nullable=False),
        sa.Column("role", WORD, nullable=False),
        sa.Column("since", WORD, nullable=True),
        sa.Column("until", WORD, nullable=False),
        sa.Column("signed", WORD, nullable=True),
        sa.Column("seq", SEQ, nullable=False),
        sa.ForeignKeyConstraint(["actor"], ["actors.code"], name=op.f("fk_memberships_actor")),
        sa.ForeignKeyConstraint(["group"], ["actors.code"], name=op.f("fk_memberships_group")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_memberships")),
    )
    op.create_index(
        op.f("ix_memberships_actor_group_role_since"),
        "memberships",
        ["actor", "group", "role", "since"],
        unique=False,
    )
    op.create_index(
        op.f("ix_memberships_group_role_since"),
        "memberships",
        ["group", "role", "since"],
        unique=False,
    )
    op.create_table(
        "reports",
        sa.Column("event", WORD, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("source", WORD, nullable=False),
        sa.Column("publisher", WORD, nullable=False),
        sa.Column("published", WORD, nullable=True),
        sa.Column("reliability", WORD, nullable=True),
        sa.Column("credibility", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["source"], ["sources.id"], name=op.f("fk_reports_source")),
        sa.PrimaryKeyConstraint("event", "number", name=op.f("pk_reports")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_reports_publisher_event"), "reports", ["publisher", "event"], unique=False
    )
    op.create_index(op.f("ix_reports_source_event"), "reports", ["source", "event"], unique=False)
    for statement in SEARCH_TABLE_DDL[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE event_words")
    op.drop_index(op.f("ix_reports_source_event"), table_name="reports")
    op.drop_index(op.f("ix_reports_publisher_event"), table_name="reports")
    op.drop_table("reports")
    op.drop_index(op.f("ix_memberships_group_role_since"), table_name="memberships")
    op.drop_index(op.f("ix_memberships_actor_group_role_since"), table_name="memberships")
    op.drop_table("memberships")
    op.drop_index(op.f("ix_events_type_start"), table_name="events")
    op.drop_index(op.f("ix_events_start_id"), table_name="events")
    op.drop_index(
        "ix_events_running",
        table_name="events",
        sqlite_where=sa.text('"end" != start'),
        postgresql_where=sa.text('"end" != start'),
    )
    op.drop_index(op.f("ix_events_recorded_at_id"), table_name="events")
    op.drop_index(op.f("ix_events_dataset_start"), table_name="events")
    op.drop_table("events")
    op.drop_index(op.f("ix_actor_names_actor"), table_name="actor_names")
    op.drop_table("actor_names")
    op.drop_index(op.f("ix_tags_event"), table_name="tags")
    op.drop_table("tags")
    op.drop_table("sources")
    op.drop_index(op.f("ix_signals_event"), table_name="signals")
    op.drop_table("signals")
    op.drop_table("revisions")
    op.drop_index(
        "ix_participations_running",
        table_name="participations",
        sqlite_where=sa.text('"end" != start'),
        postgresql_where=sa.text('"end" != start'),
    )
    op.drop_index(op.f("ix_participations_event"), table_name="participations")
    op.drop_table("participations")
    op.drop_table("house")
    op.drop_table("day_sums")
    op.drop_table("datasets")
    op.drop_table("actors")
