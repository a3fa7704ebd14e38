"""What the reconciliation protocol (0.2) can add to matched actors, and how it completes texts."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from app.actors.queries import find_similar_actors, read_actors_of_codes
from app.actors.reconcile_models import (
    ExtendColumn,
    ExtendedRows,
    ExtendQuestion,
    ReconcileEntity,
    SuggestedEntity,
)
from app.db.types import NO_END_DAY

CODE_SCHEMES = {
    "iso2": "ISO 3166-1 alpha-2", "iso3": "ISO 3166-1 alpha-3", "isonum": "ISO 3166-1 numeric",
    "cow": "Correlates of War", "gw": "Gleditsch and Ward", "cameo": "CAMEO", "fips": "FIPS 10-4",
    "fifa": "FIFA", "wikidata": "Wikidata",
}  # fmt: skip
FIELDS = {
    "name": "Name", "kind": "Kind", "since": "First day", "until": "First day after the last",
    "summary": "Description",
}  # fmt: skip
PROPERTIES = {**FIELDS, **CODE_SCHEMES}
"""Names of the properties that can be asked for and added, by id."""
MOST_SUGGESTIONS = 20


def list_properties() -> list[ReconcileEntity]:
    """List the properties that can be added to actors."""
    return [ReconcileEntity(id=ident, name=name) for ident, name in PROPERTIES.items()]


def suggest_entities(db: Connection, prefix: str) -> list[SuggestedEntity]:
    """Suggest actors whose names begin with or resemble a text, best first."""
    found = find_similar_actors(db, prefix, MOST_SUGGESTIONS)
    return [
        SuggestedEntity(
            id=one.code, name=one.name, description=one.kind.replace("_", " "), notable=[one.kind]
        )
        for one in found
    ]


def suggest_names(known: dict[str, str], prefix: str) -> list[ReconcileEntity]:
    """Suggest ids whose id or name contains a text."""
    wanted = prefix.casefold()
    return [
        ReconcileEntity(id=ident, name=name)
        for ident, name in known.items()
        if wanted in ident.casefold() or wanted in name.casefold()
    ]


def extend_actors(
    db: Connection, asked: ExtendQuestion, read_day: Callable[[object], str | None]
) -> ExtendedRows:
    """Read properties of actors; a code is the one that is valid on the day of the settings.

    An unknown actor has no values.
    """
    documents = read_actors_of_codes(db, asked.ids)
    days = [read_day(one.settings.get("on")) for one in asked.properties]
    rows = {
        ident: {
            one.id: [{"str": value} for value in _read_values(documents.get(ident), one.id, day)]
            for one, day in zip(asked.properties, days, strict=True)
        }
        for ident in asked.ids
    }
    meta = [ExtendColumn(id=p.id, name=PROPERTIES.get(p.id, p.id)) for p in asked.properties]
    return ExtendedRows(meta=meta, rows=rows)


def _read_values(actor: dict[str, Any] | None, field: str, day: str | None) -> list[str]:
    if actor is None:
        return []
    if field in FIELDS:
        return [str(actor[field])] if actor.get(field) else []
    return [
        code["value"]
        for code in actor["codes"]
        if code["scheme"] == field and (day is None or _is_valid(code, actor, day))
    ]


def _is_valid(code: dict[str, Any], actor: dict[str, Any], day: str) -> bool:
    """Return whether a code was valid on a day; one without days is as long as its actor."""
    since = code["since"] or actor["since"] or ""
    until = code["until"] or actor["until"] or NO_END_DAY
    return bool(since <= day < until)
