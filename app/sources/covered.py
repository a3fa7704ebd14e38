"""What a dataset covers: whole days in its document, and slots of days that are there in part."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, select

from app.db.dialect import build_upsert
from app.db.dialect.stored_document import document_of
from app.db.journal import Writer
from app.db.tables import covered_slots, datasets, revisions
from app.edtf import parse_bounds
from app.sources.changes import write_datasets
from app.sources.day_spans import DaySpan, join_spans
from app.sources.schemas import CoveredDays, Dataset

SLOTS_A_DAY = 96
"""Slots of fifteen minutes, which GDELT publishes files by."""
COVERED_SHARE = 0.9
"""The share of its slots from which on a day counts as covered: a source loses some for good."""
_WHOLE_DAY = (1 << SLOTS_A_DAY) - 1


class SlotDay(NamedTuple):
    """A day of which some slots are covered, as bits: the lowest is that of midnight."""

    day: str
    slots: int

    @property
    def covered(self) -> int:
        """The number of slots that are covered."""
        return self.slots.bit_count()

    def list_missing(self) -> list[str]:
        """List the times of the slots that are missing, each as `HH:MM`."""
        return [_format_slot(n) for n in range(SLOTS_A_DAY) if not self.slots >> n & 1]


def parse_slot(text: str) -> tuple[str, int]:
    """Parse a slot such as `2026-01-01T00:15` into its day and its number within it."""
    day, _, time = text.partition("T")
    return day, (int(time[:2]) * 60 + int(time[3:5])) // 15


def _format_slot(number: int) -> str:
    return f"{number // 4:02}:{number % 4 * 15:02}"


def list_covered_spans(dataset: Dataset) -> list[DaySpan]:
    """List the spans of days that a dataset covers."""
    if dataset.intervals:
        return [DaySpan(one.first, one.last) for one in dataset.intervals]
    if dataset.first is None or dataset.last is None:
        return []
    first, last = parse_bounds(dataset.first)[0], parse_bounds(dataset.last)[1]
    return [DaySpan(first.isoformat(), last.isoformat())]


def read_dataset_document(db: Connection, code: str) -> Dataset | None:
    """Read the current document of a dataset."""
    current = select(document_of(revisions)).join(datasets, datasets.c.seq == revisions.c.seq)
    body = db.scalar(current.where(datasets.c.code == code))
    return None if body is None else Dataset.model_validate_json(body)


def cover_days(
    db: Connection, stored: Dataset, more: Iterable[DaySpan], by: Writer,
    *, apart: int = 0, touch: bool = False,
) -> None:  # fmt: skip
    """Add days to those that a dataset covers, joining spans up to `apart` days from each other.

    With `touch`, the dataset gets a revision even if that changes nothing.
    """
    before = list_covered_spans(stored)
    spans = join_spans([*before, *more], apart)
    if spans and (spans != before or touch):
        write_datasets(db, [_change_spans(stored, before, spans)], by)


def _change_spans(stored: Dataset, before: Sequence[DaySpan], spans: Sequence[DaySpan]) -> Dataset:
    first, last = spans[0].first, spans[-1].last
    same = (bool(before) and before[0].first == first, bool(before) and before[-1].last == last)
    listed = [CoveredDays(first=one.first, last=one.last) for one in spans]
    return stored.model_copy(
        update={
            "first": stored.first if same[0] else first,
            "last": stored.last if same[1] else last,
            "intervals": listed if len(listed) > 1 else None,
        }
    )


def cover_slots(
    db: Connection, stored: Dataset, day: str, first: int, last: int, by: Writer
) -> None:
    """Add the slots from the first to the last one of a day to those that a dataset covers.

    The day itself is covered as soon as most of its slots are.
    """
    c = covered_slots.c
    where = (c.dataset == stored.code, c.day == day)
    known = db.scalar(select(c.slots).where(*where))
    covered = any(span.first <= day <= span.last for span in list_covered_spans(stored))
    if known is None and covered:
        return  # as a whole, by a file of days
    bits = int(known or "0", 16) | ((1 << last + 1) - (1 << first))
    if bits == _WHOLE_DAY:
        db.execute(delete(covered_slots).where(*where))
    else:
        row = {"dataset": stored.code, "day": day, "slots": f"{bits:024x}"}
        db.execute(build_upsert(db, covered_slots), [row])
    if not covered and bits.bit_count() >= COVERED_SHARE * SLOTS_A_DAY:
        cover_days(db, stored, [DaySpan(day, day)], by)


def read_slot_days(db: Connection, dataset: str | None = None) -> dict[str, list[SlotDay]]:
    """Read the days of which a part is covered, by dataset, in order."""
    c = covered_slots.c
    asked = select(c.dataset, c.day, c.slots).order_by(c.dataset, c.day)
    if dataset is not None:
        asked = asked.where(c.dataset == dataset)
    found: dict[str, list[SlotDay]] = {}
    for code, day, slots in db.execute(asked):
        found.setdefault(code, []).append(SlotDay(day, int(slots, 16)))
    return found
