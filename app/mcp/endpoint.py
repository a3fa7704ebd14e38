"""The address `/mcp`: the protocol over streamable HTTP, without sessions."""

import importlib
from types import ModuleType

from anyio import to_thread
from fastapi import Request, Response
from starlette.types import Message, Receive, Scope, Send

from app.errors import MissingExtraError
from app.extras import load_extra
from app.http.accept import negotiate_format
from app.http.body import receive_body
from app.http.problem_handlers import find_status
from app.http.problems import NotAcceptableError, render_problem
from app.http.public_url import resolve_public_url

MAX_BODY_BYTES = 256 * 1024
JSON = "application/json"


def load_assistant_server() -> ModuleType:
    """Load the tools; raises `MissingExtraError` where the extra `mcp` is not installed."""
    load_extra("mcp")
    return importlib.import_module("app.mcp.server")


class AssistantEndpoint:
    """Answers assistants; their questions pass through the same application as all others."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        if (refused := refuse_other_forms(request)) is not None:
            await refused(scope, receive, send)
            return
        # Here, since the SDK refuses a large body in its own words and waits for a slow one.
        body = await receive_body(request, MAX_BODY_BYTES)
        try:
            # Loading takes a second, in which other requests go on.
            built = await to_thread.run_sync(load_assistant_server)
        except MissingExtraError as missing:
            answer = render_problem(find_status(missing), str(missing))
            await answer(scope, receive, send)
            return
        root = resolve_public_url(request, request.app.state.settings)
        key = request.headers.get("authorization", "")
        named = name_json_headers(scope)
        again = repeat_body(body, receive)
        await built.answer_request(root, key, MAX_BODY_BYTES, named, again, send)


def repeat_body(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that was read once more, and then what comes after it."""
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return left.pop() if left else await receive()

    return receive_again


def refuse_other_forms(request: Request) -> Response | None:
    """Refuse a question that is not sent as JSON, or an answer wanted in another form.

    What is wrong with the message itself the protocol answers in its own form.
    """
    try:
        negotiate_format(request.headers.get("accept"), {"json": [JSON]})
    except NotAcceptableError:
        detail = f"Answers are {JSON}; send Accept: {JSON}, text/event-stream."
        return render_problem(406, detail)
    kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if kind != JSON:
        return render_problem(415, f"Send JSON, with Content-Type: {JSON}.")
    return None


def name_json_headers(scope: Scope) -> Scope:
    """Name JSON in the headers: the SDK wants that of clients that leave them out too."""
    kept = [h for h in scope["headers"] if h[0] not in (b"accept", b"content-type")]
    named = [(name, JSON.encode()) for name in (b"accept", b"content-type")]
    return {**scope, "headers": [*kept, *named]}
