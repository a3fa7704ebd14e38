"""A router that is searched only for paths that begin as its own do.

The framework tries the routes of each included router in turn, twice for the one that has the path:
some hundred patterns for a question that the last router answers.
"""

from functools import cached_property

from fastapi import APIRouter
from starlette.routing import Match
from starlette.types import Scope


class PrefixRouter(APIRouter):
    """A router whose routes keep their paths: it is included without a further prefix."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match a path that begins as one of the routes does; each route decides."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if not path.startswith(self._beginnings):
            return Match.NONE, {}
        if scope.get("method") in self._methods.get(path, ()):
            return Match.FULL, {}  # the framework looks for the route once more
        return super().matches(scope)

    @cached_property
    def _methods(self) -> dict[str, set[str]]:
        """The methods of each path without parameters."""
        found: dict[str, set[str]] = {}
        for route in self.routes:
            path: str = getattr(route, "path", "")
            if path and "{" not in path:
                found.setdefault(path, set()).update(getattr(route, "methods", None) or ())
        return found

    @cached_property
    def _beginnings(self) -> tuple[str, ...]:
        """The paths of all routes, up to their first parameter."""
        paths = (getattr(route, "path", "") for route in self.routes)
        return tuple({path.partition("{")[0] for path in paths})
