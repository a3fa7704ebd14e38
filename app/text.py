"""Text as people type it, brought to one form for matching. Pure."""

import re
import unicodedata
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

MOST_KEPT = 50
"""Characters of a word whose plain form is kept for the next time."""
_WORD = re.compile(r"[^\W_]+")
_CODE = re.compile(r"[^\W_][\w.-]*")


def fold(text: str) -> str:
    """Lower case without accents or punctuation, words separated by one blank."""
    return " ".join(words(text))


def words(text: str) -> list[str]:
    """The words of a text, in the form in which both databases index and match them."""
    if text.isascii():
        return _WORD.findall(text.lower())
    found: list[str] = []
    for part in text.split():
        found += _plain(part) if len(part) <= MOST_KEPT else _plain.__wrapped__(part)
    return found


@lru_cache(16_384)
def _plain(text: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return tuple(_WORD.findall("".join(c for c in plain if not unicodedata.combining(c))))


def clean(text: str) -> str:
    """A text without the characters that XML and calendars cannot hold."""
    return "".join(c if c in "\n\t" or c.isprintable() or c.isspace() else "�" for c in text)


def safe(text: str) -> str:
    """Refuse what one of the databases would refuse or alter."""
    if "\x00" in text:
        raise ValueError("must not contain a NUL character")
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("must not contain half of a surrogate pair")
    return text


Word = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(safe)]
Text = Annotated[str, StringConstraints(max_length=20_000), AfterValidator(safe)]


_HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060-\u2069\ufeff]")
"""Controls, and what turns the direction of a line or has no width. Joiners are letters to some."""


def visible(text: str) -> bool:
    """Whether a name looks like what it is."""
    return _HIDDEN.search(text) is None and bool(text.strip())


def code(text: str) -> str:
    """Refuse what could not stand in an address or before a colon."""
    if not _CODE.fullmatch(text):
        raise ValueError(
            "must be letters, digits, '.', '_' and '-', beginning with one of the first two"
        )
    return text


def ident(text: str) -> str:
    """Refuse what could not be seen in an address, or would be taken for a folder."""
    if not text.isprintable():
        raise ValueError("must not contain characters that cannot be seen")
    if not text.strip("."):
        raise ValueError("must not be dots alone")
    return text


def short(text: str) -> str:
    """Refuse what no index of PostgreSQL would take beside others."""
    if len(text.encode()) > MOST_BYTES:
        raise ValueError(f"must have at most {MOST_BYTES} bytes as UTF-8")
    return text


MOST_BYTES = 400
"""Of an id: four of them make a key of an index, which ends at 2,704 bytes."""
Code = Annotated[Word, AfterValidator(code), AfterValidator(short)]
Ident = Annotated[
    Word, Field(pattern=r"^[^\s/?#%]+$"), AfterValidator(ident), AfterValidator(short)
]
"""What can stand in an address as it is."""


def number(given: Any) -> Any:
    """Refuse text and truth where a number is meant: who sends "5" or true has mixed up fields."""
    if isinstance(given, bool | str):
        raise ValueError("must be a number, not text or true or false")
    return given


Whole = Annotated[int, BeforeValidator(number)]
Number = Annotated[float, BeforeValidator(number)]
