"""The words of briefs and embeds, from their one catalogue; dates and numbers for readers. Pure."""

import json
from calendar import month_name
from functools import cache
from importlib.resources import files

SEASONS = {"21": "spring", "22": "summer", "23": "autumn", "24": "winter"}
DOUBTS = {"~": "about ", "?": "perhaps ", "%": "perhaps about "}


@cache
def load_strings() -> dict[str, str]:
    """Load the catalogue by key."""
    text = (files("app") / "briefs" / "strings.json").read_text("utf-8")
    found: dict[str, str] = json.loads(text)
    return found


def write_text(key: str, **values: object) -> str:
    """Write a text of the catalogue with values in its places."""
    return load_strings()[key].format(**values)


def count_words(key: str, n: int) -> str:
    """Write a number of things, which the catalogue has in the singular and the plural."""
    return write_text(f"{key}_one") if n == 1 else write_text(key, n=f"{n:,}")


def write_signed(value: float) -> str:
    """Write a number with its sign and two decimals; minus is U+2212."""
    return f"{value:+.2f}".replace("-", "−")


def write_odds(p: float) -> str:
    """Write how often chance alone makes so large a change: 1/p to one figure."""
    if p < 0.001:
        return write_text("odds_rare")
    if p > 0.5:
        return write_text("odds_even")
    return write_text("odds", n=f"{float(f'{1 / p:.1g}'):,.0f}")


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
