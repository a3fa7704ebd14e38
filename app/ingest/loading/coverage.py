"""The coverage of a dataset, widened by what is loaded into it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, select

from app.db.journal import Writer
from app.db.tables import act_counts, alliance_years, events, ideal_points
from app.edtf import parse_bounds
from app.ingest.formats.file_format import FileFormat
from app.ingest.formats.ucdp_release import Release
from app.sources.covered import (
    cover_days,
    cover_slots,
    list_covered_spans,
    parse_slot,
    read_dataset_document,
)
from app.sources.day_spans import DaySpan
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
    """The first and last day, or slot, in which rows were added; empty where there is none."""

    is_known: bool = False
    """Whether the days are known from what the file is, so that its rows need not be read."""

    def note_known_days(self, release: Release | None, covers: str | None) -> None:
        """Note the days that a file covers because of what it is, whatever its rows say."""
        if covers is not None and "T" in covers:
            self.first = self.last = covers
        elif covers is not None:
            self.first, self.last = (day.isoformat() for day in parse_bounds(covers))
        elif release is not None:
            self.first, self.last = release.first, release.last
        self.is_known = bool(self.first)

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
    stored = read_dataset_document(db, into.dataset)
    if stored is None:
        return
    yearly = into.format.name in YEARLY_TABLES
    if not yearly and (into.first or into.format.read_day is not None):
        _cover_file(db, into, stored, by)
        return
    apart, more = into.format.gap_days, []
    if yearly or apart is None:
        more = _list_whole_span(db, into, list_covered_spans(stored))
    else:
        more = _list_uncovered_spans(db, into.dataset, list_covered_spans(stored))
    # Rows that are not events have no revisions of their own; without a revision of the dataset,
    # nothing would show that answers from them have changed.
    cover_days(db, stored, more, by, apart=max(0, (apart or 1) - 1), touch=changed and yearly)


def _cover_file(db: Connection, into: DatasetCoverage, stored: Dataset, by: Writer) -> None:
    """Cover the days of a file, or its slots where all are of one day."""
    if not into.first:
        return
    (day, first), (until, last) = map(_split_slot, (into.first, into.last))
    if day == until and first is not None and last is not None:
        cover_slots(db, stored, day, first, last, by)
    else:
        cover_days(db, stored, [DaySpan(day, until)], by)


def _split_slot(text: str) -> tuple[str, int | None]:
    return parse_slot(text) if "T" in text else (text, None)


def _list_whole_span(
    db: Connection, into: DatasetCoverage, before: Sequence[DaySpan]
) -> list[DaySpan]:
    """Return the span of all rows of a dataset and of what is covered already."""
    first, last = db.execute(_select_day_range(into)).one()
    if not first:
        return []
    if isinstance(first, int):
        first, last = f"{first:04}-01-01", f"{last:04}-12-31"
    ends = [(first, last), *before]
    return [DaySpan(min(a for a, _ in ends), max(b for _, b in ends))]


def _list_uncovered_spans(db: Connection, dataset: str, spans: Sequence[DaySpan]) -> list[DaySpan]:
    """Return the days of events in each gap of a dataset's coverage, before it and after it."""
    e, found = events.c, []
    for after, until in zip(
        ["", *(span.last for span in spans)], [*(span.first for span in spans), "~"], strict=True
    ):
        asked = select(func.min(e.start), func.max(e.start)).where(
            e.dataset == dataset, e.start > after, e.start < until
        )
        first, last = db.execute(asked).one()
        if first:
            found.append(DaySpan(first, last))
    return found


def _select_day_range(into: DatasetCoverage) -> Select[Any]:
    """Select the first and the last day (or year) of the rows of a dataset."""
    table = YEARLY_TABLES.get(into.format.name, events)
    if table is act_counts:
        first, last = table.c.start, table.c.end
    else:
        first = last = table.c.start if table is events else table.c.year
    return select(func.min(first), func.max(last)).where(table.c.dataset == into.dataset)
