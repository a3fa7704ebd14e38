"""The HTTP routes of imports: uploads are stored on disk and loaded by background jobs."""

import asyncio
import errno
import hashlib
import re
import time
from itertools import accumulate
from pathlib import Path
from tempfile import NamedTemporaryFile, _TemporaryFileWrapper
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as InPath
from pydantic import Field
from sqlalchemy import Row, func, select
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from app.access.gate import BEARER, Editor, may_read
from app.access.keys import Holder, note_use
from app.db.engine import Database
from app.db.journal import version_of
from app.db.keyset import Key, pack
from app.db.tables import import_rejects, imports
from app.examples import examples, shown
from app.http.answer import encode
from app.http.caching import cached_body
from app.http.database import CursorKey, Held
from app.http.page import Meta, NoQuery, Page, Paging, links, page, resumed
from app.http.problems import RESPONSES, MissingError, UnreadableError
from app.ingest import imports as table
from app.ingest.imports import OVER
from app.ingest.load import Options
from app.ingest.row import Reject
from app.ingest.schemas import Import, ImportQuery, RejectedRow, as_import

router = APIRouter(prefix="/v1", tags=["imports"], responses=RESPONSES)
PATIENCE = 20.0
"""Seconds that a client may take to send the next piece of its upload."""
STEADY = 4096
"""Least average rate of an upload after the first `PIECE_TIMEOUT_SECONDS`, in bytes a second."""
# Without it, an upload of one byte every 19 seconds keeps its connection for ever.
MOST_WAITING = 60
"""Maximum seconds that `Prefer: wait` may ask for."""
FULL = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of a full disk and of an exceeded quota."""
MOST_TOLD = 8 << 20
"""Maximum characters of the rejects of a page."""
_WAIT = re.compile(r"\bwait(?:\s*=\s*([0-9]{1,4}))?\b")
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
            **shown("createImport")[200],
            "model": Import,
            "description": "The import is done already.",
        },
        202: {"description": "The upload is accepted; follow `Location`."},
    },
    dependencies=[Depends(BEARER)],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {
                    "schema": {"type": "string", "format": "binary"},
                    "example": examples()["createImport"]["body"],
                }
            },
        }
    },
)
async def create_import(
    asked: Annotated[ImportQuery, Query()], request: Request, database: Held, who: Editor
) -> Response:
    """Load a file: NDJSON, CSV or any known format, plain or .gz, .zst, .zip, .parquet.

    The body is written to disk as it arrives. With `Prefer: wait` the answer waits up to 10
    seconds, or as many as the header names, for the import to end; otherwise follow `Location`.
    """
    path, digest, size = await _received(request)
    options = Options(**asked.model_dump())
    try:
        ident = await run_in_threadpool(_entered, database, who, options, path, digest, size)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    request.app.state.imports.wake()
    until = time.monotonic() + _patience(request)
    while True:
        found = await run_in_threadpool(_found, database, ident)
        done = found.state in OVER
        if done or time.monotonic() >= until:
            break
        await asyncio.sleep(0.03)
    headers = {"Location": f"/v1/imports/{ident}"}
    if _WAIT.search(request.headers.get("prefer", "")):
        headers["Preference-Applied"] = "wait"
    status = 200 if done else 202
    return Response(encode(as_import(found)), status, headers, "application/json")


async def _received(request: Request) -> tuple[Path, str, int]:
    """Receive the body; returns its path on disk, its hash and its size.

    Raises `UnreadableError` if the upload is too slow, too large, empty, cut off or does not fit.
    """
    folder = request.app.state.settings.imports
    path = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=folder, prefix=table.ARRIVING, delete=False) as out:
            path = Path(out.name)
            digest, size = await _written(request, out)
        whole = path.with_name(table.UPLOADED + path.name.removeprefix(table.ARRIVING))
        return path.rename(whole), digest, size
    except BaseException as failed:
        if path is not None:
            path.unlink(missing_ok=True)
        if isinstance(failed, TimeoutError):
            told = f"Too little data came for {PATIENCE:.0f} seconds; send the file again."
            raise UnreadableError(408, told) from failed
        if isinstance(failed, ClientDisconnect):  # else each is logged with a traceback
            raise UnreadableError(
                400, "The connection closed before the body was complete."
            ) from failed
        if isinstance(failed, OSError) and failed.errno in FULL:
            told = "There is no disk space for the upload; nothing was stored. Try again later."
            raise UnreadableError(507, told) from failed
        raise


async def _written(request: Request, out: "_TemporaryFileWrapper[bytes]") -> tuple[str, int]:
    settings = request.app.state.settings
    digest, size = hashlib.blake2b(request.url.query.encode(), digest_size=8), 0
    pieces, begun = aiter(request.stream()), time.monotonic()
    while piece := await asyncio.wait_for(anext(pieces, b"end"), PATIENCE):
        if piece == b"end":
            break
        size += len(piece)
        if time.monotonic() - begun > PATIENCE + size / STEADY:
            raise TimeoutError
        if size > settings.max_import_bytes:
            raise UnreadableError(
                413, f"An import may have at most {settings.max_import_bytes} bytes."
            )
        digest.update(piece)
        await run_in_threadpool(out.write, piece)
    if size == 0:
        raise UnreadableError(400, "The body is empty; send the file as the body.")
    return digest.hexdigest(), size


def _entered(
    database: Database, who: Holder, options: Options, path: Path, digest: str, size: int
) -> str:
    with database.write() as db:
        note_use(db, who)
        ident, new = table.enter(db, digest, options, who.name, str(path), size)
    if not new:
        path.unlink(missing_ok=True)
    return ident


def _patience(request: Request) -> float:
    found = _WAIT.search(request.headers.get("prefer", ""))
    if found is None:
        return 0.0
    return float(min(int(found[1] or 10), MOST_WAITING))


def _found(database: Database, ident: str) -> Row[tuple[str]]:
    row = None
    if ident.isprintable():
        with database.connect() as db:
            row = table.named(db, ident)
    if row is None:
        raise MissingError("No import has that id; /v1/imports lists them.")
    return row


@router.get(
    "/imports",
    response_model=Page[Import],
    operation_id="listImports",
    responses=shown("listImports"),
    dependencies=[Depends(may_read)],
)
def list_imports(
    asked: Annotated[Paging, Query()], request: Request, database: Held, key: CursorKey
) -> Response:
    """List the imports, newest first."""
    i = imports.c
    found = select(imports).order_by(i.created_at.desc(), i.id.desc())
    after = resumed(asked.cursor, "imports", key)
    if after is not None:
        before = (i.created_at < after.value) | ((i.created_at == after.value) & (i.id < after.id))
        found = found.where(before)
    with database.connect() as db:
        rows = db.execute(found.limit(asked.limit + 1)).all()
        version = version_of(db)
    told = rows[: asked.limit]
    more = len(rows) > asked.limit
    cursor = pack(Key(told[-1].created_at, told[-1].id), "imports", key) if more else None
    meta = Meta(version=version, reason=None if told else "no_match")
    bodies = [encode(as_import(r)).decode() for r in told]
    return cached_body(request, page(bodies, meta, links(request, cursor)))


@router.get(
    "/imports/{import_id}",
    response_model=Import,
    operation_id="getImport",
    responses=shown("getImport"),
    dependencies=[Depends(may_read)],
)
def get_import(
    import_id: ImportId, _: Annotated[NoQuery, Query()], request: Request, database: Held
) -> Response:
    """Return the progress of an import, and the counts of its rows by result."""
    found = encode(as_import(_found(database, import_id)))
    return cached_body(request, Response(found, media_type="application/json"))


class RejectsQuery(Paging):
    """Parameters of a page of rejected rows."""

    format: Literal["json", "ndjson"] = Field(
        "json", description="`ndjson`: lines to correct and send again."
    )


@router.get(
    "/imports/{import_id}/rejects",
    response_model=Page[RejectedRow],
    operation_id="listRejects",
    responses=shown("listRejects"),
    dependencies=[Depends(may_read)],
)
def list_rejects(
    import_id: ImportId,
    asked: Annotated[RejectsQuery, Query()],
    request: Request,
    database: Held,
    key: CursorKey,
) -> Response:
    """List the rejected rows and their errors, in the order of the file.

    A page of long rows has fewer than `limit`.
    """
    _found(database, import_id)
    r = import_rejects.c
    after = resumed(asked.cursor, import_id, key)
    found = select(r.number, r.reject).where(r["import"] == import_id).order_by(r.number)
    sizes = select(func.length(r.reject)).where(r["import"] == import_id).order_by(r.number)
    if after is not None:
        found, sizes = (asks.where(r.number > int(after.id)) for asks in (found, sizes))
    with database.connect() as db:
        held = list(db.scalars(sizes.limit(asked.limit + 1)))
        whole = accumulate(held[: asked.limit])
        fit = max(1, sum(size <= MOST_TOLD for size in whole))
        told = db.execute(found.limit(fit)).all()
        version = version_of(db)
    more = len(held) > len(told)
    cursor = pack(Key("", str(told[-1].number)), import_id, key) if more else None
    where = links(request, cursor)
    if asked.format == "ndjson":
        headers = {"Link": f'<{where.next}>; rel="next"'} if where.next else {}
        body = "".join(f"{row.reject}\n" for row in told)
        return cached_body(request, Response(body, 200, headers, "application/x-ndjson"))
    meta = Meta(version=version, reason=None if told else "no_match")
    return cached_body(request, page([_whole(row.reject) for row in told], meta, where))


class _Kept(Reject, omit_defaults=False):
    """A stored reject, whose row stays undecoded: it may be nested too deeply to be decoded."""

    row: msgspec.Raw


def _whole(reject: str) -> str:
    return msgspec.json.encode(msgspec.json.decode(reject, type=_Kept)).decode()


@router.delete(
    "/imports/{import_id}",
    response_model=Import,
    operation_id="cancelImport",
    responses=shown("cancelImport"),
    dependencies=[Depends(BEARER)],
)
def cancel_import(
    import_id: ImportId, _: Annotated[NoQuery, Query()], database: Held, who: Editor
) -> Response:
    """Cancel an import after its current batch; what it has stored by then stays.

    An import that has ended is not changed.
    """
    _found(database, import_id)
    with database.write() as db:
        note_use(db, who)
        table.cancel(db, import_id)
    row = _found(database, import_id)
    if row.state == "cancelled":
        Path(row.file).unlink(missing_ok=True)
    return Response(encode(as_import(row)), media_type="application/json")
