"""Watches over HTTP: keep, change and drop them, try them out, and see what they said."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field, TypeAdapter
from sqlalchemy import Row

from app.access.authorize import BEARER_SCHEME, Keeper
from app.access.keys import Principal, record_key_use
from app.db.engine import Database
from app.db.keyset import PageKey, decode_page_cursor, encode_cursor
from app.db.lineage_table import read_version
from app.errors import ConflictError, NotFoundError
from app.examples import example_request_body, example_responses
from app.http.body import BodyBytes, parse_json_body
from app.http.dependencies import CursorKeyDep, SettingsDep, WriterDep
from app.http.page import build_page_links, render_page
from app.http.problems import COMMON_RESPONSES
from app.http.query_route import QueryRoute
from app.json_encoding import encode_json
from app.page_models import Meta, Page
from app.query_models import EmptyQuery, PagingQuery
from app.validation import validate_part
from app.watches import delivery_store, watch_store
from app.watches.keep import (
    keep_watch,
    patch_watch,
    render_delivery,
    render_watch,
    require_watch,
    resolve_watch,
)
from app.watches.payloads import build_test_message, encode_message
from app.watches.schemas import (
    Delivery,
    DeliveryStateName,
    ReplayBody,
    Replayed,
    SentTest,
    Watch,
    WatchBody,
    WatchPatch,
    WatchWithSecret,
)
from app.watches.sender import send_message
from app.watches.signatures import reveal_secret

router = APIRouter(
    prefix="/v1",
    tags=["watches"],
    responses=COMMON_RESPONSES,
    route_class=QueryRoute,
    dependencies=[Depends(BEARER_SCHEME)],
)
BODY, PATCH = TypeAdapter(WatchBody), TypeAdapter(WatchPatch)
REPLAY = TypeAdapter(ReplayBody)
MAX_TESTS = 8
"""Test messages that are under way at once in a process."""
WatchId = Annotated[
    str, Path(description="Id of the watch.", max_length=60, examples=["w_5f2b8c0d9e1a7364"])
]
NoQuery = Annotated[EmptyQuery, Query()]


def _answer_watch(row: Row[tuple[str]], status: int = 200, secret: str | None = None) -> Response:
    headers = {"Location": f"/v1/watches/{row.id}"} if status == 201 else {}
    body = render_watch(row, secret)
    return Response(encode_json(body), status, headers, "application/json")


@router.post(
    "/watches",
    status_code=201,
    response_model=WatchWithSecret,
    operation_id="createWatch",
    responses=example_responses("createWatch", 201),
    openapi_extra=example_request_body("createWatch", WatchBody),
)
def create_watch(
    _: NoQuery,
    request: Request,
    body: BodyBytes,
    database: WriterDep,
    who: Keeper,
    settings: SettingsDep,
) -> Response:
    """Keep a watch on events or on a shift; the secret of its webhook is shown this once."""
    sent = validate_part(BODY, parse_json_body(body), ["body"]).require_value()
    with database.connect() as db:
        resolved = resolve_watch(db, sent, settings)
    with database.write() as db:
        record_key_use(db, who)
        row = require_watch(db, keep_watch(db, sent, resolved, who, settings), who)
    request.app.state.watcher.wake()
    kept = watch_store.read_secrets(row)
    made = reveal_secret(kept[0].secret, settings.watch_key) if kept else None
    return _answer_watch(row, 201, made)


@router.get(
    "/watches",
    response_model=Page[Watch],
    operation_id="listWatches",
    responses=example_responses("listWatches"),
)
def list_watches(
    asked: Annotated[PagingQuery, Query()],
    request: Request,
    database: WriterDep,
    who: Keeper,
    secret: CursorKeyDep,
) -> Response:
    """List the watches of the key, the oldest first; a key that administers sees all."""
    with database.connect() as db:
        version = read_version(db)
        after = decode_page_cursor(asked.cursor, f"watches {who.id}", secret, version)
        owner = None if who.has_scope("admin") else who.name
        rows = watch_store.list_watches_after(db, owner, after, asked.limit + 1)
    shown = rows[: asked.limit]
    cursor = None
    if len(rows) > asked.limit:
        key = PageKey(shown[-1].created_at, shown[-1].id)
        cursor = encode_cursor(key, f"watches {who.id}", secret, version)
    meta = Meta(version=version, reason=None if shown else "no_match")
    bodies = [render_watch(row).model_dump_json(exclude={"secret"}) for row in shown]
    return render_page(bodies, meta, build_page_links(request, cursor))


@router.get(
    "/watches/{watch_id}",
    response_model=Watch,
    operation_id="getWatch",
    responses=example_responses("getWatch"),
)
def get_watch(watch_id: WatchId, _: NoQuery, database: WriterDep, who: Keeper) -> Response:
    """Return a watch, how far it is, and what waits."""
    with database.connect() as db:
        row = require_watch(db, watch_id, who)
    body = render_watch(row).model_dump_json(exclude={"secret"})
    return Response(body, media_type="application/json")


@router.patch(
    "/watches/{watch_id}",
    response_model=WatchWithSecret,
    operation_id="patchWatch",
    responses=example_responses("patchWatch"),
    openapi_extra=example_request_body("patchWatch", WatchPatch),
)
def patch_kept_watch(
    watch_id: WatchId,
    _: NoQuery,
    request: Request,
    body: BodyBytes,
    database: WriterDep,
    who: Keeper,
    settings: SettingsDep,
) -> Response:
    """Pause a watch or let it go on, send it elsewhere, or replace its secret."""
    sent = validate_part(PATCH, parse_json_body(body), ["body"]).require_value()
    with database.write() as db:
        record_key_use(db, who)
        made = patch_watch(db, require_watch(db, watch_id, who), sent, settings)
        row = require_watch(db, watch_id, who)
    request.app.state.watcher.wake()
    return _answer_watch(row, secret=made)


@router.delete(
    "/watches/{watch_id}",
    response_model=Watch,
    operation_id="deleteWatch",
    responses=example_responses("deleteWatch"),
)
def delete_watch(watch_id: WatchId, _: NoQuery, database: WriterDep, who: Keeper) -> Response:
    """Drop a watch with all that it has said and has to say; the answer is how it was."""
    with database.write() as db:
        record_key_use(db, who)
        row = require_watch(db, watch_id, who)
        watch_store.remove_watch(db, row.id)
    body = render_watch(row).model_dump_json(exclude={"secret"})
    return Response(body, media_type="application/json")


@router.post(
    "/watches/{watch_id}/test",
    response_model=SentTest,
    operation_id="testWatch",
    responses=example_responses("testWatch"),
)
async def send_test(
    watch_id: WatchId,
    _: NoQuery,
    request: Request,
    database: WriterDep,
    who: Keeper,
    settings: SettingsDep,
) -> Response:
    """Send a test message (`watch.test`) to the webhook of a watch now, and say what came of it."""
    row = await to_thread.run_sync(_read_webhook_watch, database, watch_id, who)
    now = watch_store.format_now()
    body = encode_message(build_test_message(row.id, row.name, now))
    ident = watch_store.make_test_id(row.id)
    async with request.app.state.watch_tests:
        found = await send_message(
            row.url, ident, body, watch_store.read_secrets(row),
            allow_private=settings.watch_private_addresses, contact=settings.contact,
            watch_key=settings.watch_key,
        )  # fmt: skip
    shown = SentTest(
        arrived=found.arrived,
        status=found.status,
        error=found.error,
        seconds=round(found.seconds, 3),
    )
    return Response(encode_json(shown), media_type="application/json")


def _read_webhook_watch(database: Database, ident: str, who: Principal) -> Row[tuple[str]]:
    with database.connect() as db:
        row = require_watch(db, ident, who)
    if not row.url:
        raise ConflictError("The watch has no webhook; its feeds say what it has to say.")
    return row


class DeliveriesQuery(PagingQuery):
    """Parameters of a list of deliveries."""

    state: DeliveryStateName | None = Field(None, description="Only deliveries in this state.")


@router.get(
    "/watches/{watch_id}/deliveries",
    response_model=Page[Delivery],
    operation_id="listDeliveries",
    responses=example_responses("listDeliveries"),
)
def list_deliveries(
    watch_id: WatchId,
    asked: Annotated[DeliveriesQuery, Query()],
    request: Request,
    database: WriterDep,
    who: Keeper,
    secret: CursorKeyDep,
) -> Response:
    """List what a watch said and has to say, newest first, with attempts and the last error."""
    bound = f"deliveries {watch_id} {asked.state}"
    with database.connect() as db:
        require_watch(db, watch_id, who)
        version = read_version(db)
        after = decode_page_cursor(asked.cursor, bound, secret, version)
        before = None if after is None else int(after.id)
        rows = delivery_store.list_deliveries_after(
            db, watch_id, asked.state, before, asked.limit + 1
        )
    shown = rows[: asked.limit]
    cursor = None
    if len(rows) > asked.limit:
        cursor = encode_cursor(PageKey("", str(shown[-1].seq)), bound, secret, version)
    meta = Meta(version=version, reason=None if shown else "no_match")
    bodies = [render_delivery(row, version.ancestry).model_dump_json() for row in shown]
    return render_page(bodies, meta, build_page_links(request, cursor))


@router.post(
    "/watches/{watch_id}/replay",
    response_model=Replayed,
    operation_id="replayDeliveries",
    responses=example_responses("replayDeliveries"),
    openapi_extra=example_request_body("replayDeliveries", ReplayBody, required=False),
)
def replay_dead_letters(
    watch_id: WatchId,
    _: NoQuery,
    request: Request,
    body: BodyBytes,
    database: WriterDep,
    who: Keeper,
) -> Response:
    """Try dead letters again, all or one, with the ids that they had; before all that is newer."""
    value = parse_json_body(body) if body.strip() else {}
    sent = validate_part(REPLAY, value, ["body"]).require_value()
    with database.write() as db:
        record_key_use(db, who)
        row = require_watch(db, watch_id, who)
        if sent.seq is not None:
            found = delivery_store.find_delivery(db, row.id, sent.seq)
            if found is None or found.state != "dead":
                raise NotFoundError("The watch has no dead letter of that seq.")
        count = delivery_store.replay_deliveries(db, row.id, sent.seq)
    request.app.state.watcher.wake()
    return Response(encode_json(Replayed(replayed=count)), media_type="application/json")
