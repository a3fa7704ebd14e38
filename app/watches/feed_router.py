"""The feeds of watches over HTTP, for readers that cannot send a key."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from app.access.authorize import MaybeKeeper
from app.db.lineage_table import read_version
from app.examples import load_examples
from app.http.caching import respond_with_body_etag
from app.http.dependencies import SettingsDep, WriterDep
from app.http.page import rewrite_address
from app.http.problems import COMMON_RESPONSES
from app.http.public_url import resolve_public_url
from app.http.query_route import QueryRoute
from app.query_models import StrictQuery
from app.text import ShortText
from app.watches import delivery_store
from app.watches.feed import (
    MAX_ITEMS,
    MEDIA_TYPES,
    build_watch_items,
    write_watch_atom,
    write_watch_json_feed,
)
from app.watches.keep import find_feed_watch
from app.watches.readable import WatchReaders
from app.watches.router import WatchId

router = APIRouter(
    prefix="/v1", tags=["watches"], responses=COMMON_RESPONSES, route_class=QueryRoute
)


class FeedQuery(StrictQuery):
    """Parameters of a feed."""

    format: Literal["atom", "json"] = Field("atom", description="`atom` or `json` (JSON Feed 1.1).")
    token: ShortText | None = Field(
        None, description="From the address of the feed; a key of its owner does as well."
    )


@router.get(
    "/watches/{watch_id}/feed",
    operation_id="getWatchFeed",
    response_class=Response,
    responses={
        200: {
            "description": "What the watch said last, newest first.",
            "content": {
                "application/feed+json": {
                    "schema": {"type": "object", "additionalProperties": True},
                    "example": load_examples()["getWatchFeed"]["answer"],
                },
                "application/atom+xml": {"schema": {"type": "string"}},
            },
        }
    },
    openapi_extra={"security": [{}, {"key": []}]},
)
def get_watch_feed(
    watch_id: WatchId,
    asked: Annotated[FeedQuery, Query()],
    request: Request,
    database: WriterDep,
    who: MaybeKeeper,
    settings: SettingsDep,
) -> Response:
    """Show what a watch said last as a feed; its address has a token, so that readers can ask."""
    with database.connect() as db:
        row = find_feed_watch(db, watch_id, who, asked.token)
        ancestry = read_version(db).ancestry
        rows = list(delivery_store.list_newest(db, row.id, MAX_ITEMS))
        rows = WatchReaders(db, {row.id: row.owner}).keep_messages(rows)
    root = resolve_public_url(request, settings)
    here, home = root + rewrite_address(request), f"{root}/"
    items = build_watch_items(rows, ancestry, root)
    if asked.format == "json":
        body = write_watch_json_feed(row.name, items, here, home)
    else:
        body = write_watch_atom(row.id, row.name, items, here, home)
    kind = MEDIA_TYPES[asked.format]
    answer = respond_with_body_etag(request, Response(body, media_type=kind))
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer
