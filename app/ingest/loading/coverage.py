"""The coverage of a dataset: its first and last day, widened by what is loaded into it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, select

from app.db.journal import Writer
from app.db.tables import act_counts, alliance_years, datasets, events, ideal_points, revisions
from app.ingest.formats.file_format import FileFormat
from app.sources.changes import write_datasets
from app.sources.schemas import Dataset

YEARLY_TABLES = {
    "cow-alliances": alliance_years, "atop": alliance_years, "unga-ideal-points": ideal_points,
    "counts": act_counts,
}  # fmt: skip
"""Tables of the formats whose rows are values by year or counts, not events."""


@dataclass(slots=True)
class DatasetCoverage:
    """A dataset that rows of a file are loaded into, and the days that these cover."""

    dataset: str
    format: FileFormat
    first: str = ""
    last: str = ""
    """The first and last day on which rows were added; empty where the format has no such day."""

    def include_day(self, day: str | None) -> None:
        """Widen the days to include a day, if there is one."""
        if day and not self.first <= day <= self.last:
            self.first = min(self.first or day, day)
            self.last = max(self.last, day)


def widen_dataset_coverage(
    db: Connection, into: DatasetCoverage, by: Writer, *, changed: bool
) -> None:
    """Widen the stored coverage of a dataset to the days of what was loaded.

    `changed`: whether rows were stored.
    """
    if not into.format.widens_coverage:
        return
    found = db.execute(_select_day_range(into)).one()
    first, last = (into.first, into.last) if into.format.read_day is not None else found
    asked = (
        select(revisions.c.document)
        .join(datasets, datasets.c.seq == revisions.c.seq)
        .where(datasets.c.code == into.dataset)
    )
    body = db.scalar(asked)
    if body is None or not first:
        return
    if isinstance(first, int):
        first, last = f"{first:04}-01-01", f"{last:04}-12-31"
    stored = Dataset.model_validate_json(body)
    first, last = min(first, stored.first or first), max(last, stored.last or last)
    # Rows that are not events have no revisions of their own; without a revision of the dataset,
    # nothing would show that answers from them have changed.
    changed = changed and into.format.name in YEARLY_TABLES
    if changed or (first, last) != (stored.first, stored.last):
        write_datasets(db, [stored.model_copy(update={"first": first, "last": last})], by)


def _select_day_range(into: DatasetCoverage) -> Select[Any]:
    """Select the first and the last day (or year) of the rows of a dataset."""
    table = YEARLY_TABLES.get(into.format.name, events)
    if table is act_counts:
        first, last = table.c.start, table.c.end
    else:
        first = last = table.c.start if table is events else table.c.year
    return select(func.min(first), func.max(last)).where(table.c.dataset == into.dataset)
