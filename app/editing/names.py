"""Whether the codes of an actor are free, and whom it names."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, select

from app.actors.queries import UnknownActorError, find
from app.actors.schemas import Actor, Code
from app.db.tables import actor_names
from app.db.types import NEVER
from app.http.problems import Fault, InvalidBodyError
from app.text import visible

RESERVED = {"resolve"}
"""What stands where codes stand in addresses."""


def code_of(db: Connection, given: str, loc: list[str | int], faults: list[Fault]) -> str:
    """The code of an actor by any name; a fault is noted where nobody has it."""
    try:
        return find(db, given)
    except UnknownActorError as unknown:
        faults.append(Fault(loc=loc, message=str(unknown), hint=unknown.hint))
        return given


def settled_actor(db: Connection, actor: Actor) -> Actor:
    """The actor with codes for its successors; raises `InvalidBodyError` with every fault."""
    faults: list[Fault] = []
    successors = [
        code_of(db, name, ["successors", n], faults) for n, name in enumerate(actor.successors)
    ]
    hidden: list[list[str | int]] = [] if visible(actor.name) else [["name"]]
    hidden += [["aliases", k] for k, alias in enumerate(actor.aliases) if not visible(alias)]
    told = "must not contain characters that cannot be seen"
    faults += [Fault(loc=loc, message=told) for loc in hidden]
    if actor.code.lower() in RESERVED:
        faults.append(Fault(loc=["code"], message="is an address of its own"))
    n = actor_names.c
    for at, code in enumerate(actor.codes):
        since, until = _spell(actor, code)
        other = db.scalar(
            select(n.actor).where(
                n.scheme == code.scheme,
                n.value == code.value.lower(),
                n.actor != actor.code,
                n.since < until,
                n.until > since,
            )
        )
        if other is not None:
            faults.append(_held(at, code, other))
    folded = db.scalar(
        select(n.actor).where(
            n.scheme == "code", n.value == actor.code.lower(), n.actor != actor.code
        )
    )
    if folded is not None:
        faults.append(_in_case_only(folded))
    if faults:
        raise InvalidBodyError(faults)
    return actor.model_copy(update={"successors": successors})


def clashes(given: Sequence[Actor]) -> Iterator[tuple[int, Fault]]:
    """What actors of one batch claim that others before them in it claim."""
    folded: dict[str, str] = {}
    held: dict[tuple[str, str], list[tuple[str, str, str]]] = defaultdict(list)
    for n, actor in enumerate(given):
        first = folded.setdefault(actor.code.lower(), actor.code)
        if first != actor.code:
            yield n, _in_case_only(first)
        for at, code in enumerate(actor.codes):
            since, until = _spell(actor, code)
            claims = held[code.scheme, code.value.lower()]
            others = (who for a, z, who in claims if a < until and z > since and who != actor.code)
            if other := next(others, None):
                yield n, _held(at, code, other)
            claims.append((since, until, actor.code))


def _spell(actor: Actor, code: Code) -> tuple[str, str]:
    return code.since or actor.since or "", code.until or actor.until or NEVER


def _held(at: int, code: Code, other: str) -> Fault:
    message = f"{code.scheme}:{code.value} is {other} in that time"
    hint = "Give the code the days on which it was valid, or merge the two."
    return Fault(loc=["codes", at], message=message, hint=hint)


def _in_case_only(other: str) -> Fault:
    return Fault(loc=["code"], message=f"differs from {other} in case only")
