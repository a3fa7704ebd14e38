"""The HTTP routes of imports: uploads are stored on disk and loaded by background jobs."""

import asyncio
import errno
import hashlib
import re
import time
from pathlib import Path
from tempfile import NamedTemporaryFile, _TemporaryFileWrapper
from typing import Annotated, Literal

import msgspec
from fastapi import Depends, Query, Request, Response
from fastapi import Path as InPath
from pydantic import Field
from sqlalchemy import Row
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from app.access.authorize import BEARER_SCHEME, Editor, require_read_access
from app.access.keys import Principal, record_key_use
from app.db.engine import Database
from app.db.keyset import PageKey, decode_page_cursor, encode_cursor
from app.db.lineage_table import read_version
from app.db.reader import list_closed
from app.errors import NotFoundError
from app.events.names_router import (
    NAME_TABLE_FORMATS,
    NamesQuery,
    decode_names_cursor,
    render_names_page,
)
from app.events.schemas import UnresolvedName
from app.events.unresolved import report_names
from app.examples import example_responses, load_examples
from app.http.accept import document_media_types
from app.http.caching import respond_with_body_etag
from app.http.dependencies import CursorKeyDep, WriterDep
from app.http.page import build_page_links, render_page
from app.http.prefix_router import PrefixRouter
from app.http.problems import COMMON_RESPONSES, UnreadableRequestError
from app.http.query_route import QueryRoute
from app.ingest.jobs import job_store as table
from app.ingest.jobs.address_upload import fetch_upload
from app.ingest.jobs.job_store import FINAL_STATES
from app.ingest.jobs.permission import (
    is_open_import,
    require_cancel_permission,
    require_import_permission,
    require_open_import,
)
from app.ingest.jobs.schemas import Import, ImportQuery, RejectedRow, render_import
from app.ingest.loading.load_options import LoadOptions
from app.ingest.readers.rows import Reject
from app.json_encoding import encode_json
from app.page_models import Meta, Page
from app.query_models import EmptyQuery, PagingQuery

router = PrefixRouter(
    prefix="/v1", tags=["imports"], responses=COMMON_RESPONSES, route_class=QueryRoute
)
PIECE_TIMEOUT_SECONDS = 20.0
"""Seconds that a client may take to send the next piece of its upload."""
MIN_BYTES_PER_SECOND = 4096
"""Least average rate of an upload after the first `PIECE_TIMEOUT_SECONDS`, in bytes a second."""
# Without it, an upload of one byte every 19 seconds keeps its connection for ever.
MAX_WAIT_SECONDS = 60
"""Maximum seconds that `Prefer: wait` may ask for."""
DISK_FULL_ERRORS = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of a full disk and of an exceeded quota."""
_WAIT_PREFERENCE = re.compile(r"\bwait(?:\s*=\s*([0-9]{1,4}))?\b")
ImportId = Annotated[
    str, InPath(description="Id of the import.", max_length=60, examples=["9f3c6a1e5b7d4c20"])
]


@router.post(
    "/imports",
    status_code=202,
    response_model=Import,
    operation_id="createImport",
    responses={
        200: {
            **example_responses("createImport")[200],
            "model": Import,
            "description": "The import is done already.",
        },
        202: {"description": "The upload is accepted; follow `Location`."},
    },
    dependencies=[Depends(BEARER_SCHEME)],
    openapi_extra={
        "requestBody": {
            "required": False,
            "description": "The file; empty with `url`.",
            "content": {
                "application/octet-stream": {
                    "schema": {"type": "string", "format": "binary"},
                    "example": load_examples()["createImport"]["body"],
                }
            },
        }
    },
)
async def create_import(
    asked: Annotated[ImportQuery, Query()], request: Request, database: WriterDep, who: Editor
) -> Response:
    """Load a file: NDJSON, CSV or any known format, plain or .gz, .zst, .xz, .bz2, .zip, .parquet.

    The body is written to disk as it arrives; with `url` it is empty. With `Prefer: wait` the
    answer waits up to 10 seconds, or as many as the header names, for the import to end; otherwise
    follow `Location`.
    """
    require_import_permission(who, asked)
    if asked.url is not None:
        path, digest, size = await fetch_upload(request, who, asked.url)
    else:
        path, digest, size = await _receive_upload(request)
    options = LoadOptions(**asked.model_dump(exclude={"url"}))
    try:
        ident = await run_in_threadpool(_enter_upload, database, who, options, path, digest, size)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    request.app.state.imports.wake()
    until = time.monotonic() + _read_wait_seconds(request)
    while True:
        found = await run_in_threadpool(_require_import, database, ident)
        done = found.state in FINAL_STATES
        if done or time.monotonic() >= until:
            break
        await asyncio.sleep(0.03)
    headers = {"Location": f"/v1/imports/{ident}"}
    if _WAIT_PREFERENCE.search(request.headers.get("prefer", "")):
        headers["Preference-Applied"] = "wait"
    status = 200 if done else 202
    return Response(encode_json(render_import(found)), status, headers, "application/json")


async def _receive_upload(request: Request) -> tuple[Path, str, int]:
    """Receive the body; returns its path on disk, its hash and its size.

    Raises `UnreadableRequestError` if the upload is too slow, too large, empty, cut off or does
    not fit.
    """
    folder = request.app.state.settings.upload_folder
    path = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=folder, prefix=table.ARRIVING_PREFIX, delete=False) as out:
            path = Path(out.name)
            digest, size = await _write_upload(request, out)
        whole = path.with_name(
            table.UPLOADED_PREFIX + path.name.removeprefix(table.ARRIVING_PREFIX)
        )
        return path.rename(whole), digest, size
    except BaseException as failed:
        if path is not None:
            path.unlink(missing_ok=True)
        if isinstance(failed, TimeoutError):
            waited = f"{PIECE_TIMEOUT_SECONDS:.0f} seconds"
            message = f"Too little data came for {waited}; send the file again."
            raise UnreadableRequestError(408, message) from failed
        if isinstance(failed, ClientDisconnect):  # else each is logged with a traceback
            raise UnreadableRequestError(
                400, "The connection closed before the body was complete."
            ) from failed
        if isinstance(failed, OSError) and failed.errno in DISK_FULL_ERRORS:
            detail = "There is no disk space for the upload; nothing was stored. Try again later."
            raise UnreadableRequestError(507, detail) from failed
        raise


async def _write_upload(request: Request, out: "_TemporaryFileWrapper[bytes]") -> tuple[str, int]:
    settings = request.app.state.settings
    digest, size = hashlib.blake2b(request.url.query.encode(), digest_size=8), 0
    pieces, begun = aiter(request.stream()), time.monotonic()
    while piece := await asyncio.wait_for(anext(pieces, b"end"), PIECE_TIMEOUT_SECONDS):
        if piece == b"end":
            break
        size += len(piece)
        if time.monotonic() - begun > PIECE_TIMEOUT_SECONDS + size / MIN_BYTES_PER_SECOND:
            raise TimeoutError
        if size > settings.max_import_bytes:
            raise UnreadableRequestError(
                413, f"An import may have at most {settings.max_import_bytes} bytes."
            )
        digest.update(piece)
        await run_in_threadpool(out.write, piece)
    if size == 0:
        raise UnreadableRequestError(400, "The body is empty; send the file as the body.")
    return digest.hexdigest(), size


def _enter_upload(
    database: Database, who: Principal, options: LoadOptions, path: Path, digest: str, size: int
) -> str:
    with database.write() as db:
        record_key_use(db, who)
        ident, new = table.add_import(db, digest, options, who.name, str(path), size)
    if not new:
        path.unlink(missing_ok=True)
    return ident


def _read_wait_seconds(request: Request) -> float:
    found = _WAIT_PREFERENCE.search(request.headers.get("prefer", ""))
    if found is None:
        return 0.0
    return float(min(int(found[1] or 10), MAX_WAIT_SECONDS))


def _require_import(database: Database, ident: str) -> Row[tuple[str]]:
    row = None
    if ident.isprintable():
        with database.connect() as db:
            read_version(db)  # which the answer says
            row = table.find_import(db, ident)
            if row is not None:
                require_open_import(db, row)
    if row is None:
        raise NotFoundError("No import has that id; /v1/imports lists them.")
    return row


@router.get(
    "/imports",
    response_model=Page[Import],
    operation_id="listImports",
    responses=example_responses("listImports"),
    dependencies=[Depends(require_read_access)],
)
def list_imports(
    asked: Annotated[PagingQuery, Query()],
    request: Request,
    database: WriterDep,
    key: CursorKeyDep,
) -> Response:
    """List the imports, newest first."""
    with database.connect() as db:
        version = read_version(db)
        after = decode_page_cursor(asked.cursor, "imports", key, version)
        rows = table.list_imports_after(db, after, asked.limit + 1)
        page_rows, closed = rows[: asked.limit], list_closed(db)
        open_rows = [row for row in page_rows if is_open_import(db, row)]
    more = len(rows) > asked.limit
    cursor = (
        encode_cursor(PageKey(page_rows[-1].created_at, page_rows[-1].id), "imports", key, version)
        if more
        else None
    )
    meta = Meta(version=version, reason=None if open_rows else "no_match", closed=closed)
    bodies = [encode_json(render_import(r)).decode() for r in open_rows]
    return respond_with_body_etag(
        request, render_page(bodies, meta, build_page_links(request, cursor))
    )


@router.get(
    "/imports/{import_id}",
    response_model=Import,
    operation_id="getImport",
    responses=example_responses("getImport"),
    dependencies=[Depends(require_read_access)],
)
def get_import(
    import_id: ImportId, _: Annotated[EmptyQuery, Query()], request: Request, database: WriterDep
) -> Response:
    """Return the progress of an import, and the counts of its rows by result."""
    found = encode_json(render_import(_require_import(database, import_id)))
    return respond_with_body_etag(request, Response(found, media_type="application/json"))


class RejectsQuery(PagingQuery):
    """Parameters of a page of rejected rows."""

    format: Literal["json", "ndjson"] = Field(
        "json", description="`ndjson`: lines to correct and send again."
    )


@router.get(
    "/imports/{import_id}/rejects",
    response_model=Page[RejectedRow],
    operation_id="listRejects",
    responses=document_media_types(
        example_responses("listRejects"), {"ndjson": ("application/x-ndjson",)}
    ),
    dependencies=[Depends(require_read_access)],
)
def list_rejects(
    import_id: ImportId,
    asked: Annotated[RejectsQuery, Query()],
    request: Request,
    database: WriterDep,
    key: CursorKeyDep,
) -> Response:
    """List the rejected rows and their errors, in the order of the file.

    A page of long rows has fewer than `limit`.
    """
    _require_import(database, import_id)
    with database.connect() as db:
        version = read_version(db)
        after = decode_page_cursor(asked.cursor, import_id, key, version)
        number = None if after is None else int(after.id)
        page_rows, more = table.read_rejects_page(db, import_id, number, asked.limit)
    cursor = None
    if more:
        cursor = encode_cursor(PageKey("", str(page_rows[-1].number)), import_id, key, version)
    where = build_page_links(request, cursor)
    if asked.format == "ndjson":
        headers = {"Link": f'<{where.next}>; rel="next"'} if where.next else {}
        body = "".join(f"{row.reject}\n" for row in page_rows)
        return respond_with_body_etag(request, Response(body, 200, headers, "application/x-ndjson"))
    meta = Meta(version=version, reason=None if page_rows else "no_match")
    return respond_with_body_etag(
        request, render_page([_render_reject(row.reject) for row in page_rows], meta, where)
    )


class _StoredReject(Reject, omit_defaults=False):
    """A stored reject, whose row stays undecoded: it may be nested too deeply to be decoded."""

    row: msgspec.Raw


def _render_reject(reject: str) -> str:
    return msgspec.json.encode(msgspec.json.decode(reject, type=_StoredReject)).decode()


@router.get(
    "/imports/{import_id}/unresolved",
    response_model=Page[UnresolvedName],
    operation_id="listImportNames",
    responses=document_media_types(example_responses("listImportNames"), NAME_TABLE_FORMATS),
    dependencies=[Depends(require_read_access)],
)
def list_import_names(
    import_id: ImportId,
    asked: Annotated[NamesQuery, Query()],
    request: Request,
    database: WriterDep,
    key: CursorKeyDep,
) -> Response:
    """List all names in the rows of an import that no actor had, the most frequent first.

    What was resolved since is still listed here; `/v1/unresolved` lists what is left.
    """
    _require_import(database, import_id)
    bound = f"unresolved {import_id}"
    with database.connect() as db:
        version = read_version(db)
        after = decode_names_cursor(asked, bound, key, version)
        totals = list(table.read_import_names(db, import_id, after, asked.limit + 1))
        names = list(report_names(db, totals))
        return render_names_page(request, names, asked, version, bound, key)


@router.delete(
    "/imports/{import_id}",
    response_model=Import,
    operation_id="cancelImport",
    responses=example_responses("cancelImport"),
    dependencies=[Depends(BEARER_SCHEME)],
)
def cancel_import(
    import_id: ImportId, _: Annotated[EmptyQuery, Query()], database: WriterDep, who: Editor
) -> Response:
    """Cancel an import after its current batch; what it has stored by then stays.

    An import that has ended is not changed.
    """
    require_cancel_permission(who, _require_import(database, import_id))
    with database.write() as db:
        record_key_use(db, who)
        table.request_cancellation(db, import_id)
    row = _require_import(database, import_id)
    if row.state == "cancelled":
        Path(row.file).unlink(missing_ok=True)
    return Response(encode_json(render_import(row)), media_type="application/json")
