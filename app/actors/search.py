"""Search of actors by their names in all languages and by their codes, the best match first."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from sqlalchemy import Connection, Select, and_, or_, select

from app.actors.name_forms import fold_name
from app.actors.name_index import gather_name
from app.actors.name_table import NAME_SCHEME, iterate_table_names, iterate_translated_names
from app.actors.queries import StoredNames
from app.db.tables import actor_names, actors
from app.db.versioning import Columns, select_current_or_as_of, select_with_documents
from app.text import fold_text

_MEANT, _SAME, _BEGINNING, _WORDS = range(4)
"""How well a name fits: it means the actor, is the text, begins with it, or has its words."""


class ActorMatch(NamedTuple):
    """An actor that a search found; matches are sorted by `order` and code."""

    order: str
    code: str


def search_actors(
    db: Connection, asked: str, kinds: Collection[str], as_of: int | None = None
) -> list[ActorMatch]:
    """Search the actors of some kinds, or of all: those with all words of a text in one name.

    A word may be the beginning of one. First are those that a filter would take the text for, then
    names and codes that are the text, names that begin with it, and others. Of each the states of
    today are before ended ones and territories, and shorter names before longer ones.
    """
    known = _read_known_actors(db, kinds, as_of)
    best: dict[str, tuple[int, int]] = {}

    def note_match(code: str, fit: int, name: str) -> None:
        if code in known:
            best[code] = min(best.get(code, (fit, len(name))), (fit, len(name)))

    for code in gather_name(asked, StoredNames(db, as_of)).choose_codes(None):
        note_match(code, _MEANT, "")
    plain, text = asked.strip().lower(), fold_text(asked)
    for scheme, value, code in _find_stored_names(db, plain, text, as_of):
        is_name = scheme == NAME_SCHEME
        note_match(code, _rate_name(value, text) if is_name else _SAME, value if is_name else "")
    folded = fold_name(asked)
    words = folded.split()
    of_table = ((n.value, n.actor) for n in iterate_table_names() if n.scheme == NAME_SCHEME)
    for value, code in (*of_table, *iterate_translated_names()) if words else ():
        if _has_words(value, words):
            note_match(code, _rate_name(value, folded), value)
    matches = [
        ActorMatch(f"{fit}{known[code]}{length:04}", code) for code, (fit, length) in best.items()
    ]
    return sorted(matches)


def read_actor_documents(
    db: Connection, codes: Collection[str], as_of: int | None = None
) -> dict[str, str]:
    """Read the documents of some actors, by code."""

    def select_rows(a: Columns) -> Select[str, int]:
        return select(a.code, a.seq).where(a.code.in_(codes))

    rows = db.execute(select_with_documents(as_of, actors, select_rows))
    return {row.code: row.document for row in rows}


def _read_known_actors(db: Connection, kinds: Collection[str], as_of: int | None) -> dict[str, int]:
    """Read the actors that may be found, by code: 0, or 1 for those that come later."""

    def select_rows(a: Columns) -> Select[str, str, str | None]:
        found = select(a.code, a.kind, a.until).where(a.merged_into.is_(None))
        return found.where(a.kind.in_(kinds)) if kinds else found

    rows: Iterable[tuple[str, str, str | None]] = db.execute(
        select_current_or_as_of(as_of, actors, select_rows)
    )
    return {code: int(until is not None or kind == "territory") for code, kind, until in rows}


def _find_stored_names(
    db: Connection, plain: str, text: str, as_of: int | None
) -> list[tuple[str, str, str]]:
    """Find the codes in the database that are a text, and the names that have its words."""

    def select_rows(n: Columns) -> Select[str, str, str]:
        has_words = [
            or_(
                n.value.startswith(word, autoescape=True),
                n.value.contains(f" {word}", autoescape=True),
            )
            for word in text.split()
        ]
        is_code = and_(n.scheme != NAME_SCHEME, n.value == plain)
        is_name = and_(n.scheme == NAME_SCHEME, *has_words) if has_words else is_code
        return select(n.scheme, n.value, n.actor).where(or_(is_code, is_name))

    rows = db.execute(select_current_or_as_of(as_of, actor_names, select_rows))
    return [(scheme, value, actor) for scheme, value, actor in rows]


def _rate_name(value: str, text: str) -> int:
    if value == text:
        return _SAME
    return _BEGINNING if value.startswith(text) else _WORDS


def _has_words(value: str, words: Collection[str]) -> bool:
    """Return whether each of some words begins a word of a folded name."""
    spaced = f" {value}"
    return all(f" {word}" in spaced for word in words)
