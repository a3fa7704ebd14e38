"""Actors over HTTP."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import func, select

from app.actors import queries
from app.actors.path import Name, in_path
from app.actors.relations import Relation, RelationQuery, relations
from app.actors.schemas import Actor, Candidate, Kind, Membership
from app.db.keyset import Key, pack
from app.db.tables import actors, participations, revisions
from app.examples import shown
from app.http.answer import encode
from app.http.asked import Day
from app.http.caching import cached, version_of
from app.http.database import CursorKey, Held
from app.http.page import Links, Meta, NoQuery, Page, Paging, links, page, resumed
from app.http.page import Query as Parameters
from app.http.problems import RESPONSES
from app.text import Word

router = APIRouter(prefix="/v1/actors", tags=["actors"], responses=RESPONSES)


class ActorQuery(Paging):
    """Which actors."""

    kind: list[Kind] = Field([], description="States, alliances, persons …")


class ResolveQuery(Parameters):
    """A name to resolve."""

    q: Word = Field(description="A code, scheme:code, name or part of one.", examples=["cow:371"])
    limit: int = Field(50, ge=1, le=1000, description="Candidates at most.")
    on: Day | None = Field(None, description="The day on which it had that name or code.")


class Listed(Actor):
    """An actor, with what the record holds of it."""

    first_event: str | None
    last_event: str | None
    events: int


class Known(Actor):
    """An actor, with its memberships over time."""

    memberships: list[Membership]


@router.get(
    "", response_model=Page[Listed], operation_id="listActors", responses=shown("listActors")
)
def list_actors(
    asked: Annotated[ActorQuery, Query()], request: Request, database: Held, key: CursorKey
) -> Response:
    """Actors by code, with first and last event and their number."""
    with database.connect() as db:
        version = version_of(db)

        def make() -> Response:
            p = participations.c
            chosen = select(actors.c.code, revisions.c.document).join(
                revisions, revisions.c.seq == actors.c.seq
            )
            if asked.kind:
                chosen = chosen.where(actors.c.kind.in_(asked.kind))
            bound = f"actors {sorted(set(asked.kind))}"
            after = resumed(asked.cursor, bound, key)
            if after is not None:
                chosen = chosen.where(actors.c.code > after.id)
            found = db.execute(chosen.order_by(actors.c.code).limit(asked.limit + 1)).all()
            codes = [r.code for r in found[: asked.limit]]
            counted = {
                r.actor: r
                for r in db.execute(
                    select(
                        p.actor,
                        func.count(func.distinct(p.event)).label("events"),
                        func.min(p.start).label("first"),
                        func.max(p.start).label("last"),
                    )
                    .where(p.actor.in_(codes), p.status != "retracted")
                    .group_by(p.actor)
                )
            }
            rows = []
            for row in found[: asked.limit]:
                n = counted.get(row.code)
                more = {
                    "first_event": n.first if n else None,
                    "last_event": n.last if n else None,
                    "events": n.events if n else 0,
                }
                rows.append(_merged(row.document, more))
            cursor = pack(Key("", codes[-1]), bound, key) if len(found) > asked.limit else None
            known = Meta(version=version, reason=None if rows else "no_match")
            return page(rows, known, links(request, cursor))

        return cached(request, version, make)


def _merged(document: str, more: dict[str, Any]) -> str:
    return json.dumps(json.loads(document) | more, ensure_ascii=False, separators=(",", ":"))


class Resolved(BaseModel):
    """Candidates, best first."""

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
    """Which actors a name may mean, scored, and why."""
    with database.connect() as db:
        try:
            code = queries.find(db, asked.q, asked.on)
            found = queries.candidates(db, [code], asked.q)
        except queries.UnknownActorError as unknown:
            found = list(unknown.near)
        more = queries.resembling(db, asked.q, asked.limit)
        found += [c for c in more if c.code not in {f.code for f in found}]
        known = Meta(version=version_of(db), reason=None if found else "no_match")
        where = links(request, None)
        return Response(
            encode(Resolved(data=found[: asked.limit], meta=known, links=where)),
            media_type="application/json",
        )


@router.get("/{code}", response_model=Known, operation_id="getActor", responses=shown("getActor"))
def get_actor(
    code: Name, _: Annotated[NoQuery, Query()], request: Request, database: Held
) -> Response:
    """One actor by any of its names: codes, and memberships over time."""
    with database.connect() as db:
        version = version_of(db)

        def make() -> Response:
            found = in_path(db, code)
            document = db.scalar(
                select(revisions.c.document)
                .join(actors, actors.c.seq == revisions.c.seq)
                .where(actors.c.code == found)
            )
            spells = [json.loads(r.document) for r in db.execute(queries.spells(actors=[found]))]
            body = _merged(document or "{}", {"memberships": spells})
            return Response(body, media_type="application/json")

        return cached(request, version, make)


@router.get(
    "/{code}/relations",
    response_model=Page[Relation],
    operation_id="listRelations",
    responses=shown("listRelations"),
)
def list_relations(
    code: Name,
    asked: Annotated[RelationQuery, Query()],
    request: Request,
    database: Held,
    key: CursorKey,
) -> Response:
    """Partners in events, most frequent first, each with its years."""
    with database.connect() as db:
        version = version_of(db)

        def make() -> Response:
            bound = f"relations {code} {asked.since} {asked.until}"
            after = resumed(asked.cursor, bound, key)
            found = relations(db, in_path(db, code), *asked.days)
            if after is not None:
                found = [r for r in found if (-r.count, r.actor) > (-int(after.value), after.id)]
            shown_rows, cursor = found[: asked.limit], None
            if len(found) > asked.limit:
                last = shown_rows[-1]
                cursor = pack(Key(str(last.count), last.actor), bound, key)
            known = Meta(version=version, reason=None if found else "no_match")
            rows = [r.model_dump_json() for r in shown_rows]
            return page(rows, known, links(request, cursor))

        return cached(request, version, make)
