"""Requests whose address is not UTF-8 are refused, before anything reads half of it."""

from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.problems import Fault, problem


class EncodingMiddleware:
    """Answers 422 where a name or value, once its percent signs are read, is not UTF-8.

    The framework would put U+FFFD in the place of what it cannot read, and the answer would be to
    another question than the one asked.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what can be read."""
        faults = list(_faults(scope)) if scope["type"] == "http" else []
        if not faults:
            await self.app(scope, receive, send)
            return
        fields = ", ".join(dict.fromkeys(str(f.loc[-1]) for f in faults))
        answer = problem(422, f"{len(faults)} to mend: {fields}", faults[:20])
        await answer(scope, receive, send)


def _faults(scope: Scope) -> list[Fault]:
    parts = [("path", "path", scope.get("raw_path") or b"")]
    for pair in scope["query_string"].split(b"&"):
        name, _, value = pair.partition(b"=")
        shown = unquote_to_bytes(name).decode("utf-8", "replace")[:100]
        parts += [("query", shown, name), ("query", shown, value)]
    message, hint = "is not UTF-8", "Encode each character as UTF-8, then each byte as %XX."
    return [
        Fault(loc=[place, name], message=message, hint=hint)
        for place, name, raw in parts
        if b"%" in raw and not _readable(raw)
    ]


def _readable(raw: bytes) -> bool:
    try:
        unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
