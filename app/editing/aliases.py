"""Give an actor another name or code, by which loads and requests find it."""

from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy import Connection

from app.actors.changes import write_actors
from app.actors.name_index import gather_name, split_scheme
from app.actors.name_table import NAME_SCHEME, NamePeriod
from app.actors.queries import StoredNames, resolve_actor_code, select_actor
from app.actors.schemas import Actor, Day, SchemeCode
from app.db.journal import Writer
from app.db.types import NO_END_DAY
from app.events.unresolved import is_scheme_code, show_name
from app.text import ShortText, is_visible_name
from app.validation_words import describe_invalid_value


class AliasError(Exception):
    """A name cannot be given to an actor; says why."""


class AliasConflictError(AliasError):
    """Another actor has the name or code at the same time."""


class Alias(BaseModel):
    """A name, or a code such as `acled:Some Militia`, to give to an actor."""

    model_config = ConfigDict(extra="forbid")
    name: ShortText = Field(description="As files have it, with its scheme if it is a code.")
    since: Day | None = Field(None, description="First day on which the actor has the name.")
    until: Day | None = Field(None, description="First day on which it no longer has it.")

    @model_validator(mode="after")
    def _check_alias(self) -> "Alias":
        if not is_visible_name(self.name) or not self.plain_name.strip():
            raise ValueError("name must have visible characters and no hidden ones")
        if self.since and self.until and self.since >= self.until:
            raise ValueError("until must lie after since")
        return self

    @property
    def plain_name(self) -> str:
        """The name without the list of names that it is from."""
        return show_name(self.name).strip()


class AliasOutcome(NamedTuple):
    """The actor that has an alias now, and whether it is new to it."""

    actor: Actor
    is_new: bool


def add_alias(db: Connection, alias: Alias, actor_name: str, by: Writer) -> AliasOutcome:
    """Give an actor a name or code, as a revision of its document; nothing if it has it already.

    Raises `UnknownActorError` for the actor, and `AliasConflictError` where another actor has the
    name in any part of the period: which of the two is meant would have to be guessed.
    """
    code = resolve_actor_code(db, actor_name)
    actor = Actor.model_validate_json(db.execute(select_actor(code)).one().document)
    entry = _build_entry(alias)
    since = alias.since or actor.since or ""
    until = alias.until or actor.until or NO_END_DAY
    rows = [row for row in _find_names(db, alias.plain_name) if _overlap(row, since, until)]
    for row in rows:
        if (holder := resolve_actor_code(db, row.actor)) != code:
            raise AliasConflictError(_describe_conflict(db, alias, actor, holder))
    if any(row.since <= since and until <= row.until for row in rows):
        return AliasOutcome(actor, False)
    aliases, codes = list(actor.aliases), list(actor.codes)
    if entry.scheme == NAME_SCHEME and alias.since is None and alias.until is None:
        aliases.append(alias.plain_name)
    else:
        codes.append(entry)
    try:
        made = Actor.model_validate(actor.model_dump() | {"aliases": aliases, "codes": codes})
    except ValidationError as wrong:
        [first, *_] = wrong.errors()
        raise AliasError(
            f"{code} cannot take another name: {describe_invalid_value(first)}"
        ) from wrong
    write_actors(db, [made], by)
    return AliasOutcome(made, True)


def _find_names(db: Connection, name: str) -> list[NamePeriod]:
    """Find the names and codes by which a text is understood today, in any period."""
    reading = gather_name(name, StoredNames(db)).reading
    if reading is None:
        return []
    # Of a name with another one in it, such as `Greenland (Denmark)`, the first one is meant.
    return reading.names[0]


def _overlap(row: NamePeriod, since: str, until: str) -> bool:
    return row.since < until and since < row.until


def _build_entry(alias: Alias) -> SchemeCode:
    name, scheme = alias.plain_name, NAME_SCHEME
    if is_scheme_code(name):
        scheme, name = split_scheme(name)
    return SchemeCode(scheme=scheme, value=name.strip(), since=alias.since, until=alias.until)


def _describe_conflict(db: Connection, alias: Alias, actor: Actor, holder: str) -> str:
    other = Actor.model_validate_json(db.execute(select_actor(holder)).one().document)
    return (
        f"{alias.plain_name!r} is a name or code of {other.code} ({other.name}) at that time, so it"
        f" cannot be one of {actor.code} ({actor.name}) too"
    )
