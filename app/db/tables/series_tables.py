"""Tables of series that come as tables, beside events: counts, alliances by year, ideal points."""

from sqlalchemy import Column, Float, ForeignKey, Integer, PrimaryKeyConstraint, Table

from app.db.tables.naming import metadata
from app.db.types import bytewise_text

act_counts = Table(
    "act_counts",
    metadata,
    Column("dataset", bytewise_text(), ForeignKey("datasets.code"), nullable=False),
    Column("from", bytewise_text(), nullable=False),
    Column("toward", bytewise_text(), nullable=False),
    Column("date", bytewise_text(), nullable=False),
    Column("class", Integer, nullable=False),
    Column("start", bytewise_text(), nullable=False),
    Column("end", bytewise_text(), nullable=False),
    Column("n", Integer, nullable=False),
    Column("positive", Integer, nullable=False),
    Column("negative", Integer, nullable=False),
    *(Column(f"q{quad}", Integer, nullable=False) for quad in (1, 2, 3, 4)),
    PrimaryKeyConstraint("dataset", "from", "toward", "date", "class"),
    sqlite_with_rowid=False,
)
"""Acts that were counted elsewhere and have no events here; `day_sums` contains them.

`class` is the quad class of the row, 0 if it has none. Masses and classes are in thousandths."""

alliance_years = Table(
    "alliance_years",
    metadata,
    Column("dataset", bytewise_text(), ForeignKey("datasets.code"), nullable=False),
    Column("actor", bytewise_text(), nullable=False),
    Column("partner", bytewise_text(), nullable=False),
    Column("year", Integer, nullable=False),
    Column("defense", Integer),
    Column("offense", Integer),
    Column("neutrality", Integer),
    Column("nonaggression", Integer),
    Column("consultation", Integer),
    PrimaryKeyConstraint("dataset", "actor", "partner", "year"),
    sqlite_with_rowid=False,
)
"""Alliance obligations between states by year: 1, 0, or null where the dataset has no column."""

ideal_points = Table(
    "ideal_points",
    metadata,
    Column("dataset", bytewise_text(), ForeignKey("datasets.code"), nullable=False),
    Column("actor", bytewise_text(), nullable=False),
    Column("session", Integer, nullable=False),
    Column("year", Integer, nullable=False),
    Column("value", Float, nullable=False),
    Column("low", Float),
    Column("high", Float),
    PrimaryKeyConstraint("dataset", "actor", "session"),
    sqlite_with_rowid=False,
)
"""Ideal points of states from votes in the General Assembly, with a 90 % interval."""
