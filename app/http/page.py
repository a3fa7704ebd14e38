"""Pages of a list as JSON: `{data, meta, links}`, the same for every kind of document."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

import msgspec
from fastapi import Request, Response

from app.http.path_ids import quote_path
from app.json_encoding import encode_json
from app.lineages import Version
from app.page_models import Links, Meta


def build_page_links(
    request: Request, cursor: str | None, version: Version | None = None, day: str | None = None
) -> Links:
    """Build the links of a page, relative to the host, so that a forged Host header has no effect.

    With a version they include a permalink, which also fixes `day` as `on` where today was meant.
    Order by relevance has none: it depends on how rare a word is in all revisions written since.
    """
    path, parts = _split_address(request)
    following = permalink = None
    if cursor is not None:
        following = _join_address(path, parts, {"cursor": cursor})
    if version is not None and ("sort", "sort=relevance") not in parts:
        pins = pin_version(version) | ({"on": day} if day else {})
        permalink = _join_address(path, parts, pins)
    return Links(self=_join_address(path, parts, {}), next=following, permalink=permalink)


def pin_version(version: Version) -> dict[str, str]:
    """Return the parameters that fix a version for ever."""
    return {"as_of": str(version), "lineage": version.lineage}


def rewrite_address(request: Request, **changed: str) -> str:
    """Return the requested path and query with other values for some parameters."""
    return _join_address(*_split_address(request), changed)


def _split_address(request: Request) -> tuple[str, list[tuple[str, str]]]:
    """Return the path, and each parameter as (name, encoded `name=value`)."""
    raw = request.scope["query_string"].decode("latin-1")
    path = request.scope["path"]
    if not _PLAIN_PATH.fullmatch(path):
        path = quote_path(path)
    if _PLAIN_QUERY.fullmatch(raw):  # nearly all; encoding takes as long as reading an event
        return path, [(pair.partition("=")[0], pair) for pair in raw.split("&")]
    query = parse_qsl(raw, keep_blank_values=True)
    return path, [(name, urlencode([(name, value)])) for name, value in query]


_PLAIN_PATH = re.compile("[A-Za-z0-9_.~/-]*")
_PLAIN_VALUE = re.compile("[A-Za-z0-9_.~-]*")
"""Texts that are encoded as they are."""
_PLAIN_PAIR = "[A-Za-z0-9_.~-]+=[A-Za-z0-9_.~-]*"
_PLAIN_QUERY = re.compile(f"{_PLAIN_PAIR}(?:&{_PLAIN_PAIR})*")
"""A query that is encoded as it would be again."""


def _join_address(path: str, parts: list[tuple[str, str]], changed: Mapping[str, str]) -> str:
    kept = [text for name, text in parts if name not in changed]
    for name, value in changed.items():
        is_plain = _PLAIN_VALUE.fullmatch(value)
        kept.append(f"{name}={value}" if is_plain else urlencode([(name, value)]))
    return path + (f"?{'&'.join(kept)}" if kept else "")


def render_page(
    documents: list[str] | bytes,
    meta: Meta,
    where: Links,
    media_type: str = "application/json",
    **more: object,
) -> Response:
    """Join stored documents into a page as bytes, without parsing them; or take them joined."""
    # What the page has nothing of is left out, but no field of what it has.
    is_plain = type(meta) is Meta and not more  # texts and whole numbers: nothing to convert
    fields = meta.__dict__ if is_plain else meta.model_dump()
    known = {name: value for name, value in fields.items() if value is not None}
    parts = {"meta": known, "links": where.__dict__, **more}
    tail = msgspec.json.encode(parts) if is_plain else encode_json(parts)  # a tenth of the time
    if isinstance(documents, list):
        documents = ",".join(documents).encode()
    body = b"".join((b'{"data":[', documents, b"],", tail[1:]))
    headers = {"Link": f'<{where.next}>; rel="next"'} if where.next else {}
    return Response(body, media_type=media_type, headers=headers)
