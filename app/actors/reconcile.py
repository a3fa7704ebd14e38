"""The actors that a question of the reconciliation protocol may mean, with their scores."""

from contextlib import suppress

from pydantic import TypeAdapter
from sqlalchemy import Connection

from app.actors import queries
from app.actors.name_table import NAME_SCHEME
from app.actors.reconcile_models import ReconcileCandidate, ReconcileEntity, ReconcileQuestion
from app.actors.schemas import ActorCandidate
from app.query_models import SingleDay
from app.text import fold_text
from app.validation import validate_part

DAY_ADAPTER: TypeAdapter[str] = TypeAdapter(SingleDay)
AMBIGUOUS_SCORE = 75.0
"""The score of each of several actors that have the name."""
CODE_PROPERTIES = frozenset(
    {"code", "iso2", "iso3", "isonum", "cow", "gw", "cameo", "fips", "fifa", "wikidata"}
)
"""The properties of a question that are codes: an actor without the code is no match."""
SHORT_NAME = 5
"""Letters up to which a name is short, as acronyms are."""
SHORT_NAME_SCORE = 75.0
"""The least score of a name that resembles a short one."""
MOST_VALUES = 20
"""Values of one property that count."""


def find_reconcile_candidates(db: Connection, asked: ReconcileQuestion) -> list[ReconcileCandidate]:
    """Find the actors that a name may mean; an unambiguous one that fits all codes is a match."""
    wanted = {asked.type} if isinstance(asked.type, str) else set(asked.type or ())
    day = _parse_day(asked)
    coded = _find_coded_actors(db, asked, day)
    if asked.query is None:
        codes = sorted(set().union(*coded))
        found = queries.read_actor_candidates(db, codes, "code")
    else:
        found = _find_named_actors(db, asked.query, day, wanted)
    fitting = [c for c in found if all(c.code in codes for codes in coded)]
    sure = {c.code for c in fitting} if len(fitting) == 1 else set()
    known = {c.code for c in found}
    if asked.query is not None and (known or not _means_another_kind(db, asked.query, day, wanted)):
        more = _find_near_actors(db, asked.query, 1000 if wanted else asked.limit)
        found += [c for c in more if c.code not in known]
    found = [c for c in found if not wanted or c.kind in wanted]
    scored = [(_score_candidate(c, sure, known, coded), c) for c in found]
    scored.sort(key=lambda pair: -pair[0])
    return [
        ReconcileCandidate(
            id=c.code,
            name=c.name,
            score=score,
            match=c.code in sure,
            type=[ReconcileEntity(id=c.kind, name=c.kind.replace("_", " "))],
            description=f"{c.kind.replace('_', ' ')}, by {c.match}",
        )
        for score, c in scored[: asked.limit]
    ]


def _means_another_kind(db: Connection, name: str, day: str | None, wanted: set[str]) -> bool:
    """Return whether a name means actors, none of them of the kinds that are wanted.

    No state is meant by NATO, however many names are spelt like it.
    """
    return bool(wanted) and bool(_find_named_actors(db, name, day, set()))


def _find_near_actors(db: Connection, name: str, limit: int) -> list[ActorCandidate]:
    """Find the actors whose names or codes resemble a name; of a short one only a slip of the pen.

    Of four letters one that differs leaves 75. Codes differ by one letter from many others.
    """
    if len(fold_text(name)) > SHORT_NAME:
        return queries.find_similar_actors(db, name, limit)
    found = queries.find_similar_actors(db, name, limit, schemes=(NAME_SCHEME,))
    return [one for one in found if one.score >= SHORT_NAME_SCORE]


def _find_named_actors(
    db: Connection, name: str, day: str | None, wanted: set[str]
) -> list[ActorCandidate]:
    """Find the actor that has a name, or several where it is ambiguous."""
    try:
        code = queries.resolve_actor_code(db, name, day, near=0, kinds=wanted or None)
        return queries.read_actor_candidates(db, [code], name)
    except queries.AmbiguousActorError as several:
        return list(several.near)
    except queries.UnknownActorError:
        return []


def _score_candidate(
    candidate: ActorCandidate, sure: set[str], named: set[str], coded: list[set[str]]
) -> float:
    """Score a candidate: 100 for a match, less where the name is ambiguous or a code differs."""
    score = candidate.score
    if candidate.code in named and candidate.code not in sure:
        score = AMBIGUOUS_SCORE
    if any(candidate.code not in codes for codes in coded):
        score /= 2
    return round(score, 1)


def _find_coded_actors(db: Connection, asked: ReconcileQuestion, day: str | None) -> list[set[str]]:
    """Find the actors that have one of the codes of each property; none have an unknown code."""
    found: list[set[str]] = []
    for narrowing in asked.properties:
        codes = _list_values(narrowing.v)
        if narrowing.pid not in CODE_PROPERTIES or not codes:
            continue
        scheme = "" if narrowing.pid == "code" else f"{narrowing.pid}:"
        actors = set[str]()
        for code in codes:
            text = code.strip().zfill(3 if narrowing.pid == "isonum" else 0)
            with suppress(queries.UnknownActorError, queries.AmbiguousActorError):
                actors.add(queries.resolve_actor_code(db, scheme + text, day, near=0))
        found.append(actors)
    return found


def _list_values(value: object) -> list[str]:
    """List the codes of a property: a text, a number, an entity that has an id, or some of them."""
    values = value[:MOST_VALUES] if isinstance(value, list) else [value]
    ids = [one.get("id") if isinstance(one, dict) else one for one in values]
    return [str(one) for one in ids if isinstance(one, str | int) and not isinstance(one, bool)]


def _parse_day(asked: ReconcileQuestion) -> str | None:
    for narrowing in asked.properties:
        if narrowing.pid == "on":
            return parse_setting_day(narrowing.v)
    return None


def parse_setting_day(value: object) -> str | None:
    """Return a day that a client sets; None where it sets none.

    Raises `InvalidBodyError` where the value is no day.
    """
    if value in (None, ""):
        return None
    return validate_part(DAY_ADAPTER, value, ["body", "properties", "on"]).require_value()
