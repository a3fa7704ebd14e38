"""Serve the OpenAPI document, which is encoded once."""

from functools import cache
from hashlib import blake2b

from fastapi import FastAPI, Request, Response

from app.http.caching import respond_from_memory
from app.json_encoding import encode_json


def serve_openapi_once(app: FastAPI) -> None:
    """Replace the framework's route of the document, which encodes it again for each request."""

    @cache
    def build_document() -> tuple[bytes, str]:
        body = encode_json(app.openapi())
        return body, blake2b(body, digest_size=12).hexdigest()

    def serve_document(request: Request) -> Response:
        body, digest = build_document()
        return respond_from_memory(
            request, f'W/"{digest}"', lambda: Response(body, media_type="application/json")
        )

    routes = app.router.routes
    routes[:] = [route for route in routes if getattr(route, "path", "") != app.openapi_url]
    app.add_route(str(app.openapi_url), serve_document, include_in_schema=False)
