"""Numbers and dates as readers are shown them in sentences, charts and briefs. Pure."""

import re
from calendar import month_abbr, month_name

from app.rounding import round_number

EN_DASH = "–"
SEASONS = {"21": "spring", "22": "summer", "23": "autumn", "24": "winter"}
DOUBTS = {"~": "about ", "?": "perhaps ", "%": "perhaps about "}

_WITH_ARTICLE = re.compile(
    r"^(United|Republic|Democratic Republic|Federal Republic|Union|National|Ministry|Institute"
    r"|Authorities) |"
    r" (Republic|Islands|Union|Emirates|Netherlands|Federation|Antilles|Empire|Reich|States"
    r"|Free State|Zone|Territory|Territories)$|"
    r"^(Bahamas|Comoros|Gambia|Holy See|Isle of Man|Maldives|Netherlands|Philippines"
    r"|Two Sicilies)$"
)


def write_signed(value: float) -> str:
    """Write a number with its sign and two decimals; minus is U+2212."""
    return f"{round_number(value, 2):+.2f}".replace("-", "−")


def write_long_day(day: str, *, monthly: bool = False) -> str:
    """Write a day (ISO) with the whole name of its month, or the month alone."""
    year, month, number = day.split("-")
    name = f"{month_name[int(month)]} {int(year)}"
    return name if monthly else f"{int(number)} {name}"


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


def write_edtf(text: str) -> str:
    """Write a date of the record: `2020-11-10/2024-06` becomes `10 Nov 2020 – June 2024`."""
    first, slash, last = text.partition("/")
    if not slash:
        return _write_single(first)
    if last == "..":
        return f"since {_write_single(first)}"
    start, end = _write_single(first), _write_single(last)
    month = end[end.find(" ") :]
    if end[:1].isdigit() and start.endswith(month) and start != end:
        return f"{start.removesuffix(month)} – {end}"
    return start if start == end else f"{start} – {end}"


def _write_single(text: str) -> str:
    doubt = DOUBTS.get(text[-1:], "")
    year, month, day, *_ = [*(text[:-1] if doubt else text).split("-"), "", "", ""]
    if not year:  # a year before our era begins with a dash, which the record has nowhere
        return text
    if month in SEASONS:
        return f"{doubt}{SEASONS[month]} {year}"
    if year.endswith("X"):
        century = f"{doubt}{year[:2]}00 to {year[:2]}99"
        return f"{doubt}the {year[:3]}0s" if year.count("X") == 1 else century
    if not month.isdigit() or not 1 <= int(month) <= 12:
        return f"{doubt}{year}"
    name = month_name[int(month)]
    if not day.isdigit():
        return f"{doubt}{name} {year}"
    return f"{doubt}{int(day)} {name[:3]} {year}"


def name_in_sentence(name: str, is_group: bool) -> str:
    """Return the name of an actor with the article that a sentence needs."""
    needs = _WITH_ARTICLE.search(name) or (is_group and " " in name)
    return f"the {name}" if needs else name
