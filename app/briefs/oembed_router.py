"""HTTP route of oEmbed (oembed.com, version 1.0): from the address of a view to what shows it."""

from typing import Annotated, Literal
from urllib.parse import urlencode, urlsplit

from fastapi import Query, Request, Response
from pydantic import AfterValidator, BaseModel, Field

from app.briefs.render import write_frame
from app.briefs.views import ViewDescription, describe_view
from app.db.engine import Database
from app.errors import (
    FormatNotOfferedError,
    InvalidParameterError,
    MovedError,
    NotFoundError,
)
from app.http.caching import respond_with_version_etag
from app.http.dependencies import DatabaseDep, SettingsDep
from app.http.prefix_router import PrefixRouter
from app.http.problems import COMMON_RESPONSES, PROBLEM_RESPONSE, PROBLEM_TITLES, Responses
from app.http.public_url import resolve_public_url
from app.http.query_route import QueryRoute
from app.json_encoding import encode_json
from app.lineages import StateGoneError
from app.query_models import StrictQuery
from app.settings import Settings
from app.text import require_storable

router = PrefixRouter(tags=["sources"], route_class=QueryRoute)

WIDTH, HEIGHT = 680, 520
"""Pixels of a frame where the page that asks has room for them."""
CACHE_AGE = 3600
"""Seconds for which a title may be kept: the frame itself shows the newest record at once."""
MAX_ADDRESS = 4000
VIEW_OF_EMBED = {
    "/embed/shift": "shift",
    "/embed/timeline": "events",
    "/embed/map": "map",
    "/embed/members": "alliance",
    "/embed/compare": "compare",
}
"""The view that an embed shows, by the path of the embed."""
RESPONSES: Responses = COMMON_RESPONSES | {
    404: {**PROBLEM_RESPONSE, "description": PROBLEM_TITLES[404]},
    501: {**PROBLEM_RESPONSE, "description": PROBLEM_TITLES[501]},
}
Pixels = Annotated[int | None, Field(ge=1, le=100_000)]


class OEmbedQuery(StrictQuery):
    """The address to embed, and the room for it."""

    url: Annotated[
        str, Field(min_length=1, max_length=MAX_ADDRESS), AfterValidator(require_storable)
    ] = Field(
        description="Address of a view of the explorer or of an embed, of this service,"
        " percent-encoded.",
        examples=["/?view=shift&actor=ARM&toward=RUS"],
    )
    maxwidth: Pixels = Field(None, description="Most pixels of width.", examples=[600])
    maxheight: Pixels = Field(None, description="Most pixels of height.", examples=[400])
    format: Literal["json", "xml"] = Field(
        "json", description="`json`; `xml` is a 501, as the standard says of what is not offered."
    )
    dnt: int = Field(
        0, ge=0, le=1, description="Do not track; without effect: an embed sets and sends nothing."
    )


class OEmbedAnswer(BaseModel):
    """An answer of oEmbed 1.0; without `html` the link may be shown, and no frame."""

    type: Literal["rich", "link"] = Field(
        description="`rich` with a frame; `link` where ENTENTE_FRAME_ANCESTORS lets no page frame."
    )
    version: Literal["1.0"]
    title: str
    provider_name: str = Field(description="Always `Entente`.")
    provider_url: str = Field(description="Address of the service.")
    cache_age: int = Field(description="Seconds for which the answer may be kept.")
    html: str | None = Field(None, description="The frame, an `iframe`.")
    width: int | None = Field(None, description="Pixels of the frame.")
    height: int | None = Field(None, description="Pixels of the frame.")


@router.get(
    "/oembed",
    response_model=OEmbedAnswer,
    operation_id="getOEmbed",
    responses=RESPONSES,
)
def get_oembed(
    asked: Annotated[OEmbedQuery, Query()],
    request: Request,
    database: DatabaseDep,
    chosen: SettingsDep,
) -> Response:
    """How to embed a view, by the oEmbed standard, for editors that are handed its address.

    Pages of views name it in their head. A 404 means that this address cannot be embedded.
    """
    if asked.format == "xml":
        raise FormatNotOfferedError("oEmbed is offered as JSON: ask for format=json.")
    base = resolve_public_url(request, chosen)
    query = read_view_query(asked.url, base)
    view = _find_view(database, query, chosen)

    def make_response() -> Response:
        answer = build_oembed(view, base, asked, may_frame=bool(chosen.frame_ancestors))
        body = encode_json(answer.model_dump(exclude_none=True))
        return Response(body, media_type="application/json")

    return respond_with_version_etag(request, view.version, make_response, base)


def build_oembed(
    view: ViewDescription, base: str, asked: OEmbedQuery, *, may_frame: bool
) -> OEmbedAnswer:
    """Build the answer for a view that has an embed; `base` is the public URL."""
    answer = OEmbedAnswer(
        type="link",
        version="1.0",
        title=view.title,
        provider_name="Entente",
        provider_url=f"{base}/",
        cache_age=CACHE_AGE,
    )
    if not may_frame or view.embed is None:
        return answer
    width, height = min(WIDTH, asked.maxwidth or WIDTH), min(HEIGHT, asked.maxheight or HEIGHT)
    frame = write_frame(base + view.embed, view.title, width, height)
    return answer.model_copy(
        update={"type": "rich", "html": frame, "width": width, "height": height}
    )


def read_view_query(address: str, base: str) -> str:
    """Read which view an address of this service shows; raises `NotFoundError` for others."""
    try:
        parts, own = urlsplit(address), urlsplit(base)
    except ValueError as wrong:
        raise NotFoundError("That is not an address.") from wrong
    if parts.netloc and parts.netloc != own.netloc:
        raise NotFoundError("That address is not of this service.")
    if parts.scheme not in ("", "http", "https"):
        raise NotFoundError("That address is not of this service.")
    if parts.path in ("", "/"):
        return parts.query
    view = VIEW_OF_EMBED.get(parts.path.rstrip("/"))
    if view is None:
        raise NotFoundError("That address has no embed: views of the explorer and /embed/ do.")
    return f"{urlencode({'view': view})}&{parts.query}"


def _find_view(database: Database, query: str, chosen: Settings) -> ViewDescription:
    """Describe a view that can be embedded; raises `NotFoundError` for one that cannot."""
    try:
        with database.connect() as db:
            view = describe_view(db, query, chosen.alignment_datasets)
    except InvalidParameterError as wrong:
        where = wrong.fault.loc[-1]
        raise NotFoundError(f"The view has no answer: {where} {wrong.fault.message}.") from wrong
    except (MovedError, StateGoneError) as gone:
        raise NotFoundError("The view has no answer any more; open it to see why.") from gone
    if view.embed is None:
        raise NotFoundError("This view has no embed; a pair, events, a map or a group have one.")
    return view
