"""The address `/mcp`: the protocol over streamable HTTP, without sessions."""

import importlib
from types import ModuleType

from anyio import to_thread
from fastapi import Request
from starlette.types import Receive, Scope, Send

from app.errors import MissingExtraError
from app.extras import load_extra
from app.http.problem_handlers import find_status
from app.http.problems import render_problem
from app.http.public_url import resolve_public_url

MAX_BODY_BYTES = 256 * 1024


def load_assistant_server() -> ModuleType:
    """Load the tools; raises `MissingExtraError` where the extra `mcp` is not installed."""
    load_extra("mcp")
    return importlib.import_module("app.mcp.server")


class AssistantEndpoint:
    """Answers assistants; their questions pass through the same application as all others."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            # Loading takes a second, in which other requests go on.
            built = await to_thread.run_sync(load_assistant_server)
        except MissingExtraError as missing:
            answer = render_problem(find_status(missing), str(missing))
            await answer(scope, receive, send)
            return
        root = resolve_public_url(request, request.app.state.settings)
        key = request.headers.get("authorization", "")
        await built.answer_request(root, key, MAX_BODY_BYTES, scope, receive, send)
