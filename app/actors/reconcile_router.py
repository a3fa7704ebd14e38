"""HTTP routes for the W3C reconciliation protocol (0.2), which OpenRefine uses.

It matches a column of names to actors. The parameter or form field `queries` is a JSON object of
questions by keys that the client chooses; the answer has the candidates of each question.
"""

from typing import Annotated
from urllib.parse import parse_qs, parse_qsl

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field, TypeAdapter
from sqlalchemy import Connection

from app.actors.reconcile import find_reconcile_candidates
from app.actors.reconcile_models import (
    ReconcileEntity,
    ReconcileManifest,
    ReconcileQuestion,
    ReconcileResult,
    ReconcileView,
)
from app.actors.schemas import ActorKind
from app.db.journal import read_version
from app.errors import Fault, InvalidBodyError, InvalidParameterError
from app.examples import example_responses, load_examples
from app.http.body import parse_json_body, receive_body
from app.http.caching import respond_with_version_etag
from app.http.dependencies import DatabaseDep, SettingsDep
from app.http.problems import COMMON_RESPONSES, UnreadableRequestError
from app.http.public_url import resolve_public_url
from app.http.query_route import QueryRoute
from app.json_encoding import encode_json
from app.query_models import StrictQuery as Parameters
from app.settings import Settings
from app.validation import validate_part

router = APIRouter(
    prefix="/v1", tags=["actors"], responses=COMMON_RESPONSES, route_class=QueryRoute
)
FORM_MEDIA_TYPE = "application/x-www-form-urlencoded"
MAX_QUESTIONS = 50
"""The most questions in one request."""
ACTOR_KINDS: tuple[str, ...] = ActorKind.__args__  # type: ignore[attr-defined]
QUESTIONS_ADAPTER: TypeAdapter[dict[str, ReconcileQuestion]] = TypeAdapter(
    Annotated[dict[str, ReconcileQuestion], Field(min_length=1, max_length=MAX_QUESTIONS)]
)


class ReconcileQuery(Parameters):
    """The reconciliation questions; without them the answer is the service manifest."""

    queries: str | None = Field(
        None,
        max_length=60_000,
        description='Questions by keys of your choice, as JSON: {"q0": {"query": "Armenia"}};'
        " `type` is a kind of actor; the property `on` is a day, `iso3`, `cow` and the like codes.",
    )


@router.get(
    "/reconcile",
    response_model=ReconcileManifest | dict[str, ReconcileResult],
    operation_id="describeReconciliation",
    responses=example_responses("describeReconciliation"),
)
def describe_reconciliation(
    asked: Annotated[ReconcileQuery, Query()],
    request: Request,
    database: DatabaseDep,
    chosen: SettingsDep,
) -> Response:
    """Returns the service manifest, or the candidates of each question."""
    with database.connect() as db:

        def render_answer() -> Response:
            if asked.queries is None:
                return Response(
                    encode_json(_render_manifest(request, chosen)), media_type="application/json"
                )
            try:
                return _answer_questions(db, asked.queries.encode("utf-8", "replace"))
            except (UnreadableRequestError, InvalidBodyError) as wrong:
                raise InvalidParameterError("queries", _describe_fault(wrong), _HINT) from wrong

        return respond_with_version_etag(
            request, read_version(db), render_answer, resolve_public_url(request, chosen)
        )


async def _read_form(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM_MEDIA_TYPE:
        raise UnreadableRequestError(415, f"Send a form with the field queries: {FORM_MEDIA_TYPE}.")
    return await receive_body(request)


@router.post(
    "/reconcile",
    response_model=dict[str, ReconcileResult],
    operation_id="reconcile",
    responses=example_responses("reconcile"),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                FORM_MEDIA_TYPE: {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "queries": {
                                "type": "string",
                                "description": "The questions as JSON, as in the parameter of GET.",
                            }
                        },
                        "required": ["queries"],
                    },
                    "example": dict(parse_qsl(load_examples()["reconcile"]["body"])),
                }
            },
        }
    },
)
def reconcile_names(database: DatabaseDep, body: Annotated[bytes, Depends(_read_form)]) -> Response:
    """Returns the candidates of each question in a form."""
    try:
        form = parse_qs(
            body.decode("ascii"), strict_parsing=True, errors="strict", max_num_fields=9
        )
        sent = form["queries"][0].encode()
    except (ValueError, KeyError) as wrong:
        fault = Fault(loc=["body", "queries"], message="is required", hint=_HINT)
        raise InvalidBodyError([fault]) from wrong
    with database.connect() as db:
        return _answer_questions(db, sent)


_HINT = 'Such as {"q0": {"query": "Armenia", "type": "state", "limit": 3}}.'


def _describe_fault(wrong: UnreadableRequestError | InvalidBodyError) -> str:
    if isinstance(wrong, InvalidBodyError):
        fault = wrong.faults[0]
        return f"{'.'.join(map(str, fault.loc[1:]))}: {fault.message}".removeprefix(": ")
    return str(wrong).replace("The body", "it", 1)


def _render_manifest(request: Request, chosen: Settings) -> ReconcileManifest:
    here = resolve_public_url(request, chosen)
    types = [ReconcileEntity(id=kind, name=kind.replace("_", " ")) for kind in ACTOR_KINDS]
    return ReconcileManifest(
        identifierSpace=f"{here}/v1/actors/",
        schemaSpace=f"{here}/v1/actors?kind=",
        view=ReconcileView(url=f"{here}/v1/actors/{{{{id}}}}"),
        defaultTypes=types,
    )


def _answer_questions(db: Connection, sent: bytes) -> Response:
    asked = validate_part(QUESTIONS_ADAPTER, parse_json_body(sent), ["body"]).require_value()
    body = {
        name: ReconcileResult(result=find_reconcile_candidates(db, one)).model_dump()
        for name, one in asked.items()
    }
    return Response(encode_json(body), media_type="application/json")
