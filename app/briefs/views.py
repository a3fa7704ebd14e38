"""Describe a view of the explorer by its address: what title, citation, embed and preview say."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self, TypeVar
from urllib.parse import parse_qsl, quote, urlencode

from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection

from app.actors.parameters import resolve_path_actor, resolve_query_actor
from app.actors.queries import select_actor
from app.actors.schemas import Actor
from app.alliances.read import ALLIANCE_KINDS, read_alliances
from app.briefs.compose import find_best_shift
from app.briefs.filter import PairQuery
from app.briefs.words import write_text
from app.charts.remarks import list_chart_remarks
from app.db.as_of import resolve_version
from app.errors import InvalidParameterError
from app.events.filter import EventFilter
from app.events.read import read_event
from app.http.page import pin_version
from app.lineages import Ancestry, Version
from app.query_models import AsOfQuery, OnDayQuery
from app.reader_words import name_in_sentence, write_edtf
from app.shifts import queries
from app.shifts.words import join_names
from app.validation_words import describe_invalid_value

Parameters = Sequence[tuple[str, str]]
Model = TypeVar("Model", bound=BaseModel)
NAMED_FIELDS = ("between", "actor", "initiator", "target", "member_of")
"""Fields of a filter of events whose actors are in its title."""
MAX_NAMES = 6
MAX_MEMBERS = 30
"""Members of a group that its description names; it counts the others."""
MAX_PAIRS = 4
"""Pairs that an embed shows."""
NO_VERSION = Version(0, Ancestry(()))


@dataclass(frozen=True, slots=True)
class ViewLink:
    """A link to the same answer in another form."""

    media_type: str
    address: str


@dataclass(frozen=True, slots=True)
class ViewDescription:
    """What a view shows, in words, and where the same is in other forms; addresses are relative."""

    title: str
    description: str
    version: Version
    address: str
    """Of the view itself, with the version that it shows."""
    datasets: tuple[str, ...] = ()
    """Codes; empty for all."""
    picture: str | None = None
    """Without its format."""
    data: tuple[ViewLink, ...] = ()
    embed: str | None = None
    event: str | None = None
    shift: str | None = None
    """The id, for the sources of its evidence."""
    events: EventFilter | None = None
    """What the view lists, for the sources of these events."""
    remarks: tuple[str, ...] = ()
    """What has to be said beside its picture, where that does not depend on what is drawn."""

    @classmethod
    def of_record(
        cls, version: Version = NO_VERSION, address: str = "/", title: str = "view_home"
    ) -> Self:
        """Describe the record as a whole."""
        return cls(write_text(title), write_text("about_record"), version, address)


def describe_view(db: Connection, query: str, defaults: Sequence[str]) -> ViewDescription:
    """Describe the view with the query of an address.

    Raises `InvalidParameterError` or `NotFoundError` where the view has no answer.
    """
    items = parse_qsl(query)
    asked = dict(items)
    version, then = resolve_version(db, read_parameters(AsOfQuery, items))
    kept = [(name, value) for name, value in items if name not in ("as_of", "lineage")]
    address = f"/?{urlencode([*kept, *pin_version(version).items()])}"
    view = asked.get("view", "")
    if view == "shift" and asked.get("actor") and asked.get("toward"):
        return _describe_pair(db, kept, defaults, version, then, address)
    if view == "event":
        return _describe_event(db, asked.get("id", ""), version, then, address)
    if view == "actor":
        return _describe_actor(db, asked.get("actor", ""), version, then, address)
    if view == "alliance":
        return _describe_alliance(db, asked, version, then, address)
    if view == "map":
        asked_events = read_parameters(EventFilter, kept)
        return describe_events_on_map(db, asked_events, version, then, kept)
    if view == "events":
        return _describe_events(db, kept, version, then, address)
    if view == "compare" and (pairs := asked_pairs(items)):
        return _describe_compared_pairs(pairs, version, address)
    titles = {"shift": "view_shifts", "compare": "view_compare", "alliances": "view_alliances"}
    return ViewDescription.of_record(version, address, titles.get(view, "view_home"))


def asked_pairs(items: Parameters) -> list[str]:
    """Return the pairs of a comparison, `ARM>RUS`; empty where one is written in another way."""
    pairs = [value for name, value in items if name == "pair" and value]
    return pairs if all(all(map(str.strip, pair.partition(">"))) for pair in pairs) else []


def _describe_compared_pairs(
    pairs: Sequence[str], version: Version, address: str
) -> ViewDescription:
    """Describe some pairs side by side, of which an embed has room for a few."""
    made = ViewDescription.of_record(version, address, "view_compare")
    if len(pairs) > MAX_PAIRS:
        return made
    items = [("pair", pair) for pair in pairs] + list(pin_version(version).items())
    return replace(
        made, description=write_text("about_compare"), embed=join_address("/embed/compare", items)
    )


def read_parameters(model: type[Model], items: Parameters) -> Model:
    """Read those parameters of an address that a model has; raises `InvalidParameterError`."""
    schema = model.model_json_schema()["properties"]
    values: dict[str, str | list[str]] = {}
    for name, value in items:
        if name not in schema or not value:
            continue
        if schema[name].get("type") == "array":
            values[name] = [*values.get(name, []), value]
        else:
            values[name] = value
    try:
        return model.model_validate(values)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False)[0]
        field = str(first["loc"][0]) if first["loc"] else "view"
        raise InvalidParameterError(field, describe_invalid_value(first)) from wrong


def join_address(path: str, items: Iterable[tuple[str, object]]) -> str:
    """Join a path and its parameters."""
    query = urlencode(list(items))
    return f"{path}?{query}" if query else path


def keep_known(model: type[BaseModel], items: Parameters) -> list[tuple[str, str]]:
    """Keep the parameters that a model has."""
    return [(name, value) for name, value in items if name in model.model_fields and value]


def _describe_pair(
    db: Connection,
    items: Parameters,
    defaults: Sequence[str],
    version: Version,
    then: int | None,
    address: str,
) -> ViewDescription:
    asked = read_parameters(PairQuery, items)
    shift = find_best_shift(db, asked, defaults, version, then)
    kept = keep_known(PairQuery, items)
    feed = [("actor", shift.actor)]
    if len(shift.toward) == 1 and not shift.against:
        feed = [("between", f"{shift.actor},{shift.toward[0]}")]
    return ViewDescription(
        title=shift.title,
        description=shift.sentence,
        version=version,
        address=address,
        datasets=tuple(shift.datasets),
        picture=join_address("/v1/alignment", kept),
        data=(
            ViewLink("application/json", join_address("/v1/shifts", kept)),
            ViewLink("text/csv", join_address("/v1/shifts", [*kept, ("format", "csv")])),
            ViewLink("text/html", join_address("/brief", kept)),
            ViewLink("application/pdf", join_address("/v1/brief", [*kept, ("format", "pdf")])),
            ViewLink("application/atom+xml", _link_feed(feed)),
        ),
        embed=join_address("/embed/shift", [*kept, *pin_version(version).items()]),
        shift=shift.id,
    )


def _link_feed(items: Iterable[tuple[str, str]]) -> str:
    return join_address("/v1/events", [*items, ("format", "atom")])


def _describe_event(
    db: Connection, ident: str, version: Version, then: int | None, address: str
) -> ViewDescription:
    document = read_event(db, ident, then).document
    event = _EventTitle.model_validate_json(document)
    path = f"/v1/events/{quote(event.id)}"
    return ViewDescription(
        title=f"{event.title}, {write_edtf(event.date)}",
        description=event.summary or event.title,
        version=version,
        address=address,
        datasets=(event.dataset,),
        data=(ViewLink("application/json", path),),
        event=event.id,
    )


class _EventTitle(BaseModel):
    id: str
    title: str
    date: str
    dataset: str
    summary: str | None = None


def _read_actor(db: Connection, code: str, then: int | None) -> Actor:
    return Actor.model_validate_json(db.execute(select_actor(code, then)).one().document)


def _describe_actor(
    db: Connection, name: str, version: Version, then: int | None, address: str
) -> ViewDescription:
    code = resolve_path_actor(db, name, (), then)
    actor = _read_actor(db, code, then)
    path, brief = f"/v1/actors/{quote(code)}", [("actor", code)]
    return ViewDescription(
        events=EventFilter(actor=(code,)),
        title=f"{actor.name} ({code})",
        description=actor.summary or write_text("about_actor", name=actor.name),
        version=version,
        address=address,
        picture=path,
        data=(
            ViewLink("application/json", path),
            ViewLink("text/html", join_address("/brief", brief)),
            ViewLink("application/pdf", join_address("/v1/brief", [*brief, ("format", "pdf")])),
            ViewLink("application/atom+xml", _link_feed([("actor", code)])),
        ),
        embed=join_address("/embed/timeline", [("actor", code), *pin_version(version).items()]),
    )


def _describe_alliance(
    db: Connection, asked: dict[str, str], version: Version, then: int | None, address: str
) -> ViewDescription:
    code = resolve_path_actor(
        db, asked.get("code", ""), ALLIANCE_KINDS, then, "/v1/alliances/{code}"
    )
    day = read_parameters(OnDayQuery, [("on", asked.get("on", ""))]).day
    group = read_alliances(db, day, [code], then)[0]
    found = db.execute(queries.select_names_of_actors(group.members[:MAX_MEMBERS], then))
    by_code = {row.code: row.name for row in found}
    named = [by_code.get(code, code) for code in group.members[:MAX_MEMBERS]]
    if len(group.members) > MAX_MEMBERS:
        named.append(write_text("and_more", n=len(group.members) - MAX_MEMBERS))
    members = write_text("members_on", day=write_edtf(day), names=", ".join(named))
    path = f"/v1/alliances/{quote(code)}"
    return ViewDescription(
        title=write_text("view_members", name=group.name, day=write_edtf(day)),
        description=members if group.members else write_text("members_none", day=write_edtf(day)),
        version=version,
        address=address,
        picture=f"{path}/history",
        remarks=tuple(list_chart_remarks({"meta": {"members_recorded": group.members_recorded}})),
        data=(
            ViewLink("application/json", join_address(f"{path}/members", [("on", day)])),
            ViewLink("text/csv", join_address(f"{path}/history", [("format", "csv")])),
            ViewLink("application/atom+xml", _link_feed([("member_of", code)])),
        ),
        embed=join_address("/embed/members", [("code", code), *pin_version(version).items()]),
    )


def _describe_events(
    db: Connection,
    items: Parameters,
    version: Version,
    then: int | None,
    address: str,
    asked: EventFilter | None = None,
) -> ViewDescription:
    asked = asked or read_parameters(EventFilter, items)
    names = read_names_in_filter(db, asked, then)
    days = [write_edtf(day) if day else "…" for day in (asked.since, asked.until)]
    title = write_text("timeline_title", names=names) if names else write_text("timeline_all")
    if asked.since or asked.until:
        title += ", " + " – ".join(dict.fromkeys(days))
    kept = keep_known(EventFilter, items)
    return ViewDescription(
        title=title,
        description=write_text("about_events"),
        version=version,
        address=address,
        datasets=tuple(asked.dataset),
        events=asked,
        picture=join_address("/v1/timeline", kept),
        data=(
            ViewLink("application/json", join_address("/v1/events", kept)),
            *(
                ViewLink(kind, join_address("/v1/events", [*kept, ("format", form)]))
                for form, kind in TABLE_FORMS
            ),
            ViewLink("application/atom+xml", _link_feed(kept)),
        ),
        embed=join_address("/embed/timeline", [*kept, *pin_version(version).items()]),
    )


def describe_events_on_map(
    db: Connection,
    asked: EventFilter,
    version: Version,
    then: int | None,
    items: Parameters | None = None,
) -> ViewDescription:
    """Describe the map of a filter; `items` are the parameters of its view."""
    kept = keep_known(EventFilter, items or ())
    address = f"/?{urlencode([*(items or ()), *pin_version(version).items()])}"
    made = _describe_events(db, kept, version, then, address, asked)
    return replace(
        made,
        description=write_text("about_map"),
        picture=join_address("/embed/map/picture", kept),
        embed=join_address("/embed/map", [*kept, *pin_version(version).items()]),
    )


TABLE_FORMS = (
    ("csv", "text/csv"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
)


def read_names_in_filter(db: Connection, asked: EventFilter, then: int | None) -> str:
    """Read the names of the actors that a filter of events names; empty for none."""
    codes = [
        resolve_query_actor(db, field, name, then)
        for field in NAMED_FIELDS
        for name in getattr(asked, field)
    ]
    found = {
        row.code: name_in_sentence(row.name, is_group=False)
        for row in db.execute(queries.select_names_of_actors(codes[:MAX_NAMES], then))
    }
    return join_names([found[code] for code in dict.fromkeys(codes) if code in found])
