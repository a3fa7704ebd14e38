"""Timelines: days gathered into buckets without holes. Pure."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Literal

Size = Literal["day", "week", "month", "quarter", "year"]
LIMIT = 20_000
"""Buckets in one answer; more is a picture that nobody can draw."""


class TooManyBucketsError(ValueError):
    """The window has more buckets of that size than one answer holds."""


def start_of(day: date, size: Size) -> date:
    """First day of the bucket that a day falls in; weeks begin on Monday."""
    if size == "week":
        return day - timedelta(days=day.weekday())
    if size == "month":
        return day.replace(day=1)
    if size == "quarter":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    if size == "year":
        return day.replace(month=1, day=1)
    return day


def after(day: date, size: Size) -> date:
    """First day of the bucket after the one that begins on a day."""
    if size in ("day", "week"):
        return day + timedelta(days=7 if size == "week" else 1)
    months = {"month": 1, "quarter": 3, "year": 12}[size]
    total = day.year * 12 + day.month - 1 + months
    return date(total // 12, total % 12 + 1, 1)


def fitting(first: str, last: str) -> Size:
    """The finest size that keeps a window to about a hundred buckets."""
    days = (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
    sizes: tuple[tuple[Size, int], ...] = (
        ("day", 92), ("week", 730), ("month", 3650), ("quarter", 9125)
    )  # fmt: skip
    return next((size for size, most in sizes if days <= most), "year")


def spread(
    rows: Sequence[tuple[str, str, float | None, int | None]],
    since: str | None,
    until: str | None,
    size: Size,
    top: int,
) -> list[dict[str, Any]]:
    """(day, id, intensity, quad) rows in day order, as buckets from `since` to `until`.

    Ends that are not asked for are those of the rows. Raises `TooManyBucketsError`.
    """
    if not rows and (since is None or until is None):
        return []
    first = date.fromisoformat(since or rows[0][0])
    last = date.fromisoformat(until or rows[-1][0])
    if (last - first).days / {"day": 1, "week": 7, "month": 28, "quarter": 90, "year": 365}[
        size
    ] > LIMIT:
        raise TooManyBucketsError(f"more than {LIMIT} buckets")
    held: dict[date, list[tuple[str, str, float | None, int | None]]] = {}
    for row in rows:
        held.setdefault(start_of(date.fromisoformat(row[0]), size), []).append(row)
    found, day = [], start_of(first, size)
    while day <= last:
        try:
            onward: date | None = after(day, size)
        except (OverflowError, ValueError):  # the calendar ends
            onward = None
        closes = date.max if onward is None else onward - timedelta(days=1)
        found.append(_bucket(max(day, first), min(closes, last), held.get(day, []), top))
        if onward is None:
            break
        day = onward
    return found


def _bucket(
    start: date, end: date, rows: list[tuple[str, str, float | None, int | None]], top: int
) -> dict[str, Any]:
    known = [r[2] for r in rows if r[2] is not None]
    weighty = sorted(rows, key=lambda r: (-abs(r[2] or 0), r[0], r[1]))
    return {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "count": len(rows),
        "cooperation": sum(r[3] in (1, 2) for r in rows),
        "conflict": sum(r[3] in (3, 4) for r in rows),
        "mean_intensity": round(sum(known) / len(known), 4) if known else None,
        "covered": False,
        "top": [r[1] for r in weighty[:top]],
    }
