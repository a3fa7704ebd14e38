"""Answer plain routes without the framework's general way of solving dependencies (decision 034).

For each request the framework looks again at what every dependency might take: parameters of
paths, queries, headers, cookies and bodies, generators, background tasks. A route is plain if all
that it and its dependencies take is the request, and if they are coroutines. Then they are called
here, in the framework's order.
"""

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant

from app.http.known_routes import note_plain_answer

RouteHandler = Callable[[Request], Coroutine[Any, Any, Response]]
Taker = Callable[..., Awaitable[object]]


def shorten_handler(framework: RouteHandler) -> RouteHandler:
    """Return a shorter handler for a plain route, and the framework's own for any other.

    What the route depends on is read from the framework's handler, dependencies of routers and of
    the application included, so that none can be missed.
    """
    known = inspect.getclosurevars(framework).nonlocals
    dependant = known.get("dependant")
    if not isinstance(dependant, Dependant) or known.get("body_field", framework) is not None:
        return framework
    steps = [_find_taker(one) for one in (*dependant.dependencies, dependant)]
    guards = dict.fromkeys(step for step in steps[:-1] if step is not None)
    last = steps[-1]
    if last is None or None in steps or not _returns_response(last[0]):
        return framework
    if any(one.dependencies or one.name for one in dependant.dependencies):
        return framework  # what a dependency with a name returns is an argument of the endpoint
    provider = known.get("dependency_overrides_provider")
    endpoint, name = last

    async def answer_first(request: Request) -> Response:
        is_traced = request.scope.get("fastapi.telemetry") is not None
        if is_traced or getattr(provider, "dependency_overrides", None):
            return await framework(request)
        note_plain_answer(request, answer_plainly)
        return await answer_plainly(request)

    async def answer_plainly(request: Request) -> Response:
        for guard, taken in guards:
            await guard(**{taken: request})
        made = await endpoint(**{name: request})
        assert isinstance(made, Response)
        return made

    return answer_first


def _find_taker(one: Dependant) -> tuple[Taker, str] | None:
    """Return a coroutine function and the name by which it takes the request; None for others."""
    call, name = one.call, one.request_param_name
    takes_more = any(getattr(one, what) for what in _OTHERS)
    if takes_more or call is None or name is None or not inspect.iscoroutinefunction(call):
        return None
    return call, name


_OTHERS = (
    "path_params", "query_params", "header_params", "cookie_params", "body_params",
    "websocket_param_name", "http_connection_param_name", "response_param_name",
    "background_tasks_param_name", "security_scopes_param_name", "concurrency",
)  # fmt: skip
"""What a dependant may take beside the request."""


def _returns_response(endpoint: Taker) -> bool:
    returned = inspect.signature(endpoint, eval_str=True).return_annotation
    return isinstance(returned, type) and issubclass(returned, Response)
