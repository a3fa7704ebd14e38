"""HTTP routes for the W3C reconciliation protocol (0.2), which OpenRefine uses.

It matches a column of names to actors. The parameter or form field `queries` is a JSON object of
questions by keys that the client chooses; the answer has the candidates of each question.
"""

from typing import Annotated
from urllib.parse import parse_qs, parse_qsl

from fastapi import Depends, Query, Request, Response
from pydantic import Field, TypeAdapter
from sqlalchemy import Connection

from app.actors.reconcile import find_reconcile_candidates, parse_setting_day
from app.actors.reconcile_extend import PROPERTIES, extend_actors
from app.actors.reconcile_manifest import build_manifest
from app.actors.reconcile_models import (
    ExtendQuestion,
    ReconcileManifest,
    ReconcileQuestion,
    ReconcileResult,
)
from app.db.lineage_table import read_version
from app.errors import Fault, InvalidBodyError, InvalidParameterError
from app.examples import example_responses, load_examples
from app.http.body import parse_json_body, receive_body
from app.http.caching import respond_with_version_etag
from app.http.dependencies import DatabaseDep, SettingsDep
from app.http.prefix_router import PrefixRouter
from app.http.problems import COMMON_RESPONSES, UnreadableRequestError
from app.http.public_url import resolve_public_url
from app.http.query_route import QueryRoute
from app.json_encoding import encode_json
from app.query_models import StrictQuery as Parameters
from app.validation import validate_part

router = PrefixRouter(
    prefix="/v1", tags=["actors"], responses=COMMON_RESPONSES, route_class=QueryRoute
)
FORM_MEDIA_TYPE = "application/x-www-form-urlencoded"
MAX_QUESTIONS = 50
"""The most questions in one request."""
EXTEND_ADAPTER = TypeAdapter(ExtendQuestion)
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
    extend: str | None = Field(
        None,
        max_length=60_000,
        description='Properties to add to actors, as JSON: {"ids": ["ARM"], "properties": [{"id":'
        ' "cow", "settings": {"on": "1990-01-01"}}]}.',
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
    """Returns the service manifest, the candidates of each question, or added properties."""
    with database.connect() as db:

        def render_answer() -> Response:
            name = "queries" if asked.queries is not None else "extend"
            sent = asked.queries if asked.queries is not None else asked.extend
            if sent is None:
                manifest = build_manifest(resolve_public_url(request, chosen))
                return Response(encode_json(manifest), media_type="application/json")
            answer = _answer_questions if name == "queries" else _answer_extension
            try:
                return answer(db, sent.encode("utf-8", "replace"))
            except (UnreadableRequestError, InvalidBodyError) as wrong:
                raise InvalidParameterError(name, _describe_fault(wrong), _HINTS[name]) from wrong

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
                            },
                            "extend": {
                                "type": "string",
                                "description": "In their place: the properties to add, as JSON.",
                            },
                        },
                    },
                    "example": dict(parse_qsl(load_examples()["reconcile"]["body"])),
                }
            },
        }
    },
)
def reconcile_names(database: DatabaseDep, body: Annotated[bytes, Depends(_read_form)]) -> Response:
    """Returns the candidates of each question in a form, or added properties."""
    try:
        form = parse_qs(
            body.decode("ascii"), strict_parsing=True, errors="strict", max_num_fields=9
        )
        name = "extend" if "extend" in form else "queries"
        sent = form[name][0].encode()
    except (ValueError, KeyError) as wrong:
        fault = Fault(loc=["body", "queries"], message="is required", hint=_HINTS["queries"])
        raise InvalidBodyError([fault]) from wrong
    with database.connect() as db:
        return (_answer_extension if name == "extend" else _answer_questions)(db, sent)


_HINTS = {
    "queries": 'Such as {"q0": {"query": "Armenia", "type": "state", "limit": 3}}.',
    "extend": 'Such as {"ids": ["ARM"], "properties": [{"id": "iso2"}]}.',
}
"""A right value of each parameter."""


def _describe_fault(wrong: UnreadableRequestError | InvalidBodyError) -> str:
    if isinstance(wrong, InvalidBodyError):
        fault = wrong.faults[0]
        return f"{'.'.join(map(str, fault.loc[1:]))}: {fault.message}".removeprefix(": ")
    return str(wrong).replace("The body", "it", 1)


def _answer_questions(db: Connection, sent: bytes) -> Response:
    asked = validate_part(QUESTIONS_ADAPTER, parse_json_body(sent), ["body"]).require_value()
    body = {
        name: ReconcileResult(result=find_reconcile_candidates(db, one)).model_dump()
        for name, one in asked.items()
    }
    return Response(encode_json(body), media_type="application/json")


def _answer_extension(db: Connection, sent: bytes) -> Response:
    asked = validate_part(EXTEND_ADAPTER, parse_json_body(sent), ["body"]).require_value()
    for one in asked.properties:
        if one.id not in PROPERTIES:
            hint = f"Known: {', '.join(PROPERTIES)}."
            message = f"no property is called '{one.id}'"
            raise InvalidBodyError([Fault(loc=["body", "properties"], message=message, hint=hint)])
    found = extend_actors(db, asked, parse_setting_day)
    return Response(encode_json(found), media_type="application/json")
