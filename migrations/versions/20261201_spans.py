"""Signals weigh by what lasts, class sums become thousandths, datasets have a scale of signals."""

import sqlalchemy as sa
from alembic import op

from app.db.migration_steps import add_columns_apart

revision = "20261201_spans"
down_revision = "20261127_cited"
branch_labels = None
depends_on = None

WORD = sa.String().with_variant(sa.String(collation="C"), "postgresql")
CLASSES = ("q1", "q2", "q3", "q4")


def upgrade() -> None:
    for name in ("signals", "past_signals"):
        add_columns_apart(
            name,
            sa.Column("weight", sa.Float(), nullable=False, server_default="1"),
            sa.Column("end", WORD, nullable=False, server_default=""),
        )
        # Signals written before this version count on their first day, as they did then.
        op.execute(f'UPDATE {name} SET "end" = start')
    op.execute("UPDATE day_sums SET " + ", ".join(f"{q} = {q} * 1000" for q in CLASSES))
    for name in ("datasets", "past_datasets"):
        op.add_column(name, sa.Column("signals", WORD, nullable=False, server_default="entente"))


def downgrade() -> None:
    for name in ("datasets", "past_datasets"):
        op.drop_column(name, "signals")
    # Each signal counts on its first day again, with weight 1.
    op.execute("DELETE FROM day_sums")
    mass = "CAST(round(CAST(abs(score) * 100 * confidence AS numeric)) AS integer)"
    sums = [f"sum(CASE WHEN score {sign} 0 THEN {mass} ELSE 0 END)" for sign in (">", "<=")]
    sums += [f"sum(CASE WHEN quad = {quad} THEN 1 ELSE 0 END)" for quad in (1, 2, 3, 4)]
    op.execute(
        f'INSERT INTO day_sums SELECT "from", toward, dataset, start, count(*), {", ".join(sums)}'
        ' FROM signals GROUP BY "from", toward, dataset, start'
    )
    op.execute("DELETE FROM house WHERE name = 'signal_rules'")
    for name in ("signals", "past_signals"):
        for column in ("weight", "end"):
            op.drop_column(name, column)
