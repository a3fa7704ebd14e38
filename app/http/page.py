"""Pages of a list as JSON: `{data, meta, links}`, the same for every kind of document."""

from collections.abc import Mapping
from typing import Annotated, Generic, Literal, TypeVar
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.db.keyset import BadCursorError, PageKey, decode_cursor
from app.http.answer import encode_json
from app.http.problems import InvalidParameterError
from app.text import require_storable

T = TypeVar("T")
Cursor = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(require_storable)]
EmptyReason = Literal["no_match", "outside_coverage", "not_yet_covered"]


class StrictQuery(BaseModel):
    """Query parameters of a route; unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EmptyQuery(StrictQuery):
    """The query of a route without parameters."""


class PagingQuery(StrictQuery):
    """Query parameters of every paged list."""

    limit: int = Field(50, ge=1, le=1000, description="Rows on a page.", examples=[50])
    cursor: Cursor | None = Field(None, description="From `links.next`.")


class Meta(BaseModel):
    """The version and extent of an answer."""

    version: int = Field(description="`seq` of the last change that the answer includes.")
    count: int | None = Field(None, description="Total number of rows, if requested.")
    count_is: Literal["exact", "estimate"] | None = None
    reason: EmptyReason | None = Field(None, description="Why `data` is empty.")


class Links(BaseModel):
    """Links to this page and to the next."""

    self: str
    next: str | None = None
    permalink: str | None = Field(
        None,
        description="Link to this version of the answer, unaffected by later changes: cite this.",
    )


class Page(BaseModel, Generic[T]):
    """A page of a list."""

    data: list[T]
    meta: Meta
    links: Links


def build_page_links(
    request: Request, cursor: str | None, version: int | None = None, day: str | None = None
) -> Links:
    """Build the links of a page, relative to the host, so that a forged Host header has no effect.

    With a version they include a permalink, which also fixes `day` as `on` where today was meant.
    Order by relevance has none: it depends on how rare a word is in all revisions written since.
    """
    path, parts = _split_address(request)
    found = Links(self=_join_address(path, parts, {}))
    if cursor is not None:
        found.next = _join_address(path, parts, {"cursor": cursor})
    if version is not None and ("sort", "sort=relevance") not in parts:
        pins = {"as_of": str(version)} | ({"on": day} if day else {})
        found.permalink = _join_address(path, parts, pins)
    return found


def rewrite_address(request: Request, **changed: str) -> str:
    """Return the requested path and query with other values for some parameters."""
    return _join_address(*_split_address(request), changed)


def _split_address(request: Request) -> tuple[str, list[tuple[str, str]]]:
    """Return the path, and each parameter as (name, encoded `name=value`)."""
    query = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    path = quote(request.scope["path"], safe="/:@!$&'()*+,;=~")
    return path, [(name, urlencode([(name, value)])) for name, value in query]


def _join_address(path: str, parts: list[tuple[str, str]], changed: Mapping[str, str]) -> str:
    kept = [text for name, text in parts if name not in changed]
    kept += [urlencode([pair]) for pair in changed.items()]
    return path + (f"?{'&'.join(kept)}" if kept else "")


def decode_page_cursor(cursor: str | None, query: str, secret: bytes) -> PageKey | None:
    """Return the key after which a page begins; None for the first page."""
    if cursor is None:
        return None
    try:
        return decode_cursor(cursor, query, secret)
    except BadCursorError as bad:
        hint = "Follow links.next, or omit the cursor to start from the first page."
        raise InvalidParameterError("cursor", str(bad), hint) from bad


def render_page(documents: list[str], meta: Meta, where: Links, **more: object) -> Response:
    """Join stored documents into a page as bytes, without parsing them."""
    tail = encode_json(
        {"meta": meta.model_dump(exclude_none=True), "links": where.model_dump(), **more}
    )
    body = b'{"data":[' + ",".join(documents).encode() + b"]," + tail[1:]
    headers = {"Link": f'<{where.next}>; rel="next"'} if where.next else {}
    return Response(body, media_type="application/json", headers=headers)
