"""Routes of the write API: create, replace, patch, retract and merge each type of document."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field, TypeAdapter
from sqlalchemy import Connection

from app.access.gate import BEARER, Editor
from app.access.keys import Holder
from app.actors.memberships import MembershipId
from app.actors.queries import UnknownActorError, called
from app.actors.schemas import Actor, Membership
from app.db.engine import Database
from app.db.journal import Writer
from app.editing import events, merging, standing
from app.editing.kinds import ACTORS, COLLECTIONS, DOCUMENTS, SPELLS
from app.editing.outcome import Outcome, carried_out, writer
from app.editing.schemas import EventBody, MergeBody, Reason, RetractBody
from app.editing.standing import Kept
from app.events.router import EventId
from app.events.schemas import Event
from app.examples import sent, shown
from app.http.body import Body, parsed, valid
from app.http.database import Held
from app.http.page import Query as Parameters
from app.http.problems import RESPONSES, Fault, InvalidBodyError
from app.sources.schemas import Dataset, Source

router = APIRouter(
    prefix="/v1", tags=["writing"], responses=RESPONSES, dependencies=[Depends(BEARER)]
)
MERGE = TypeAdapter(MergeBody)
RETRACT = TypeAdapter(RetractBody)
REASON = TypeAdapter(Reason)


class WriteQuery(Parameters):
    """The query parameters of every write."""

    reason: Reason | None = Field(None, description="Why; stored with the revision.")


Asked = Annotated[WriteQuery, Query()]


def _with_reason(value: Any, asked: WriteQuery) -> tuple[Any, str | None]:
    """Split a body into the document and the reason; `?reason=` comes before the body's own."""
    if not isinstance(value, dict) or "reason" not in value:
        return value, asked.reason
    rest = {name: field for name, field in value.items() if name != "reason"}
    from_body = value["reason"]
    if from_body is not None:
        from_body = valid(REASON, from_body, ["body", "reason"]).good()
    return rest, asked.reason or from_body


def _why(body: bytes, asked: WriteQuery) -> str:
    """Return the reason of a retraction, from `?reason=` or the body; raise where both lack it."""
    if asked.reason is not None:
        return asked.reason
    if not body.strip():
        hint = 'Send {"reason": "…"}, or ?reason=.'
        raise InvalidBodyError([Fault(loc=["query", "reason"], message="is required", hint=hint)])
    return valid(RETRACT, parsed(body), ["body"]).good().reason


# ── events ────────────────────────────────────────────────────────────────────────────────────
@router.post(
    "/events",
    status_code=201,
    response_model=Event,
    operation_id="createEvents",
    responses=shown("createEvents", 201),
    openapi_extra=sent("createEvents", EventBody, several=True),
)
def create_events(
    asked: Asked, request: Request, database: Held, holder: Editor, body: Body
) -> Response:
    """Create one event, or an array of up to 1,000: all are written, or none and every fault."""
    value, reason = _with_reason(parsed(body), asked)
    bodies, locs = events.bodies(value)
    by = writer(holder, reason)

    def write(db: Connection) -> Outcome:
        return events.create(db, bodies, locs, by, single=isinstance(value, dict))

    return carried_out(request, database, holder, body, write)


@router.put(
    "/events/{event_id}",
    response_model=Event,
    operation_id="replaceEvent",
    responses=shown("replaceEvent") | shown("replaceEvent", 201),
    openapi_extra=sent("replaceEvent", EventBody),
)
def replace_event(
    event_id: EventId, asked: Asked, request: Request, database: Held, holder: Editor, body: Body
) -> Response:
    """Replace an event by the one sent, or create it; `If-Match` checks which revision was read."""
    value, reason = _with_reason(parsed(body), asked)
    by = writer(holder, reason)

    def write(db: Connection) -> Outcome:
        return events.replace(db, request, event_id, value, by)

    return carried_out(request, database, holder, body, write)


@router.patch(
    "/events/{event_id}",
    response_model=Event,
    operation_id="patchEvent",
    responses=shown("patchEvent"),
    openapi_extra=sent("patchEvent", EventBody, patch=True),
)
def patch_event(
    event_id: EventId, asked: Asked, request: Request, database: Held, holder: Editor, body: Body
) -> Response:
    """Change some fields of an event by a merge patch (RFC 7396)."""
    value, reason = _with_reason(parsed(body), asked)
    by = writer(holder, reason)

    def write(db: Connection) -> Outcome:
        return events.patch(db, request, event_id, value, by)

    return carried_out(request, database, holder, body, write)


@router.delete(
    "/events/{event_id}",
    response_model=Event,
    operation_id="retractEvent",
    responses=shown("retractEvent"),
    openapi_extra=sent("retractEvent", RetractBody, required=False),
)
def retract_event(
    event_id: EventId, asked: Asked, request: Request, database: Held, holder: Editor, body: Body
) -> Response:
    """Retract an event, with a reason: it stays readable, is marked, and is no longer counted."""
    by = writer(holder, _why(body, asked))

    def write(db: Connection) -> Outcome:
        return events.retract(db, request, event_id, by)

    return carried_out(request, database, holder, body, write)


Merge = Callable[[Connection, Request, str, MergeBody, Writer], Outcome]


def _merged(
    merge: Merge,
    ident: str,
    asked: WriteQuery,
    request: Request,
    database: Database,
    body: bytes,
    holder: Holder,
) -> Response:
    value = valid(MERGE, parsed(body), ["body"]).good()
    by = writer(holder, asked.reason or value.reason)

    def write(db: Connection) -> Outcome:
        return merge(db, request, ident, value, by)

    return carried_out(request, database, holder, body, write)


@router.post(
    "/events/{event_id}/merge",
    response_model=Event,
    operation_id="mergeEvents",
    responses=shown("mergeEvents"),
    openapi_extra=sent("mergeEvents", MergeBody),
)
def merge_events(
    event_id: EventId, asked: Asked, request: Request, database: Held, holder: Editor, body: Body
) -> Response:
    """Merge duplicates: one event gets the reports of all, the others redirect to it (308)."""
    return _merged(events.merge, event_id, asked, request, database, body, holder)


# ── everything else ───────────────────────────────────────────────────────────────────────────
ActorCode = Annotated[str, Path(description="Any name or code of the actor.", examples=["ARM"])]
SourceId = Annotated[str, Path(description="Id of the source.", examples=["some-source"])]
DatasetCode = Annotated[str, Path(description="Code of the dataset.", examples=["curated"])]


@router.post(
    "/actors/{code}/merge",
    response_model=Actor,
    operation_id="mergeActors",
    responses=shown("mergeActors"),
    openapi_extra=sent("mergeActors", MergeBody),
)
def merge_actors(
    code: ActorCode, asked: Asked, request: Request, database: Held, holder: Editor, body: Body
) -> Response:
    """Merge actors: one gets the names and events of all, the others redirect to it (308)."""

    def merge(db: Connection, request: Request, code: str, sent: MergeBody, by: Writer) -> Outcome:
        found = sent.model_copy(
            update={
                "into": None if sent.into is None else _actor_here(db, sent.into),
                "duplicates": [_actor_here(db, name) for name in sent.duplicates],
            }
        )
        return merging.merge_actors(db, request, _actor_here(db, code), found, by)

    return _merged(merge, code, asked, request, database, body, holder)


@router.post(
    "/memberships/{membership_id}/merge",
    response_model=Membership,
    operation_id="mergeMemberships",
    responses=shown("mergeMemberships"),
    openapi_extra=sent("mergeMemberships", MergeBody),
)
def merge_memberships(
    membership_id: MembershipId,
    asked: Asked,
    request: Request,
    database: Held,
    holder: Editor,
    body: Body,
) -> Response:
    """Merge records of one membership: one remains, the others redirect to it (308)."""
    return _merged(merging.merge_memberships, membership_id, asked, request, database, body, holder)


@router.post(
    "/sources/{source_id}/merge",
    response_model=Source,
    operation_id="mergeSources",
    responses=shown("mergeSources"),
    openapi_extra=sent("mergeSources", MergeBody),
)
def merge_sources(
    source_id: SourceId, asked: Asked, request: Request, database: Held, holder: Editor, body: Body
) -> Response:
    """Merge sources: one gets the reports of all, the others redirect to it (308)."""
    return _merged(merging.merge_sources, source_id, asked, request, database, body, holder)


def _actor_here(db: Connection, name: str) -> str:
    """Return the code of the actor that a path names; an unknown name is taken as a new code."""
    try:
        row = called(db, name[:200]) if name.isprintable() else None
    except UnknownActorError:
        row = None
    return name if row is None else str(row.code)


def _as_given(_: Connection, ident: str) -> str:
    return ident


def _add(
    kept: Kept[Any],
    name: str,
    path: str,
    ident: Any,
    model: type[Any],
    here: Callable[[Connection, str], str] = _as_given,
) -> None:
    """Add the routes that create, replace, patch and retract one type of document."""
    plural, one = (
        kept.shelf.path.removeprefix("/v1"),
        f"{kept.shelf.path.removeprefix('/v1')}/{path}",
    )
    kind = kept.shelf.kind

    def create(
        asked: Asked, request: Request, database: Held, holder: Editor, body: Body
    ) -> Response:
        value, reason = _with_reason(parsed(body), asked)
        by = writer(holder, reason)
        return carried_out(
            request, database, holder, body, lambda db: standing.create(kept, db, value, by)
        )

    def replace(
        ident: ident, asked: Asked, request: Request, database: Held, holder: Editor, body: Body
    ) -> Response:
        value, reason = _with_reason(parsed(body), asked)
        by = writer(holder, reason)

        def write(db: Connection) -> Outcome:
            return standing.replace(kept, db, request, here(db, ident), value, by)

        return carried_out(request, database, holder, body, write)

    def patch(
        ident: ident, asked: Asked, request: Request, database: Held, holder: Editor, body: Body
    ) -> Response:
        value, reason = _with_reason(parsed(body), asked)
        by = writer(holder, reason)

        def write(db: Connection) -> Outcome:
            return standing.patch(kept, db, request, here(db, ident), value, by)

        return carried_out(request, database, holder, body, write)

    def retract(
        ident: ident, asked: Asked, request: Request, database: Held, holder: Editor, body: Body
    ) -> Response:
        by = writer(holder, _why(body, asked))

        def write(db: Connection) -> Outcome:
            return standing.retract(kept, db, request, here(db, ident), by)

        return carried_out(request, database, holder, body, write)

    descriptions = {
        "create": f"Create one {kind}, or an array of up to 1,000: all are written, or none and"
        " every fault.",
        "replace": f"Replace a {kind} by the one sent, or create it; documents that show it are"
        " updated.",
        "patch": f"Change some fields of a {kind} by a merge patch (RFC 7396).",
        "retract": f"Retract a {kind} that no other document names, with a reason; its history"
        " stays readable.",
    }
    verbs: tuple[tuple[str, str, str, Any, str, int, dict[str, bool]], ...] = (
        ("create", "POST", plural, create, f"create{name}s", 201, {"several": True}),
        ("replace", "PUT", one, replace, f"replace{name}", 200, {}),
        ("patch", "PATCH", one, patch, f"patch{name}", 200, {"patch": True}),
        ("retract", "DELETE", one, retract, f"retract{name}", 200, {"required": False}),
    )
    for verb, method, address, handler, operation, status, more in verbs:
        router.add_api_route(
            address,
            handler,
            methods=[method],
            status_code=status,
            response_model=model,
            operation_id=operation,
            summary=f"{verb.capitalize()} {kind}",
            description=descriptions[verb].replace("a actor", "an actor"),
            responses=shown(operation, status)
            | (shown(operation, 201) if verb == "replace" else {}),
            openapi_extra=sent(operation, RetractBody if verb == "retract" else model, **more),
        )


_add(ACTORS, "Actor", "{code}", Annotated[ActorCode, Path(alias="code")], Actor, _actor_here)
_add(
    SPELLS,
    "Membership",
    "{membership_id}",
    Annotated[MembershipId, Path(alias="membership_id")],
    Membership,
)
_add(DOCUMENTS, "Source", "{source_id}", Annotated[SourceId, Path(alias="source_id")], Source)
_add(COLLECTIONS, "Dataset", "{dataset}", Annotated[DatasetCode, Path(alias="dataset")], Dataset)
