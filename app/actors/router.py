"""HTTP routes for actors, their candidates by name, and their relations."""

import json
from collections.abc import Mapping
from typing import Annotated, NamedTuple

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from app.actors import queries
from app.actors.parameters import resolve_path_actor
from app.actors.path_parameters import ActorName
from app.actors.relations import (
    Relation,
    RelationQuery,
    add_partner_sums,
    build_relation,
    count_by_partner,
    require_datasets,
)
from app.actors.schemas import Actor, ActorCandidate, ActorKind, Membership
from app.actors.search import read_actor_documents, search_actors
from app.db.as_of import resolve_version
from app.db.keyset import PageKey, decode_page_cursor, encode_cursor
from app.examples import example_responses
from app.http.caching import respond_with_strong_etag, respond_with_version_etag
from app.http.chart_formats import (
    add_chart_responses,
    resolve_chart_format,
    respond_in_chart_format,
)
from app.http.dependencies import CursorKeyDep, DatabaseDep
from app.http.page import build_page_links, render_page
from app.http.prefix_router import PrefixRouter
from app.http.problems import COMMON_RESPONSES
from app.http.query_route import QueryRoute
from app.json_encoding import encode_json
from app.lineages import Version
from app.page_models import Links, Meta, Page
from app.query_models import AsOfPagingQuery, AsOfQuery, ChartQuery, SingleDay, today
from app.text import ShortText

router = PrefixRouter(
    prefix="/v1/actors", tags=["actors"], responses=COMMON_RESPONSES, route_class=QueryRoute
)


class ActorQuery(AsOfPagingQuery):
    """Parameters of a list of actors."""

    kind: list[ActorKind] = Field([], description="States, alliances, persons …")
    q: ShortText | None = Field(
        None,
        description="Words of a name in any language, each perhaps only begun, or a code: best"
        " match first.",
        examples=["united st"],
    )


class ResolveQuery(AsOfQuery):
    """Parameters of resolving a name."""

    q: ShortText = Field(
        description="A code, scheme:code, name or part of one.", examples=["cow:371"]
    )
    limit: int = Field(50, ge=1, le=1000, description="Candidates at most.")
    on: SingleDay | None = Field(None, description="The day on which it had that name or code.")


class ActorDetailQuery(AsOfQuery, ChartQuery):
    """Parameters of one actor."""


class ActorSummary(Actor):
    """An actor, with the number of its events and the days of the first and last."""

    first_event: str | None
    last_event: str | None
    events: int


class ActorDetail(Actor):
    """An actor, with all its membership periods."""

    memberships: list[Membership]


@router.get(
    "",
    response_model=Page[ActorSummary],
    operation_id="listActors",
    responses=example_responses("listActors"),
)
def list_actors(
    asked: Annotated[ActorQuery, Query()],
    request: Request,
    database: DatabaseDep,
    key: CursorKeyDep,
) -> Response:
    """Lists actors, or those with a name, with the number of their events, first and last day.

    `/v1/actors/resolve` forgives misspelled names, and says what a filter takes one for.
    """
    with database.connect() as db:
        version, then = resolve_version(db, asked)

        def render_answer() -> Response:
            bound = f"actors {sorted(set(asked.kind))} {asked.q or ''}"
            after = decode_page_cursor(asked.cursor, bound, key, version)
            rows = _read_actor_page(db, asked, after, then)
            shown_rows = rows[: asked.limit]
            counted = queries.count_actor_events(db, [r.key.id for r in shown_rows], then)
            no_events = {"first_event": None, "last_event": None, "events": 0}
            bodies = [_add_fields(r.document, counted.get(r.key.id, no_events)) for r in shown_rows]
            more = len(rows) > asked.limit
            cursor = encode_cursor(shown_rows[-1].key, bound, key, version) if more else None
            known = Meta(version=version, reason=None if rows else "no_match")
            return render_page(bodies, known, build_page_links(request, cursor, version))

        return respond_with_version_etag(request, version, render_answer)


class _ActorRow(NamedTuple):
    key: PageKey
    document: str


def _read_actor_page(
    db: Connection, asked: ActorQuery, after: PageKey | None, as_of: int | None
) -> list[_ActorRow]:
    """Read one actor more than a page, by code or as a search ranks them."""
    if asked.q is None:
        found = queries.select_actor_page(
            asked.kind, None if after is None else after.id, as_of, asked.limit
        )
        return [_ActorRow(PageKey("", code), document) for code, document in db.execute(found)]
    matches = search_actors(db, asked.q, asked.kind, as_of)
    if after is not None:
        matches = [m for m in matches if m > (after.value, after.id)]
    matches = matches[: asked.limit + 1]
    documents = read_actor_documents(db, [m.code for m in matches], as_of)
    return [_ActorRow(PageKey(*m), documents[m.code]) for m in matches]


def _add_fields(document: str, more: Mapping[str, object]) -> str:
    return json.dumps({**json.loads(document), **more}, ensure_ascii=False, separators=(",", ":"))


class ActorCandidates(BaseModel):
    """The actors that a name may mean, best first."""

    data: list[ActorCandidate]
    meta: Meta
    links: Links


@router.get(
    "/resolve",
    response_model=ActorCandidates,
    operation_id="resolveActor",
    responses=example_responses("resolveActor"),
)
def list_actor_candidates(
    asked: Annotated[ResolveQuery, Query()], request: Request, database: DatabaseDep
) -> Response:
    """Lists the actors that a name may mean, with a score and what matched."""
    with database.connect() as db:
        version, then = resolve_version(db, asked)

        def render_answer() -> Response:
            try:
                code = queries.resolve_actor_code(db, asked.q, asked.on, then)
                found = queries.read_actor_candidates(db, [code], asked.q, then)
            except queries.UnknownActorError as unknown:
                found = list(unknown.near)
            more = queries.find_similar_actors(db, asked.q, asked.limit, then)
            found += [c for c in more if c.code not in {f.code for f in found}]
            known = Meta(version=version, reason=None if found else "no_match")
            where = build_page_links(request, None, version)
            answer = ActorCandidates(data=found[: asked.limit], meta=known, links=where)
            return Response(encode_json(answer), media_type="application/json")

        return respond_with_version_etag(request, version, render_answer)


@router.get(
    "/{code}",
    response_model=ActorDetail,
    operation_id="getActor",
    responses=add_chart_responses(example_responses("getActor")),
)
def get_actor(
    code: ActorName,
    asked: Annotated[ActorDetailQuery, Query()],
    request: Request,
    database: DatabaseDep,
) -> Response:
    """Returns one actor, by any name or code, with its codes and membership periods."""
    with database.connect() as db:
        version, then = resolve_version(db, asked)
        found = resolve_path_actor(db, code, as_of=then)
        row = db.execute(queries.select_actor(found, then)).one()
        membership_rows = db.execute(queries.select_memberships(actors=[found], as_of=then)).all()

        def render_answer() -> Response:
            memberships = [json.loads(r.document) for r in membership_rows]
            body = _add_fields(row.document, {"memberships": memberships})
            answer = Response(body, media_type="application/json")
            return respond_in_chart_format(
                request, db, "memberships", asked, answer, lambda: {"meta": {"version": version}}
            )

        label = Version(row.seq, version.ancestry).label
        newest = max((r.seq for r in membership_rows), default=0)
        seqs = f"{label}-{len(membership_rows)}-{newest}"
        if (form := resolve_chart_format(request, asked)) != "json":
            seqs += f"-{form}-{today()}"
        return respond_with_strong_etag(request, seqs, render_answer)


@router.get(
    "/{code}/relations",
    response_model=Page[Relation],
    operation_id="listRelations",
    responses=add_chart_responses(example_responses("listRelations")),
)
def list_relations(
    code: ActorName,
    asked: Annotated[RelationQuery, Query()],
    request: Request,
    database: DatabaseDep,
    key: CursorKeyDep,
) -> Response:
    """Lists the partners of an actor in events, most frequent first, with counts by year."""
    with database.connect() as db:
        version, then = resolve_version(db, asked)

        def render_answer() -> Response:
            bound = f"relations {code} {asked.since} {asked.until}"
            bound += f" {sorted(set(asked.dataset))}" if asked.dataset else ""
            require_datasets(db, asked.dataset, "sums")
            after = decode_page_cursor(asked.cursor, bound, key, version)
            here = "/v1/actors/{code}/relations"
            actor = resolve_path_actor(db, code, as_of=then, here=here)
            found = count_by_partner(db, actor, *asked.day_range, then, asked.dataset)
            if after is not None:
                found = [r for r in found if r.sort_key > (-int(after.value), after.id)]
            shown_rows, cursor = [build_relation(r) for r in found[: asked.limit]], None
            if len(found) > asked.limit:
                last = shown_rows[-1]
                cursor = encode_cursor(PageKey(str(last.count), last.actor), bound, key, version)
            add_partner_sums(
                db, actor, asked.day_range, shown_rows, request.app.state.partner_sums, then,
                asked.dataset,
            )  # fmt: skip
            known = Meta(version=version, reason=None if found else "no_match")
            rows = [r.model_dump_json() for r in shown_rows]
            answer = render_page(rows, known, build_page_links(request, cursor, version))
            return respond_in_chart_format(request, db, "relations", asked, answer)

        return respond_with_version_etag(
            request, version, render_answer, request.headers.get("accept", "")
        )
