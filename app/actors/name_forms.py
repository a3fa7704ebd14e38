"""The forms in which sources write names of actors, and how names are folded for look-ups. Pure."""

import html
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from app.text import fold_text, split_words, strip_accents

_APOSTROPHES = re.compile("['’‘ʼʻʹ′`´＇]")
_FILLERS = {"the", "of", "and"}
_SHORT_WORDS = {
    "st": "saint", "ste": "saint", "sainte": "saint", "rep": "republic", "repub": "republic",
    "dem": "democratic", "is": "island", "isl": "island", "isls": "island", "isle": "island",
    "islands": "island", "terr": "territory", "territories": "territory", "sts": "states",
    "govt": "government",
    "utd": "united", "kgdm": "kingdom",
}  # fmt: skip
"""Words that lists of countries shorten, and what they stand for."""
MAX_CACHED_NAME_LENGTH = 200
_BRACKETS = re.compile(r"(?P<outer>[^()\[\]]+?)\s*[(\[]\s*(?P<inner>[^()\[\]]+?)\s*[)\]]")
_SLASH = re.compile(r"(?P<outer>[^/]+?)\s*/\s*(?P<inner>[^/]+)")

_FOOTNOTES = re.compile(
    r"(?:\s*(?:\[\w{1,3}\]|\(\d{1,2}\)|[*†‡§¶#]+|[¹²³⁰⁴⁵⁶⁷⁸⁹ᵃᵇᶜ]+|\.{2,}|…)"
    r"|\s[0-9a-z]{1,2}/|(?<=\w)\d{1,2}/)+$"
    r"|(?<=[^\W\d_]{4})\d{1,2}$"
)
"""Marks of footnotes behind a name, of which there may be several."""
_QUALIFIERS = {"former", "the former", "historical", "country", "state", "republic"}
"""Words in brackets behind a name that are no name."""

_FORCES = (
    r"(?:(?:Joint|National|Federal|Royal|Special|State) )?"
    r"(?:Military|Police|Security|State|Armed|Defen[cs]e|Border|Land|Naval|Air|Air Defen[cs]e)"
    r" Forces?"
)
_OFFICES = (
    r"Governments?|Govt\.?|Cabinet|Council of Ministers|Parliament|Ministry(?: of [\w ,&-]+?)?"
    r"|Military|Armed Services|Police|National Police|Army|Navy|Air Force|Coast Guard"
    r"|National Guard|Border Guards?|Gendarmerie|Foreign Ministry|Defen[cs]e Ministry"
    r"|Interior Ministry|Intelligence Service"
)
_PERIOD = r"(?: \((?P<period>[0-9]{4}\s*[-–]\s*(?:[0-9]{4})?)\)(?P<unit>.*)| - .*)?"
_ORGAN_OF = re.compile(
    rf"(?:the )?(?P<organ>{_FORCES}|{_OFFICES}) of (?P<state>.+?){_PERIOD}", re.IGNORECASE
)
_ORGAN_IN_BRACKETS = re.compile(
    r"(?P<organ>Government|Head of Government|Government Official|Military|Military Personnel"
    r"|Army|Navy|Air Force|Coast Guard|Police|Intelligence|Foreign Affairs|Executive Office"
    r"|(?:[\w /]+ )?Ministry|Cabinet / Council of Ministers / Advisors|Legislature|Upper House"
    r"|Lower House|Judiciary|Attorney General|Royal Administration)"
    r" \((?P<state>[^()]+(?:\([^()]*\))?)\)",
    re.IGNORECASE,
)
_RIVALS = re.compile(
    r"supreme (?:political|revolutionary) (?:council|committee)|houthi|haftar|faction|mutin"
    r"|rebel|opposition|stabil|parallel|taliban",
    re.IGNORECASE,
)
"""Words in the units of rivals of a state."""
# `Military Forces of Yemen (2016-) Supreme Political Council` are the Houthis.


_AGREEMENT = " ≙ "
"""What separates codes from the name of the same actor; no list writes it in a name."""


def join_agreeing_names(codes: str, name: str) -> str:
    """Join codes, separated by blanks, and a name that has to mean the actor of one of them."""
    name = name.replace(_AGREEMENT, " ")
    return f"{codes}{_AGREEMENT}{name}" if codes else name


def split_agreeing_names(text: str) -> tuple[list[str], str] | None:
    """Split what `join_agreeing_names` has joined; None for other text."""
    codes, mark, name = text.partition(_AGREEMENT)
    return (codes.split(), name) if mark else None


class StateOrgan(NamedTuple):
    """Forces or an organ of a state, with the name of the state as the source has it."""

    organ: str
    state: str


def fold_name(text: str) -> str:
    """Return the words by which a name is looked up, so that its usual spellings are the same.

    Case, accents, punctuation, articles and the order of words do not count, and shortened words
    are written in full: `Korea, Dem. People's Rep.` is `democratic korea peoples republic`.
    """
    if len(text) > MAX_CACHED_NAME_LENGTH:
        return _fold_name.__wrapped__(text)
    return _fold_name(text)


def fold_names(texts: Iterable[str]) -> list[str]:
    """Fold many names that have no line breaks as `fold_name` does, several times as fast."""
    whole = strip_accents(_APOSTROPHES.sub("", "\n".join(texts)))
    return [
        line if line.isalnum() else _arrange_words(split_words(line))
        for line in whole.split("\n")
    ]  # fmt: skip


@lru_cache(16_384)
def _fold_name(text: str) -> str:
    return _arrange_words(split_words(_APOSTROPHES.sub("", text)))


def _arrange_words(words: list[str]) -> str:
    words = _join_letters(words)
    if len(words) > 1:
        words = [_SHORT_WORDS.get(word, word) for word in words]
        words = [word for word in words if word not in _FILLERS] or words
    return " ".join(sorted(words))


def _join_letters(words: list[str]) -> list[str]:
    """Join single letters that follow each other: `u s a` is `usa`."""
    joined: list[str] = []
    letters = ""
    for word in [*words, ""]:
        if len(word) == 1 and word.isascii() and word.isalpha():
            letters += word
            continue
        if letters:
            joined.append(letters)
            letters = ""
        if word:
            joined.append(word)
    return joined


def fold_without_article(text: str) -> str:
    """Return the folded text of a name without an article before or behind it."""
    return fold_text(text).removeprefix("the ").removesuffix(" the")


def strip_list_marks(text: str) -> str:
    """Return a name without what tables put around it: entities of HTML and marks of footnotes.

    `Bosnia &amp; Herzegovina`, `China[1]`, `Kosovo*` and `Cyprus 1/` lose them. Digits behind a
    word are such a mark only where a word is left, not in `M23`.
    """
    plain = html.unescape(text).replace("\u00ad", "").strip()
    return _FOOTNOTES.sub("", plain).rstrip()


def split_double_name(text: str) -> tuple[str, str] | None:
    """Split `Russia (Soviet Union)`, `Armenia (ARM)` or `Tanzania/Tanganyika` into two names."""
    found = _BRACKETS.fullmatch(text.strip()) or _SLASH.fullmatch(text.strip())
    return None if found is None else (found["outer"], found["inner"])


def read_state_organ(text: str) -> StateOrgan | None:
    """Read forces or an organ of a state, such as `Military Forces of Mali (2021-)`.

    None where the text has no such form, or where its unit is one of a rival of the state.
    """
    text = " ".join(text.split())
    found = _ORGAN_OF.fullmatch(text)
    if found is not None:
        if found["unit"] and _RIVALS.search(found["unit"]):
            return None
        return StateOrgan(found["organ"], found["state"])
    found = _ORGAN_IN_BRACKETS.fullmatch(text)
    return None if found is None else StateOrgan(found["organ"], found["state"])


def iterate_inner_names(text: str) -> Iterator[tuple[str, ...]]:
    """Yield the names in a text that is no name itself, one tuple for each way to read it."""
    if (pair := split_double_name(text)) is not None:
        yield pair[:1] if pair[1].lower() in _QUALIFIERS else pair
    if (organ := read_state_organ(text)) is not None:
        yield (organ.state,)
        if (pair := split_double_name(organ.state)) is not None:
            yield pair
