"""HTTP routes for actors, their candidates by name, and their relations."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from app.actors import queries
from app.actors.path import Name, in_path
from app.actors.relations import Relation, RelationQuery, relations
from app.actors.schemas import Actor, Candidate, Kind, Membership
from app.db.keyset import Key, pack
from app.examples import shown
from app.http.answer import encode
from app.http.asked import Day, Past, PastPaging, seen, today, version_at
from app.http.caching import cached, cached_one
from app.http.database import CursorKey, Held
from app.http.drawing import Drawn, drawable, form_of, in_form
from app.http.page import Links, Meta, Page, links, page, resumed
from app.http.problems import RESPONSES
from app.text import Word

router = APIRouter(prefix="/v1/actors", tags=["actors"], responses=RESPONSES)


class ActorQuery(PastPaging):
    """Parameters of a list of actors."""

    kind: list[Kind] = Field([], description="States, alliances, persons …")


class ResolveQuery(Past):
    """Parameters of resolving a name."""

    q: Word = Field(description="A code, scheme:code, name or part of one.", examples=["cow:371"])
    limit: int = Field(50, ge=1, le=1000, description="Candidates at most.")
    on: Day | None = Field(None, description="The day on which it had that name or code.")


class OneActorQuery(Past, Drawn):
    """Parameters of one actor."""


class Listed(Actor):
    """An actor, with the number of its events and the days of the first and last."""

    first_event: str | None
    last_event: str | None
    events: int


class Known(Actor):
    """An actor, with all its membership periods."""

    memberships: list[Membership]


@router.get(
    "", response_model=Page[Listed], operation_id="listActors", responses=shown("listActors")
)
def list_actors(
    asked: Annotated[ActorQuery, Query()], request: Request, database: Held, key: CursorKey
) -> Response:
    """Lists actors by code, with the number of their events and the first and last day."""
    with database.connect() as db:
        version, then = seen(db, asked.as_of)

        def make() -> Response:
            bound = f"actors {sorted(set(asked.kind))}"
            after = resumed(asked.cursor, bound, key)
            found = db.execute(
                queries.listed(asked.kind, None if after is None else after.id, then, asked.limit)
            )
            rows = found.all()
            shown_rows = rows[: asked.limit]
            counted = queries.counts(db, [r.code for r in shown_rows], then)
            no_events = {"first_event": None, "last_event": None, "events": 0}
            bodies = [_merged(r.document, counted.get(r.code, no_events)) for r in shown_rows]
            more = len(rows) > asked.limit
            cursor = pack(Key("", shown_rows[-1].code), bound, key) if more else None
            known = Meta(version=version, reason=None if rows else "no_match")
            return page(bodies, known, links(request, cursor, version))

        return cached(request, version, make)


def _merged(document: str, more: dict[str, Any]) -> str:
    return json.dumps(json.loads(document) | more, ensure_ascii=False, separators=(",", ":"))


class Resolved(BaseModel):
    """The actors that a name may mean, best first."""

    data: list[Candidate]
    meta: Meta
    links: Links


@router.get(
    "/resolve",
    response_model=Resolved,
    operation_id="resolveActor",
    responses=shown("resolveActor"),
)
def resolve(asked: Annotated[ResolveQuery, Query()], request: Request, database: Held) -> Response:
    """Lists the actors that a name may mean, with a score and what matched."""
    with database.connect() as db:
        version, then = seen(db, asked.as_of)

        def make() -> Response:
            try:
                code = queries.find(db, asked.q, asked.on, then)
                found = queries.candidates(db, [code], asked.q, then)
            except queries.UnknownActorError as unknown:
                found = list(unknown.near)
            more = queries.resembling(db, asked.q, asked.limit, then)
            found += [c for c in more if c.code not in {f.code for f in found}]
            known = Meta(version=version, reason=None if found else "no_match")
            where = links(request, None, version)
            answer = Resolved(data=found[: asked.limit], meta=known, links=where)
            return Response(encode(answer), media_type="application/json")

        return cached(request, version, make)


@router.get(
    "/{code}", response_model=Known, operation_id="getActor", responses=drawable(shown("getActor"))
)
def get_actor(
    code: Name, asked: Annotated[OneActorQuery, Query()], request: Request, database: Held
) -> Response:
    """Returns one actor, by any name or code, with its codes and membership periods."""
    with database.connect() as db:
        then = version_at(db, asked.as_of)
        found = in_path(db, code, as_of=then)
        row = db.execute(queries.one(found, then)).one()
        membership_rows = db.execute(queries.spells(actors=[found], as_of=then)).all()

        def make() -> Response:
            memberships = [json.loads(r.document) for r in membership_rows]
            body = _merged(row.document, {"memberships": memberships})
            answer = Response(body, media_type="application/json")
            return in_form(request, "memberships", asked, answer)

        seqs = (
            f"{row.seq}-{len(membership_rows)}-{max((r.seq for r in membership_rows), default=0)}"
        )
        if (form := form_of(request, asked)) != "json":
            seqs += f"-{form}-{today()}"
        return cached_one(request, seqs, make)


@router.get(
    "/{code}/relations",
    response_model=Page[Relation],
    operation_id="listRelations",
    responses=drawable(shown("listRelations")),
)
def list_relations(
    code: Name,
    asked: Annotated[RelationQuery, Query()],
    request: Request,
    database: Held,
    key: CursorKey,
) -> Response:
    """Lists the partners of an actor in events, most frequent first, with counts by year."""
    with database.connect() as db:
        version, then = seen(db, asked.as_of)

        def make() -> Response:
            bound = f"relations {code} {asked.since} {asked.until}"
            after = resumed(asked.cursor, bound, key)
            here = "/v1/actors/{code}/relations"
            found = relations(db, in_path(db, code, as_of=then, here=here), *asked.days, then)
            if after is not None:
                found = [r for r in found if (-r.count, r.actor) > (-int(after.value), after.id)]
            shown_rows, cursor = found[: asked.limit], None
            if len(found) > asked.limit:
                last = shown_rows[-1]
                cursor = pack(Key(str(last.count), last.actor), bound, key)
            known = Meta(version=version, reason=None if found else "no_match")
            rows = [r.model_dump_json() for r in shown_rows]
            answer = page(rows, known, links(request, cursor, version))
            return in_form(request, "relations", asked, answer)

        return cached(request, version, make, request.headers.get("accept", ""))
