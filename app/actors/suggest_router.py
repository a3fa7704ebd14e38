"""Routes of the reconciliation protocol (0.2) besides its questions: suggest, properties, preview.

Its manifest, at `/v1/reconcile`, says where they are. What clients are known to send besides has no
effect; other parameters are refused, as everywhere.
"""

from collections.abc import Sequence
from html import escape
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from app.actors.queries import find_actor_by_code, read_actors_of_codes
from app.actors.reconcile_extend import (
    PROPERTIES,
    list_properties,
    suggest_entities,
    suggest_names,
)
from app.actors.reconcile_manifest import KIND_NAMES
from app.errors import NotFoundError
from app.http.dependencies import DatabaseDep, SettingsDep
from app.http.prefix_router import PrefixRouter
from app.http.public_url import resolve_public_url
from app.http.query_route import QueryRoute
from app.json_encoding import encode_json
from app.query_models import StrictQuery
from app.text import OptionalText, ShortText

router = PrefixRouter(prefix="/v1/reconcile", include_in_schema=False, route_class=QueryRoute)
PREVIEW_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline';"
    " frame-ancestors http://127.0.0.1:* http://localhost:*"
)
"""Clients show the page in a frame. OpenRefine runs on the reader's computer; a setting
adds other places."""


class ClientQuery(StrictQuery):
    """What OpenRefine and the library under its fields send to any of these; it has no effect."""

    cursor: OptionalText = ""
    callback: OptionalText = ""
    nocache: OptionalText = Field("", alias="_")
    filter: OptionalText = ""
    key: OptionalText = ""
    lang: OptionalText = ""
    limit: OptionalText = ""
    scoring: OptionalText = ""
    type: OptionalText = ""
    type_strict: OptionalText = ""


class SuggestQuery(ClientQuery):
    """The beginning of a text to complete."""

    prefix: OptionalText = ""


class PropertiesQuery(ClientQuery):
    """The type whose properties are asked for; all types have the same."""


class PreviewQuery(ClientQuery):
    """The actor to show."""

    id: ShortText


def _respond_suggestions(found: Sequence[BaseModel]) -> Response:
    body = {"result": [one.model_dump() for one in found]}
    return Response(encode_json(body), media_type="application/json")


@router.get("/suggest/entity")
def list_suggested_entities(
    asked: Annotated[SuggestQuery, Query()], database: DatabaseDep
) -> Response:
    """Suggest actors for the beginning of a name."""
    if not asked.prefix.strip():
        return _respond_suggestions([])
    with database.connect() as db:
        return _respond_suggestions(suggest_entities(db, asked.prefix))


@router.get("/suggest/type")
def list_suggested_types(asked: Annotated[SuggestQuery, Query()]) -> Response:
    """Suggest kinds of actor."""
    return _respond_suggestions(suggest_names(KIND_NAMES, asked.prefix))


@router.get("/suggest/property")
def list_suggested_properties(asked: Annotated[SuggestQuery, Query()]) -> Response:
    """Suggest properties of actors."""
    return _respond_suggestions(suggest_names(PROPERTIES, asked.prefix))


@router.get("/properties")
def propose_properties(asked: Annotated[PropertiesQuery, Query()]) -> Response:
    """List the properties that can be added to matched actors."""
    listed = [one.model_dump() for one in list_properties()]
    body = encode_json({"type": asked.type, "properties": listed})
    return Response(body, media_type="application/json")


@router.get("/preview")
def preview_actor(
    asked: Annotated[PreviewQuery, Query()],
    request: Request,
    database: DatabaseDep,
    settings: SettingsDep,
) -> Response:
    """Show an actor on a small page: name, kind, period and codes."""
    with database.connect() as db:
        found = find_actor_by_code(db, asked.id)
        documents = read_actors_of_codes(db, [found.code]) if found else {}
    if found is None or found.code not in documents:
        raise NotFoundError("No actor has that id; /v1/actors lists them.")
    actor = documents[found.code]
    codes = ", ".join(f"{code['scheme']} {code['value']}" for code in actor["codes"][:12])
    period = f"{actor['since'] or '…'} – {actor['until'] or 'today'}"
    page = f"{resolve_public_url(request, settings)}/?view=actor&actor={found.code}"
    lines = (KIND_NAMES.get(actor["kind"], actor["kind"]), period, actor["summary"] or "", codes)
    shown = "".join(f"<p>{escape(line)}</p>" for line in lines if line)
    body = (
        '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Entente</title>'
        "<style>body{font:13px/1.4 sans-serif;margin:8px}p{margin:4px 0}</style>"
        f'<b><a href="{escape(page)}" target="_blank">{escape(actor["name"])}</a></b>'
        f" {escape(found.code)}{shown}</html>"
    )
    policy = " ".join((PREVIEW_POLICY, *settings.frame_ancestors))
    return Response(
        body,
        headers={"Content-Security-Policy": policy},
        media_type="text/html; charset=utf-8",
    )
