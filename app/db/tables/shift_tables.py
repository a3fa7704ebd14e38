"""Tables of alignment and shifts that are materialized."""

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    false,
)

from app.db.tables.naming import metadata
from app.db.types import NO_END_DAY, bytewise_text, document_text

dyads = Table(
    "dyads",
    metadata,
    Column("one", bytewise_text(), nullable=False),
    Column("other", bytewise_text(), nullable=False),
    Column("dataset", bytewise_text(), nullable=False),
    Column("changed", Integer, nullable=False),
    Column("segmented", Integer, nullable=False),
    Column("since", bytewise_text(), nullable=False),
    PrimaryKeyConstraint("one", "other", "dataset"),
    sqlite_with_rowid=False,
)
"""Pairs of actors (`one` sorts before `other`) and whether their materialized shifts are current.

`dataset` is one, or several that are kept together, joined by commas.

`changed` counts the writes that touched their day sums; `segmented` is the value of `changed` at
which `dyad_months` and `shifts` were computed last. A dyad is stale where the two differ, and
`since` is the first day that changed since then."""
Index(
    "ix_dyads_stale",
    dyads.c.dataset,
    dyads.c.since,
    sqlite_where=dyads.c.changed != dyads.c.segmented,
    postgresql_where=dyads.c.changed != dyads.c.segmented,
)

dyad_months = Table(
    "dyad_months",
    metadata,
    Column("one", bytewise_text(), nullable=False),
    Column("other", bytewise_text(), nullable=False),
    Column("dataset", bytewise_text(), nullable=False),
    Column("first", bytewise_text(), nullable=False),
    Column("last", bytewise_text(), nullable=False),
    Column("dispersion", Float, nullable=False),
    Column("months", LargeBinary, nullable=False),
    Column("index", LargeBinary, nullable=False),
    PrimaryKeyConstraint("one", "other", "dataset"),
)
"""Months of a busy dyad with its first and last day, and the dispersion φ of its masses.

`months` is an array of little-endian 64-bit integers, with a row for each of `MONTH_COLUMNS` in
`app/shifts/materialized/months.py`, `index` one of 64-bit floats, for each of `INDEX_COLUMNS`."""

shifts = Table(
    "shifts",
    metadata,
    Column("dataset", bytewise_text(), nullable=False),
    Column("one", bytewise_text(), nullable=False),
    Column("other", bytewise_text(), nullable=False),
    Column("number", Integer, nullable=False),
    Column("p", Float, nullable=False),
    Column("q", Float, nullable=False),
    Column("at_least", Float, nullable=False),
    Column("magnitude", Float, nullable=False),
    Column("robust", Boolean),
    Column("checks", document_text()),
    Column("weight", Float, nullable=False),
    Column("finding", document_text(), nullable=False),
    Column("onset_last", bytewise_text(), nullable=False, server_default=NO_END_DAY),
    Column("first_after", bytewise_text(), nullable=False, server_default=""),
    Column("toward", Boolean, nullable=False, server_default=false()),
    PrimaryKeyConstraint("dataset", "one", "other", "number"),
    Index("ix_shifts_ranked", "dataset", "at_least", "q", "onset_last", "first_after", "toward"),
    Index(None, "dataset", "other"),
)
"""Shifts in every dyad with enough data, from the acts of both sides together.

`dataset` is as in `dyads`.

`weight` is that of the wave which a shift belongs to, where q is computed. `onset_last` is the last
day of the onset, and `first_after` the first day after the change: the one after and the other
before all days where no date can be claimed. `toward` says whether the index grew. The index has
all that a ranking is narrowed to."""

undated_dyads = Table(
    "undated_dyads",
    metadata,
    Column("dataset", bytewise_text(), nullable=False),
    Column("one", bytewise_text(), nullable=False),
    Column("other", bytewise_text(), nullable=False),
    PrimaryKeyConstraint("dataset", "one", "other"),
    Index(None, "dataset", "other"),
    sqlite_with_rowid=False,
)
"""Dyads that were tested, but whose best date leaves too little on a side: tests without a shift.

`dataset` is as in `dyads`."""

dyad_votes = Table(
    "dyad_votes",
    metadata,
    Column("dataset", bytewise_text(), nullable=False),
    Column("one", bytewise_text(), nullable=False),
    Column("other", bytewise_text(), nullable=False),
    Column("first", Integer, nullable=False),
    Column("flags", LargeBinary, nullable=False),
    PrimaryKeyConstraint("dataset", "one", "other"),
    Index(None, "dataset", "other"),
)
"""Months in which a dyad seems to change: a byte of flags for each month from `first` on.

`app/shifts/statistics/waves.py` has the flags. They rest on the days of the dyad alone."""

wave_states = Table(
    "wave_states",
    metadata,
    Column("dataset", bytewise_text(), primary_key=True),
    Column("used", Boolean, nullable=False),
    Column("writes", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Whether shifts of a dataset were computed with waves, and how often its votes were written."""

families = Table(
    "families",
    metadata,
    Column("dataset", bytewise_text(), primary_key=True),
    Column("tests", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""The number of tests that the false discovery rate q was computed over.

`dataset` is as in `dyads`: a row says which datasets are kept together."""
