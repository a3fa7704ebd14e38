"""Counts of events by actor, dataset, month and type, made from the events that are there."""

import sqlalchemy as sa
from alembic import op

revision = "20261201_monthly"
down_revision = "20261201_watches"
branch_labels = None
depends_on = None

WORD = sa.String().with_variant(sa.String(collation="C"), "postgresql")
KEYS = ("actor", "dataset", "month", "type")
EVERY = """
SELECT DISTINCT actor, dataset, start, "end", type, intensity, quad, event FROM participations
WHERE status <> 'retracted'
UNION ALL
SELECT '', dataset, start, "end", type, intensity, quad, id FROM events WHERE status <> 'retracted'
"""


def upgrade() -> None:
    whole, number = sa.BigInteger(), sa.Integer()
    kinds = {"intensity": whole, "peak": whole}
    names = ("n", "cooperation", "conflict", "scored", "intensity", "lasting", "peak", "at_peak")
    op.create_table(
        "month_counts",
        *(sa.Column(name, WORD, nullable=False) for name in KEYS),
        *(sa.Column(name, kinds.get(name, number), nullable=False) for name in names),
        sa.PrimaryKeyConstraint(*KEYS, name="pk_month_counts"),
        sqlite_with_rowid=False,
    )
    unit = "CAST(round(intensity * 1000000) AS BIGINT)"
    op.execute(
        "INSERT INTO month_counts SELECT actor, dataset, substr(start, 1, 7), coalesce(type, ''),"
        " count(*), count(*) FILTER (WHERE quad <= 2), count(*) FILTER (WHERE quad >= 3),"
        f' count(intensity), coalesce(sum({unit}), 0), count(*) FILTER (WHERE start <> "end"),'
        f" coalesce(max(abs({unit})), 0), count(*) FILTER (WHERE abs({unit}) = greatest)"
        f" FROM (SELECT every.*, max(abs({unit})) OVER (PARTITION BY actor, dataset,"
        f" substr(start, 1, 7), type) AS greatest FROM ({EVERY}) AS every) AS ranked"
        " GROUP BY 1, 2, 3, 4"
    )


def downgrade() -> None:
    op.drop_table("month_counts")
