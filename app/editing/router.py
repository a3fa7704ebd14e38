"""Routes of the write API: create, replace, patch, retract and merge each type of document."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Response
from pydantic import Field, TypeAdapter
from sqlalchemy import Connection

from app.access.authorize import BEARER_SCHEME
from app.actors.membership_router import MembershipId
from app.actors.queries import UnknownActorError, find_actor
from app.actors.schemas import Actor, Membership
from app.db.journal import Writer
from app.editing import documents, events, merging
from app.editing.document_types import ACTOR_TYPE, DATASET_TYPE, MEMBERSHIP_TYPE, SOURCE_TYPE
from app.editing.documents import DocumentType
from app.editing.execute import WriteCall, WriteCallDep, execute_write
from app.editing.outcome import Outcome, build_writer
from app.editing.preconditions import Preconditions
from app.editing.schemas import EventBody, MergeBody, Reason, RetractBody, WrittenList
from app.errors import Fault, InvalidBodyError
from app.events.router import EventId
from app.events.schemas import Event
from app.examples import example_request_body, example_responses
from app.http.body import parse_json_body
from app.http.path_ids import EVENT_PATH
from app.http.prefix_router import PrefixRouter
from app.http.problems import COMMON_RESPONSES
from app.http.query_route import QueryRoute
from app.query_models import StrictQuery as Parameters
from app.sources.schemas import Dataset, Source
from app.validation import validate_part

router = PrefixRouter(
    prefix="/v1",
    tags=["writing"],
    responses=COMMON_RESPONSES,
    route_class=QueryRoute,
    dependencies=[Depends(BEARER_SCHEME)],
)
MERGE = TypeAdapter(MergeBody)
RETRACT = TypeAdapter(RetractBody)
REASON = TypeAdapter(Reason)


class WriteQuery(Parameters):
    """The query parameters of every write."""

    reason: Reason | None = Field(None, description="Why; stored with the revision.")


WriteParameters = Annotated[WriteQuery, Query()]


def _split_reason(value: Any, asked: WriteQuery) -> tuple[Any, str | None]:
    """Split a body into the document and the reason; `?reason=` comes before the body's own."""
    if not isinstance(value, dict) or "reason" not in value:
        return value, asked.reason
    rest = {name: field for name, field in value.items() if name != "reason"}
    from_body = value["reason"]
    if from_body is not None:
        from_body = validate_part(REASON, from_body, ["body", "reason"]).require_value()
    return rest, asked.reason or from_body


def _require_reason(body: bytes, asked: WriteQuery) -> str:
    """Return the reason of a retraction, from `?reason=` or the body; raise where both lack it.

    A body that is sent has to be right even where `?reason=` comes before it.
    """
    reason = asked.reason
    if body.strip():
        sent = validate_part(RETRACT, parse_json_body(body), ["body"]).require_value()
        reason = reason or sent.reason
    if reason is None:
        hint = 'Send {"reason": "…"}, or ?reason=.'
        raise InvalidBodyError([Fault(loc=["query", "reason"], message="is required", hint=hint)])
    return reason


ChangeFunction = Callable[[Connection, Preconditions, str, Any, Writer], Outcome]
"""Replaces or patches the document with an id by what was sent."""
MergeFunction = Callable[[Connection, Preconditions, str, MergeBody, Writer], Outcome]


def _execute_change(
    change: ChangeFunction,
    ident: str,
    asked: WriteQuery,
    call: WriteCall,
) -> Response:
    value, reason = _split_reason(parse_json_body(call.body), asked)
    by, expected = build_writer(call.holder, reason), call.preconditions

    def write_change(db: Connection) -> Outcome:
        return change(db, expected, ident, value, by)

    return execute_write(call, write_change)


# ── events ────────────────────────────────────────────────────────────────────────────────────
@router.post(
    "/events",
    status_code=201,
    response_model=Event | WrittenList[Event],
    operation_id="createEvents",
    responses=example_responses("createEvents", 201),
    openapi_extra=example_request_body("createEvents", EventBody, several=True),
)
def create_events(asked: WriteParameters, call: WriteCallDep) -> Response:
    """Create one event, or an array of up to 1,000: all are written, or none and every fault."""
    value, reason = _split_reason(parse_json_body(call.body), asked)
    bodies, locs = events.parse_event_bodies(value)
    by = build_writer(call.holder, reason)

    def write_bodies(db: Connection) -> Outcome:
        return events.write_new_events(db, bodies, locs, by, single=isinstance(value, dict))

    return execute_write(call, write_bodies)


@router.put(
    EVENT_PATH,
    response_model=Event,
    operation_id="replaceEvent",
    responses=example_responses("replaceEvent") | example_responses("replaceEvent", 201),
    openapi_extra=example_request_body("replaceEvent", EventBody),
)
def replace_event(event_id: EventId, asked: WriteParameters, call: WriteCallDep) -> Response:
    """Replace an event by the one sent, or create it; `If-Match` checks which revision was read."""
    return _execute_change(events.overwrite_event, event_id, asked, call)


@router.patch(
    EVENT_PATH,
    response_model=Event,
    operation_id="patchEvent",
    responses=example_responses("patchEvent"),
    openapi_extra=example_request_body("patchEvent", EventBody, patch=True),
)
def patch_event(event_id: EventId, asked: WriteParameters, call: WriteCallDep) -> Response:
    """Change some fields of an event by a merge patch (RFC 7396)."""
    return _execute_change(events.apply_event_patch, event_id, asked, call)


@router.delete(
    EVENT_PATH,
    response_model=Event,
    operation_id="retractEvent",
    responses=example_responses("retractEvent"),
    openapi_extra=example_request_body("retractEvent", RetractBody, required=False),
)
def retract_event(event_id: EventId, asked: WriteParameters, call: WriteCallDep) -> Response:
    """Retract an event, with a reason: it stays readable, is marked, and is no longer counted."""
    by, expected = build_writer(call.holder, _require_reason(call.body, asked)), call.preconditions

    def write_retraction(db: Connection) -> Outcome:
        return events.mark_event_retracted(db, expected, event_id, by)

    return execute_write(call, write_retraction)


def _execute_merge(
    merge: MergeFunction,
    ident: str,
    asked: WriteQuery,
    call: WriteCall,
) -> Response:
    value = validate_part(MERGE, parse_json_body(call.body), ["body"]).require_value()
    by, expected = build_writer(call.holder, asked.reason or value.reason), call.preconditions

    def write_merge(db: Connection) -> Outcome:
        return merge(db, expected, ident, value, by)

    return execute_write(call, write_merge)


@router.post(
    f"{EVENT_PATH}/merge",
    response_model=Event,
    operation_id="mergeEvents",
    responses=example_responses("mergeEvents"),
    openapi_extra=example_request_body("mergeEvents", MergeBody),
)
def merge_events(event_id: EventId, asked: WriteParameters, call: WriteCallDep) -> Response:
    """Merge duplicates: one event gets the reports of all, the others redirect to it (308)."""
    return _execute_merge(events.merge_duplicate_events, event_id, asked, call)


# ── everything else ───────────────────────────────────────────────────────────────────────────
ActorCode = Annotated[str, Path(description="Any name or code of the actor.", examples=["ARM"])]
SourceId = Annotated[str, Path(description="Id of the source.", examples=["some-source"])]
DatasetCode = Annotated[str, Path(description="Code of the dataset.", examples=["curated"])]


@router.post(
    "/actors/{code}/merge",
    response_model=Actor,
    operation_id="mergeActors",
    responses=example_responses("mergeActors"),
    openapi_extra=example_request_body("mergeActors", MergeBody),
)
def merge_actors(code: ActorCode, asked: WriteParameters, call: WriteCallDep) -> Response:
    """Merge actors: one gets the names and events of all, the others redirect to it (308)."""

    def merge_by_code(
        db: Connection, expected: Preconditions, code: str, sent: MergeBody, by: Writer
    ) -> Outcome:
        found = sent.model_copy(
            update={
                "into": None if sent.into is None else _resolve_path_actor(db, sent.into),
                "duplicates": [_resolve_path_actor(db, name) for name in sent.duplicates],
            }
        )
        return merging.merge_actor_documents(db, expected, _resolve_path_actor(db, code), found, by)

    return _execute_merge(merge_by_code, code, asked, call)


@router.post(
    "/memberships/{membership_id}/merge",
    response_model=Membership,
    operation_id="mergeMemberships",
    responses=example_responses("mergeMemberships"),
    openapi_extra=example_request_body("mergeMemberships", MergeBody),
)
def merge_memberships(
    membership_id: MembershipId, asked: WriteParameters, call: WriteCallDep
) -> Response:
    """Merge records of one membership: one remains, the others redirect to it (308)."""
    return _execute_merge(merging.merge_membership_documents, membership_id, asked, call)


@router.post(
    "/sources/{source_id}/merge",
    response_model=Source,
    operation_id="mergeSources",
    responses=example_responses("mergeSources"),
    openapi_extra=example_request_body("mergeSources", MergeBody),
)
def merge_sources(source_id: SourceId, asked: WriteParameters, call: WriteCallDep) -> Response:
    """Merge sources: one gets the reports of all, the others redirect to it (308)."""
    return _execute_merge(merging.merge_source_documents, source_id, asked, call)


def _resolve_path_actor(db: Connection, name: str) -> str:
    """Return the code of the actor that a path names; an unknown name is taken as a new code."""
    try:
        row = find_actor(db, name[:200]) if name.isprintable() else None
    except UnknownActorError:
        row = None
    return name if row is None else str(row.code)


def _keep_path_id(_: Connection, ident: str) -> str:
    return ident


def _add_document_routes(
    kept: DocumentType[Any],
    name: str,
    path: str,
    ident: Any,
    model: type[Any],
    here: Callable[[Connection, str], str] = _keep_path_id,
) -> None:
    """Add the routes that create, replace, patch and retract one type of document."""
    plural, one = (
        kept.stored.path.removeprefix("/v1"),
        f"{kept.stored.path.removeprefix('/v1')}/{path}",
    )
    kind = kept.stored.kind

    def replace(
        db: Connection, expected: Preconditions, ident: str, sent: Any, by: Writer
    ) -> Outcome:
        return documents.replace_document(kept, db, expected, here(db, ident), sent, by)

    def patch(
        db: Connection, expected: Preconditions, ident: str, sent: Any, by: Writer
    ) -> Outcome:
        return documents.patch_document(kept, db, expected, here(db, ident), sent, by)

    def create_document(asked: WriteParameters, call: WriteCallDep) -> Response:
        value, reason = _split_reason(parse_json_body(call.body), asked)
        by = build_writer(call.holder, reason)
        return execute_write(
            call,
            lambda db: documents.create_documents(kept, db, value, by),
        )

    def replace_document(ident: ident, asked: WriteParameters, call: WriteCallDep) -> Response:
        return _execute_change(replace, ident, asked, call)

    def patch_document(ident: ident, asked: WriteParameters, call: WriteCallDep) -> Response:
        return _execute_change(patch, ident, asked, call)

    def retract_document(ident: ident, asked: WriteParameters, call: WriteCallDep) -> Response:
        by = build_writer(call.holder, _require_reason(call.body, asked))
        expected = call.preconditions

        def write_retraction(db: Connection) -> Outcome:
            return documents.retract_document(kept, db, expected, here(db, ident), by)

        return execute_write(call, write_retraction)

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
        ("create", "POST", plural, create_document, f"create{name}s", 201, {"several": True}),
        ("replace", "PUT", one, replace_document, f"replace{name}", 200, {}),
        ("patch", "PATCH", one, patch_document, f"patch{name}", 200, {"patch": True}),
        ("retract", "DELETE", one, retract_document, f"retract{name}", 200, {"required": False}),
    )
    for verb, method, address, handler, operation, status, more in verbs:
        router.add_api_route(
            address,
            handler,
            methods=[method],
            status_code=status,
            response_model=model | WrittenList[model] if verb == "create" else model,  # type: ignore[valid-type]
            operation_id=operation,
            summary=f"{verb.capitalize()} {kind}",
            description=descriptions[verb].replace("a actor", "an actor"),
            responses=example_responses(operation, status)
            | (example_responses(operation, 201) if verb == "replace" else {}),
            openapi_extra=example_request_body(
                operation, RetractBody if verb == "retract" else model, **more
            ),
        )


_add_document_routes(
    ACTOR_TYPE,
    "Actor",
    "{code}",
    Annotated[ActorCode, Path(alias="code")],
    Actor,
    _resolve_path_actor,
)
_add_document_routes(
    MEMBERSHIP_TYPE,
    "Membership",
    "{membership_id}",
    Annotated[MembershipId, Path(alias="membership_id")],
    Membership,
)
_add_document_routes(
    SOURCE_TYPE, "Source", "{source_id}", Annotated[SourceId, Path(alias="source_id")], Source
)
_add_document_routes(
    DATASET_TYPE, "Dataset", "{dataset}", Annotated[DatasetCode, Path(alias="dataset")], Dataset
)
