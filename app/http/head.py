"""Answer HEAD on every path that answers GET."""

from anyio import CancelScope
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadMiddleware:
    """Answers HEAD with the status and headers of GET, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass HEAD on as GET in a copied scope: the server must still see HEAD."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        as_get = {**scope, "method": "GET"}
        with CancelScope() as scope_of_work:

            async def send_without_body(message: Message) -> None:
                if message["type"] != "http.response.body":
                    scope["route"] = as_get.get("route")  # for the metrics
                    await send(message)
                    return
                await send({"type": "http.response.body", "body": b""})
                if message.get("more_body"):  # a stream: stop it, since no reader takes the rest
                    scope_of_work.cancel()

            await self.app(as_get, receive, send_without_body)
