"""Read the query of a route into its model at once, and refuse what the framework would accept.

The framework looks at each field of a query model again for every request, which takes longer than
most pages (decision 005). It takes the last of several values where one is expected, and reads
`1_000`, `+5` and ` 5 ` as numbers.
"""

import inspect
import re
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import cached_property, wraps
from typing import Annotated, Any, get_args, get_origin
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request, Response, params
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.params import Query
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel, ValidationError

from app.http.dependencies import StateValue
from app.http.plain_route import RouteHandler, shorten_handler
from app.http.problems import OpenApiPart
from app.http.question_threads import run_in_question_thread
from app.http.recalled_answers import get_recalled, read_question

Endpoint = Callable[..., Response]
MAX_REMEMBERED, MAX_REMEMBERED_BYTES = 256, 500
"""Queries of each route whose models are remembered, and the longest of them."""
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?")
_WHOLE = re.compile(r"-?[0-9]{1,30}")
_PLAIN_PAIR = "[A-Za-z0-9_.~-]+=[A-Za-z0-9_.~:,-]*"
_PLAIN_QUERY = re.compile(f"{_PLAIN_PAIR}(?:&{_PLAIN_PAIR})*")
"""A query without anything that is encoded."""
_LIKE_A_NUMBER = re.compile(r"\s*[+-]?[0-9_.]+([eE][+-]?[0-9_]+)?\s*")


class QueryReader:
    """Reads a request's query into a model."""

    def __init__(self, model: type[BaseModel]) -> None:
        self.model = model
        self._known = dict[bytes, BaseModel]()

    @cached_property
    def kinds(self) -> dict[str, str]:
        """The type of each parameter: `integer`, `string` …, or `array integer` if repeatable."""
        properties = self.model.model_json_schema().get("properties", {})
        return {name: _schema_type(schema) for name, schema in properties.items()}

    def read_query(self, request: Request) -> BaseModel:
        """Return the model; raises `RequestValidationError` with all faults of the query.

        Readers ask again: queries are remembered with their models, which are frozen.
        """
        raw: bytes = request.scope["query_string"]
        if (known := self._known.get(raw)) is not None:
            return known
        made = self._read_query(request)
        if len(raw) <= MAX_REMEMBERED_BYTES and self.model.model_config.get("frozen"):
            if len(self._known) >= MAX_REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[raw] = made
        return made

    def _read_query(self, request: Request) -> BaseModel:
        asked = _list_parameters(request.scope["query_string"])
        values: dict[str, str | list[str]] = {}
        for name, value in asked:
            if not self.kinds.get(name, "").startswith("array"):
                values[name] = value
            elif isinstance(before := values.setdefault(name, []), list):
                before.append(value)
        if faults := list(self._find_strict_faults(asked)):
            raise RequestValidationError(faults)
        try:
            return self.model.model_validate(values)
        except ValidationError as error:
            raise RequestValidationError(list(self._place_faults(error))) from error

    def _find_strict_faults(
        self, asked: Sequence[tuple[str, str]]
    ) -> Iterator[Mapping[str, object]]:
        if len({name for name, _ in asked}) < len(asked):
            counts = Counter(name for name, _ in asked)
            for name in sorted(name for name, n in counts.items() if n > 1):
                if not self.kinds.get(name, "array").startswith("array"):
                    yield _make_error(name, "appears more than once", "once")
        for name, value in asked:
            if is_malformed_number(value):
                kind = self.kinds.get(name, "").rpartition(" ")[2]
                if kind == "integer" or (kind == "number" and not _NUMBER.fullmatch(value)):
                    yield _make_error(name, "must be a number in plain digits", "digits")

    def _place_faults(self, error: ValidationError) -> Iterator[Mapping[str, object]]:
        for one in error.errors(include_url=False):
            context = {**one.get("ctx", {}), "known": list(self.kinds)}
            yield {**one, "loc": ("query", *one["loc"]), "ctx": context}


class QueryRoute(APIRoute):
    """A route whose query model, `Annotated[Model, Query()]`, is read by a `QueryReader`.

    Only that parameter is replaced. Dependencies of the application, of routers and of the route
    run as in any other route of the framework, or are called as it would (`plain_route`).
    """

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:
        super().__init__(path, _read_query_at_once(endpoint), **options)

    def get_route_handler(self) -> RouteHandler:
        """Return what answers requests; asked once by each router that includes the route."""
        return shorten_handler(super().get_route_handler())


def _read_query_at_once(endpoint: Endpoint) -> Endpoint:
    """Wrap an endpoint so that its query model and values of the state are read without solving.

    The framework gives the wrapped endpoint the request and everything else: other dependencies
    come first, so a missing key is reported before a faulty query.
    """
    readers: dict[str, Callable[[Request], Any]] = {}
    kept, request_name = [], ""
    signature = inspect.signature(endpoint, eval_str=True)
    for parameter in signature.parameters.values():
        model, *marks = _split_annotation(parameter.annotation)
        sources = [m.dependency for m in marks if isinstance(m, params.Depends)]
        if any(isinstance(mark, Query) for mark in marks) and issubclass(model, BaseModel):
            readers[parameter.name] = QueryReader(model).read_query
        elif sources and isinstance(sources[0], StateValue):
            readers[parameter.name] = sources[0].read_state
        else:
            request_name = parameter.name if model is Request else request_name
            kept.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    if not readers:
        return endpoint
    wants_request = bool(request_name)
    if not wants_request:
        request_name = "request_read"
        keyword = inspect.Parameter.KEYWORD_ONLY
        kept.append(inspect.Parameter(request_name, keyword, annotation=Request))
    runs_in_loop = inspect.iscoroutinefunction(endpoint)

    async def answer_question(request: Request, values: dict[str, object]) -> Response:
        for name, read in readers.items():
            values[name] = read(request)
        if runs_in_loop:
            made: Response = await endpoint(**values)  # type: ignore[misc]
            return made
        return await run_in_question_thread(request, endpoint, **values)

    @wraps(endpoint)
    async def call_endpoint(**values: Any) -> Response:
        request: Request = values[request_name] if wants_request else values.pop(request_name)
        recalled = get_recalled(request.app.state)
        question = None if recalled is None else read_question(request.scope)
        if recalled is None or question is None:
            return await answer_question(request, values)
        state = await recalled.read_state(question)
        if state is not None and (known := recalled.find_answer(question, state)) is not None:
            return known
        made = await answer_question(request, values)
        recalled.note_answer(request, question, state, made)
        return made

    call_endpoint.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    call_endpoint.query_readers = readers  # type: ignore[attr-defined]
    return call_endpoint  # type: ignore[return-value]


def _split_annotation(annotation: object) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)


def add_query_documentation(app: FastAPI) -> None:
    """Add the parameters of query models to the OpenAPI document.

    The framework describes them for the endpoints as written, whose models it would read itself.
    """
    make = app.openapi

    def build_openapi() -> OpenApiPart:
        if app.openapi_schema is None:
            made = make()
            _insert_parameters(made["paths"], _describe_written_endpoints(app, made["paths"]))
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = build_openapi  # type: ignore[method-assign]


def _describe_written_endpoints(app: FastAPI, paths: Container[str]) -> OpenApiPart:
    written = [
        APIRoute(c.path, inspect.unwrap(c.endpoint), methods=c.methods, response_model=None)
        for c in iter_route_contexts(app.routes)
        if c.path_format in paths and c.path is not None and c.endpoint is not None
    ]
    found: OpenApiPart = get_openapi(title="", version="", routes=written)["paths"]
    return found


def _insert_parameters(paths: OpenApiPart, described: OpenApiPart) -> None:
    for path, operations in paths.items():
        for method, operation in operations.items():
            own = operation.get("parameters", [])
            listed = described[path][method].get("parameters", [])
            query = [p for p in listed if p["in"] == "query"]
            if not query:
                continue
            at = sum(p["in"] == "path" for p in own)
            parts = [(k, v) for k, v in operation.items() if k != "parameters"]
            # The framework writes the parameters before the body and the responses.
            place = next(n for n, (k, _) in enumerate(parts) if k in ("requestBody", "responses"))
            parts.insert(place, ("parameters", [*own[:at], *query, *own[at:]]))
            operations[method] = dict(parts)


def _list_parameters(raw: bytes) -> list[tuple[str, str]]:
    """List the names and values of a query, as the framework reads them."""
    text = raw.decode("latin-1")
    if _PLAIN_QUERY.fullmatch(
        text
    ):  # nothing to decode; reading it otherwise takes five times that
        pairs = [pair.partition("=") for pair in text.split("&")]
        return [(name, value) for name, _, value in pairs]
    return parse_qsl(text, keep_blank_values=True)


def is_malformed_number(value: str) -> bool:
    """Return whether a value resembles a number but is not a plain integer."""
    return _LIKE_A_NUMBER.fullmatch(value) is not None and _WHOLE.fullmatch(value) is None


def _make_error(name: str, message: str, kind: str) -> dict[str, object]:
    return {"type": kind, "loc": ("query", name), "msg": message}


def _schema_type(schema: OpenApiPart) -> str:
    """Return a schema's type: `integer`, `string` …, or `array integer` for a repeatable one."""
    for one in (schema, *schema.get("anyOf", ())):
        kind = one.get("type")
        if kind == "array":
            return f"array {_schema_type(one.get('items', {}))}"
        if kind not in (None, "null"):
            return str(kind)
    return ""
