"""The words of briefs and embeds, from their one catalogue. Pure."""

import json
from functools import cache
from importlib.resources import files


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


def write_odds(p: float) -> str:
    """Write how often chance alone makes so large a change: 1/p to one figure."""
    if p < 0.001:
        return write_text("odds_rare")
    if p > 0.5:
        return write_text("odds_even")
    return write_text("odds", n=f"{float(f'{1 / p:.1g}'):,.0f}")
