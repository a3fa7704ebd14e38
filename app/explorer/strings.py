"""The catalogue of all words that the explorer says, read by the service and by its pages."""

import json
import re
from functools import cache
from html import escape
from importlib.resources import files

LANGUAGE = "en"


@cache
def read_strings() -> dict[str, str | dict[str, str]]:
    """Read the catalogue: the words by key, or their forms by plural category."""
    path = files("app") / "explorer" / "static" / "strings" / f"{LANGUAGE}.json"
    found: dict[str, str | dict[str, str]] = json.loads(path.read_text("utf-8"))
    return found


def find_words(key: str) -> str:
    """Find the words of a key that has one form; `KeyError` for an unknown key."""
    words = read_strings()[key]
    assert isinstance(words, str), key
    return words


def fill_in_strings(page: str) -> str:
    """Fill in `{{key}}` in HTML from the catalogue; `KeyError` for an unknown key."""
    return re.sub(r"\{\{([\w.]+)\}\}", lambda match: escape(find_words(match[1])), page)
