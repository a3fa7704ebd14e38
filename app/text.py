"""Normalize text for matching, and validate text in requests. Pure."""

import re
import unicodedata
from functools import lru_cache
from typing import Annotated
from urllib.parse import quote

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

MAX_CACHED_LENGTH = 50
"""Characters of a word up to which its folded form is cached."""
_WORD = re.compile(r"[^\W_]+")
_CODE = re.compile(r"[^\W_][\w.-]*")


def fold_text(text: str) -> str:
    """Return a text in lower case without accents or punctuation, words separated by one blank."""
    return " ".join(split_words(text))


def split_words(text: str) -> list[str]:
    """Return the folded words of a text, as both databases index and match them."""
    if text.isascii():
        return _WORD.findall(text.lower())
    found: list[str] = []
    for part in text.split():
        found += (
            _split_folded(part)
            if len(part) <= MAX_CACHED_LENGTH
            else _split_folded.__wrapped__(part)
        )
    return found


@lru_cache(16_384)
def _split_folded(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(strip_accents(text)))


def strip_accents(text: str) -> str:
    """Return a text in lower case, in its compatible form and without accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    accents = {ord(c): None for c in set(plain) if unicodedata.combining(c)}
    return plain.translate(accents) if accents else plain


def replace_unprintable(text: str) -> str:
    """Replace characters that XML and iCalendar do not allow by U+FFFD."""
    return "".join(c if c in "\n\t" or c.isprintable() or c.isspace() else "�" for c in text)


_SURROGATE = re.compile("[\ud800-\udfff]")


def require_storable(text: str) -> str:
    """Return a text; raise ValueError where a database would refuse or alter it."""
    if "\x00" in text:
        raise ValueError("must not contain a NUL character")
    if not text.isascii() and _SURROGATE.search(text):
        raise ValueError("must not contain half of a surrogate pair")
    return text


ShortText = Annotated[
    str, StringConstraints(min_length=1, max_length=200), AfterValidator(require_storable)
]
OptionalText = Annotated[str, StringConstraints(max_length=200), AfterValidator(require_storable)]
LongText = Annotated[str, StringConstraints(max_length=20_000), AfterValidator(require_storable)]


_HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060-\u2069\ufeff]")
"""Control characters, direction marks and zero-width characters, except joiners, which some scripts
need."""


def is_visible_name(text: str) -> bool:
    """Return whether a name has visible characters and no hidden ones."""
    return _HIDDEN.search(text) is None and bool(text.strip())


def require_code(text: str) -> str:
    """Return a code; raise ValueError unless it fits in a path and before a colon."""
    if not _CODE.fullmatch(text):
        raise ValueError(
            "must be letters, digits, '.', '_' and '-', beginning with one of the first two"
        )
    return text


def require_ident(text: str) -> str:
    """Return an id; raise ValueError if `find_ident_error` finds one."""
    if (reason := find_ident_error(text)) is not None:
        raise ValueError(reason)
    return text


def find_ident_error(text: str) -> str | None:
    """Return why a text cannot be an id: invisible, too long, or dots that a path would resolve."""
    if not text.isprintable():
        return "must not contain invisible characters"
    if not text.strip("."):
        return "must not consist of dots only"
    if len(text.encode("utf-8", "replace")) > MAX_ID_BYTES:
        return f"must have at most {MAX_ID_BYTES} bytes as UTF-8"
    return None


def require_indexable(text: str) -> str:
    """Return an id; raise ValueError if it is too long for an index of PostgreSQL."""
    if len(text.encode()) > MAX_ID_BYTES:
        raise ValueError(f"must have at most {MAX_ID_BYTES} bytes as UTF-8")
    return text


MAX_ID_BYTES = 400
"""Bytes of an id: an index key has up to four, and PostgreSQL limits it to 2,704 bytes."""
Code = Annotated[ShortText, AfterValidator(require_code), AfterValidator(require_indexable)]
Ident = Annotated[
    ShortText,
    Field(pattern=r"^[^\s/?#%]+$"),
    AfterValidator(require_ident),
]
"""An id that needs no percent-encoding of separators in a path."""


def quote_id(ident: str) -> str:
    """Percent-encode an id for an address; a slash in it is encoded too."""
    return quote(ident, safe=":")


def require_json_number(value: object) -> object:
    """Return a value; raise ValueError for text and booleans, which pydantic would convert."""
    if isinstance(value, bool | str):
        raise ValueError("must be a number, not text, true or false")
    return value


JsonInteger = Annotated[int, BeforeValidator(require_json_number)]
JsonNumber = Annotated[float, BeforeValidator(require_json_number)]


_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


_SUSPECT = frozenset("'=+-@\t\r\n＝＋－＠")


def escape_formula(cell: str) -> str:
    """Escape a cell that a spreadsheet would take for a formula, with a leading apostrophe."""
    return "'" + cell if cell[:1] in _SUSPECT and _FORMULA.match(cell) else cell


def unescape_formula(cell: str) -> str:
    """Undo `escape_formula`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
