"""Say what a chart is about: its subject with names, and where its rows come from. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qsl, unquote, urlsplit

from app.charts.vega_lite import VegaSpec

ACTOR_FILTERS = ("actor", "between", "initiator", "target", "member_of", "country")
"""Filters whose values are names of actors."""
_OF_DRAWING = (
    "format",
    "width",
    "granularity",
    "top",
    "limit",
    "as_of",
    "lineage",
    "cursor",
    "match",
)
_WINDOW = ("since", "until")
MAX_CREDITS = 3
"""Datasets that a picture names; it counts the others."""


def list_asked_codes(body: VegaSpec) -> list[str]:
    """List the codes and names of actors that the question of an answer contains."""
    meta = body.get("meta") or {}
    codes = [meta.get("actor"), *meta.get("toward", ()), *meta.get("against", ())]
    codes += [part for name, part in _list_filters(body) if name in ACTOR_FILTERS]
    return [code for code in dict.fromkeys([*codes, read_path_code(body)]) if code]


def list_codes_of_shifts(body: VegaSpec) -> list[str]:
    """List the codes of the actors of shifts."""
    rows = body.get("data") or []
    codes = [[row["actor"], *row["toward"], *row["against"]] for row in rows]
    return [code for part in codes for code in part]


def _read_address(body: VegaSpec) -> str:
    return str((body.get("links") or {}).get("self") or "")


def read_path_code(body: VegaSpec) -> str:
    """Return the actor that the path of a question names; empty where it names none."""
    parts = urlsplit(_read_address(body)).path.split("/")
    return unquote(parts[3]) if len(parts) > 4 else ""


def _list_filters(body: VegaSpec) -> list[tuple[str, str]]:
    pairs = parse_qsl(urlsplit(_read_address(body)).query)
    return [
        (name, part.strip())
        for name, value in pairs
        if name not in _OF_DRAWING
        for part in (value.split(",") if name in ACTOR_FILTERS else [value])
    ]


def name_actors(codes: Iterable[str], names: Mapping[str, str], join: str = " + ") -> str:
    """Write actors by their names, or by what was asked where no name is known."""
    return join.join(names.get(code, code) for code in codes)


def compose_pair_subject(body: VegaSpec) -> str:
    """Compose the subject of a curve: who toward whom, against whom."""
    meta, names = body.get("meta") or {}, body.get("names", {})
    toward, against = (name_actors(meta.get(side, ()), names) for side in ("toward", "against"))
    tail = f", against {against}" if against else ""
    return f"{name_actors([meta.get('actor', '')], names)} toward {toward}{tail}" if toward else ""


def compose_event_subject(body: VegaSpec) -> str:
    """Compose the subject of a timeline from the filter that it was asked with."""
    names, filters = body.get("names", {}), _list_filters(body)
    by_name: dict[str, list[str]] = {}
    for name, value in filters:
        by_name.setdefault(name, []).append(value)
    subject = "Events"
    if pair := by_name.pop("between", None):
        subject += f" between {name_actors(pair, names, ' and ')}"
    if who := by_name.pop("actor", None):
        subject += f" of {name_actors(who, names, ' or ')}"
    for name in _WINDOW:
        by_name.pop(name, None)  # the axis shows the days
    rest = [
        f"{name.replace('_', ' ')} {name_actors(values, names, ' or ')}"
        for name, values in by_name.items()
    ]
    return "; ".join([subject, *rest]) if by_name or subject != "Events" else "Events over time"


def compose_shift_subject(body: VegaSpec) -> str:
    """Compose the subject of a ranking of shifts: those of one actor, or of all."""
    actors = {row["actor"] for row in body.get("data", ())}
    who = name_actors(actors, body.get("names", {})) if len(actors) == 1 else ""
    return f"Shifts of {who}" if who else "Shifts of alignment"


def compose_partner_subject(body: VegaSpec) -> str:
    """Compose the subject of a list of partners."""
    who = name_actors(filter(None, [read_path_code(body)]), body.get("names", {}))
    return f"Partners of {who} in events" if who else "Partners in events"


def compose_member_subject(body: VegaSpec) -> str:
    """Compose the subject of a history of members."""
    group = name_actors(filter(None, [read_path_code(body)]), body.get("names", {}))
    return f"{group}: members over time" if group else "Members over time"


def compose_credit(body: VegaSpec) -> str:
    """Compose the line of a picture that says its source, licence and version."""
    found: Sequence[Mapping[str, str]] = body.get("credits", ())
    by_licence: dict[str, list[str]] = {}
    for one in found[:MAX_CREDITS]:
        by_licence.setdefault(one["licence"], []).append(f"{one['citation']} {one['version']}")
    parts = [f"{', '.join(cited)} ({licence})" for licence, cited in by_licence.items()]
    if len(found) > MAX_CREDITS:
        rest = len(found) - MAX_CREDITS
        parts.append(f"{rest} more datasets, each under its own licence")
    version = (body.get("meta") or {}).get("version")
    state = [f"version {version} of the record"] if version is not None else []
    source = f"Source: {'; '.join(parts)}" if parts else "Source: Entente"
    return " · ".join([source, *state])
