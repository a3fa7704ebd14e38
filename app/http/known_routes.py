"""Find the plain route of a path at once, where the framework has found it before (decision 035).

The framework asks router after router, and each route twice, whether it has a path, and puts two
stacks of things to close and a second net for errors around each answer. A plain route
(`plain_route`) has nothing to close, and its errors are caught by the net around all routes.
"""

from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

Answerer = Callable[[Request], Awaitable[Response]]


class KnownRoutes(BaseRoute):
    """The first route of an application: those that its other routes have answered before.

    Only paths without parameters are known, so that there are never many.
    """

    def __init__(self) -> None:
        self._known = dict[tuple[str, str], tuple[Scope, Answerer]]()

    def add_route(self, scope: Scope, answer: Answerer) -> None:
        """Remember which plain route the framework has chosen for a request, and its answer."""
        route = scope.get("route")
        if getattr(route, "path", None) == scope["path"] and not scope.get("root_path"):
            chosen = {name: scope[name] for name in ("route", "endpoint", "path_params")}
            self._known[scope["method"], scope["path"]] = chosen, answer

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match a known route, unless dependencies are replaced or the framework traces."""
        found = scope["type"] == "http" and self._known.get((scope["method"], scope["path"]))
        if not found or scope.get("root_path") or scope.get("fastapi.telemetry") is not None:
            return Match.NONE, {}
        if scope["app"].dependency_overrides:
            return Match.NONE, {}
        return Match.FULL, found[0]

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that matches."""
        answer = self._known[scope["method"], scope["path"]][1]
        response = await answer(Request(scope, receive, send))
        await response(scope, receive, send)


def note_plain_answer(request: Request, answer: Answerer) -> None:
    """Let the application of a request know a plain route from now on."""
    first = request.app.router.routes[0]
    if isinstance(first, KnownRoutes):
        first.add_route(request.scope, answer)
