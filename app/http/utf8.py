"""Refuse requests whose path or query is not UTF-8."""

from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import Fault
from app.http.problems import MAX_FAULTS, render_problem, summarize_faults


class Utf8Middleware:
    """Answers 422 where the path, or a percent-decoded name or value of the query, is not UTF-8.

    The framework would replace invalid bytes by U+FFFD, and so answer a different question.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request whose address is UTF-8, or refuse it."""
        faults = list(_find_invalid_utf8(scope)) if scope["type"] == "http" else []
        if not faults:
            await self.app(scope, receive, send)
            return
        answer = render_problem(422, summarize_faults(faults), faults[:MAX_FAULTS])
        await answer(scope, receive, send)


def _find_invalid_utf8(scope: Scope) -> list[Fault]:
    path, query = scope.get("raw_path") or b"", scope["query_string"]
    if b"%" not in path and b"%" not in query:
        return []
    parts = [("path", "path", path)]
    for pair in query.split(b"&"):
        name, _, value = pair.partition(b"=")
        shown = unquote_to_bytes(name).decode("utf-8", "replace")[:100]
        parts += [("query", shown, name), ("query", shown, value)]
    message, hint = "is not UTF-8", "Encode each character as UTF-8, then each byte as %XX."
    return [
        Fault(loc=[place, name], message=message, hint=hint)
        for place, name, raw in parts
        if b"%" in raw and not _is_valid_utf8(raw)
    ]


def _is_valid_utf8(raw: bytes) -> bool:
    try:
        unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
