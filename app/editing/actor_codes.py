"""Check that the codes of actors are free, and resolve the successors that they name."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, select

from app.actors.queries import UnknownActorError, resolve_actor_code
from app.actors.schemas import Actor, SchemeCode
from app.db.tables import actor_names
from app.db.types import NO_END_DAY
from app.errors import Fault, InvalidBodyError
from app.text import is_visible_name

RESERVED = {"resolve"}
"""Words that are parts of addresses under `/v1/actors`, so no actor may have them as its code."""


def resolve_actor_or_fault(
    db: Connection, name: str, loc: list[str | int], faults: list[Fault]
) -> str:
    """Return the code of an actor by any of its names; an unknown name is added to `faults`."""
    try:
        return resolve_actor_code(db, name)
    except UnknownActorError as unknown:
        faults.append(Fault(loc=loc, message=str(unknown), hint=unknown.hint))
        return name


def resolve_actor_document(db: Connection, actor: Actor) -> Actor:
    """Return the actor with codes for its successors.

    Raises `InvalidBodyError` with every fault: unknown successors, invisible characters, and codes
    that another actor has in the same period.
    """
    faults: list[Fault] = []
    successors = [
        resolve_actor_or_fault(db, name, ["successors", n], faults)
        for n, name in enumerate(actor.successors)
    ]
    hidden: list[list[str | int]] = [] if is_visible_name(actor.name) else [["name"]]
    hidden += [
        ["aliases", k] for k, alias in enumerate(actor.aliases) if not is_visible_name(alias)
    ]
    message = "must not contain invisible characters"
    faults += [Fault(loc=loc, message=message) for loc in hidden]
    if actor.code.lower() in RESERVED:
        faults.append(Fault(loc=["code"], message="is reserved"))
    n = actor_names.c
    for at, code in enumerate(actor.codes):
        since, until = _code_period(actor, code)
        other = db.scalar(
            select(n.actor).where(
                n.scheme == code.scheme,
                n.value == code.lookup_value,
                n.actor != actor.code,
                n.since < until,
                n.until > since,
            )
        )
        if other is not None:
            faults.append(_build_overlap_fault(at, code, other))
    folded = db.scalar(
        select(n.actor).where(
            n.scheme == "code", n.value == actor.code.lower(), n.actor != actor.code
        )
    )
    if folded is not None:
        faults.append(_build_case_fault(folded))
    if faults:
        raise InvalidBodyError(faults)
    return actor.model_copy(update={"successors": successors})


def find_actor_code_conflicts(batch: Sequence[Actor]) -> Iterator[tuple[int, Fault]]:
    """Yield (index, fault) for each code that an earlier actor of the same batch claims too."""
    folded: dict[str, str] = {}
    claimed: dict[tuple[str, str], list[tuple[str, str, str]]] = defaultdict(list)
    for n, actor in enumerate(batch):
        first = folded.setdefault(actor.code.lower(), actor.code)
        if first != actor.code:
            yield n, _build_case_fault(first)
        for at, code in enumerate(actor.codes):
            since, until = _code_period(actor, code)
            claims = claimed[code.scheme, code.lookup_value]
            others = (
                holder
                for a, z, holder in claims
                if a < until and z > since and holder != actor.code
            )
            if other := next(others, None):
                yield n, _build_overlap_fault(at, code, other)
            claims.append((since, until, actor.code))


def _code_period(actor: Actor, code: SchemeCode) -> tuple[str, str]:
    return code.since or actor.since or "", code.until or actor.until or NO_END_DAY


def _build_overlap_fault(at: int, code: SchemeCode, other: str) -> Fault:
    message = f"{code.scheme}:{code.value} belongs to {other} in that period"
    hint = "Send since and until for the code, or merge the two actors."
    return Fault(loc=["codes", at], message=message, hint=hint)


def _build_case_fault(other: str) -> Fault:
    return Fault(loc=["code"], message=f"differs from {other} only in letter case")
