"""A short way in for requests whose parameters are plain.

For every request the framework looks anew at each field of a model of parameters; with the forty
of a filter that takes several times as long as the page itself. Here the same models read the same
parameters at once, and the same handlers answer. Whatever is not plain goes the long way: there the
framework says what is wrong with it.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends, Query
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.strict_parameters import is_malformed_number

Reach = Callable[[Request], Awaitable[Any]]
"""A dependency of a handler, of the request alone."""


@dataclass(frozen=True, slots=True)
class Handler:
    """A handler of GET at an address without names in it."""

    answer: Callable[..., Response]
    asked: str
    """Its parameter that takes the model."""
    model: type[BaseModel]
    lists: Mapping[str, bool]
    """Of each field: whether it may be given more than once."""
    request: str | None
    held: Mapping[str, Reach]
    route: APIRoute

    def read(self, request: Request) -> BaseModel | None:
        """The parameters; None where the long way has to say something about them."""
        given: dict[str, Any] = {}
        for name, value in request.query_params.multi_items():
            several = self.lists.get(name)
            if several and not is_malformed_number(value):
                given.setdefault(name, []).append(value)
            elif several is None or name in given or is_malformed_number(value):
                return None
            else:
                given[name] = value
        try:
            return self.model.model_validate(given)
        except ValidationError:
            return None


class ShortWayMiddleware:
    """Answers at the addresses of some routers; `gate` lets through who may read."""

    def __init__(self, app: ASGIApp, routers: Iterable[APIRouter], gate: Reach) -> None:
        self.app, self.gate = app, gate
        routes = [r for router in routers for r in router.routes if isinstance(r, APIRoute)]
        found = ((r.path, _handler(r)) for r in routes if r.methods == {"GET"})
        self.handlers = {path: handler for path, handler in found if handler is not None}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        plain = scope["type"] == "http" and scope["method"] == "GET"
        handler = self.handlers.get(scope["path"]) if plain else None
        if handler is None:
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        asked = handler.read(request)
        if asked is None:
            await self.app(scope, receive, send)
            return
        scope["route"] = handler.route  # as the long way leaves it to those around
        try:
            response = await self._answer(handler, asked, request)
        except Exception as error:
            response = await _told(request, error)
        await response(scope, receive, send)

    async def _answer(self, handler: Handler, asked: BaseModel, request: Request) -> Response:
        await self.gate(request)
        values: dict[str, Any] = {handler.asked: asked}
        for name, reach in handler.held.items():
            values[name] = await reach(request)
        if handler.request is not None:
            values[handler.request] = request
        return await run_in_threadpool(handler.answer, **values)


def _handler(route: APIRoute) -> Handler | None:
    """How a route is answered here; None where it wants more than a model of parameters."""
    wanted: dict[str, Any] = get_type_hints(route.endpoint, include_extras=True)
    returned = wanted.pop("return", None)
    if returned is not Response or "{" in route.path:
        return None
    request: str | None = None
    models: dict[str, type[BaseModel]] = {}
    held: dict[str, Reach] = {}
    for name, hint in wanted.items():
        kind, *extras = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        if kind is Request:
            request = name
        elif any(isinstance(extra, Query) for extra in extras):
            models[name] = kind
        elif reach := next((e.dependency for e in extras if isinstance(e, Depends)), None):
            held[name] = reach
        else:
            return None
    if len(models) != 1:
        return None
    asked, model = models.popitem()
    lists = {
        field.alias or name: get_origin(field.annotation) is list
        for name, field in model.model_fields.items()
    }
    return Handler(route.endpoint, asked, model, lists, request, held, route)


async def _told(request: Request, error: Exception) -> Response:
    """What the application's own handlers make of an error; the unforeseen is raised again."""
    handlers = request.app.exception_handlers
    tell = next((handlers[k] for k in type(error).__mro__[:-2] if k in handlers), None)
    if tell is None or tell is handlers.get(Exception):
        raise error
    told: Response = tell(request, error)
    return told
