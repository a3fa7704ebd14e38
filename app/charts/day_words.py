"""Write days and months in the few words that a label has room for. Pure."""

from calendar import month_abbr

EN_DASH = "–"


def write_short_day(text: str) -> str:
    """Write a day, a month or a year (ISO): `2023-12-07` becomes `7 Dec 2023`."""
    year, month, day, *_ = [*text.split("-"), "", ""]
    name = month_abbr[int(month)] if month.isdigit() and 1 <= int(month) <= 12 else ""
    return " ".join(part for part in (day.lstrip("0") if name else "", name, year) if part)


def write_short_range(first: str, last: str) -> str:
    """Write a range of two of them; what both end with, a year or a month of it, once."""
    if first == last:
        return write_short_day(first)
    start, end = write_short_day(first).split(), write_short_day(last).split()
    if len(start) == len(end):
        while len(start) > 1 and start[-1] == end[len(start) - 1]:
            start.pop()
    return f"{' '.join(start)} {EN_DASH} {' '.join(end)}"
