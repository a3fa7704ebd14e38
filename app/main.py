"""Assemble the service: routers, middleware, error handlers and the objects they share."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi_offline import FastAPIOffline
from sqlalchemy import func, insert, select

from app.access.gate import may_read
from app.actors.memberships import router as memberships
from app.actors.reconcile import router as reconcile
from app.actors.router import router as actors
from app.alliances.router import router as alliances
from app.charts.drawing import draw as charts
from app.db.engine import Database
from app.db.journal import version_of
from app.db.schema import StaleSchemaError, require_current
from app.db.tables import house
from app.db.tables import imports as imports_table
from app.editing.router import router as editing
from app.events.router import router as events
from app.examples import MODELS
from app.explorer.router import router as explorer
from app.feeds.answer import answer as feeds
from app.feeds.ogc import router as ogc
from app.history.pulse import Pulse
from app.history.router import router as history
from app.history.stream import router as stream
from app.http.admission import AdmissionMiddleware
from app.http.answer import encode
from app.http.cors import CorsMiddleware
from app.http.encoding import EncodingMiddleware
from app.http.head import HeadMiddleware
from app.http.metrics import MEDIA, Metrics, MetricsMiddleware, gauge
from app.http.page import NoQuery
from app.http.problems import add_problem_handlers, add_problem_schema, problem
from app.http.shortway import ShortWayMiddleware
from app.http.strict import as_it_stands
from app.ingest.router import router as imports
from app.ingest.runner import Runner
from app.settings import Settings
from app.shifts.ideal_points import router as ideal_points
from app.shifts.refresher import Refresher
from app.shifts.router import router as shifts
from app.shifts.similarity import router as similarity
from app.sources.router import router as sources

DESCRIPTION = """A sourced record of what states and alliances do to each other: events with the
sources that report them, and memberships with their dates.

Parameters are strict: an unknown one is refused, and the nearest known one is suggested. Every list
can be read to its end by `links.next`. An empty list says why it is empty."""


def create_app(settings: Settings) -> FastAPI:
    """Create the application, which opens its database at start and refuses a stale schema."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = settings.pool_size
        database = Database(settings.database_url, settings.pool_size)
        refresher = Refresher(database)
        try:
            require_current(database)
            app.state.database = database
            app.state.settings = settings
            app.state.exports = CapacityLimiter(settings.exports)
            app.state.cursor_key = settings.cursor_key.encode() or _kept_key(database)
            app.state.pulse = Pulse(database)
            app.state.imports = Runner(database, settings.max_expanded_bytes, settings.imports)
            app.state.imports.start()
            refresher.start()
            try:
                yield
            finally:
                app.state.pulse.end()
                await to_thread.run_sync(app.state.imports.stop)
        finally:
            refresher.close()
            database.close()

    app: FastAPI = FastAPIOffline(
        title="Entente",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        dependencies=[Depends(as_it_stands)],
    )
    reading = (
        stream, history, events, actors, memberships, alliances, sources, shifts, similarity,
        ideal_points, ogc, reconcile,
    )  # fmt: skip
    for router in reading:
        app.include_router(router, dependencies=[Depends(may_read)])
    app.include_router(editing)
    app.include_router(imports)
    app.include_router(explorer)
    app.state.feeds, app.state.charts = feeds, charts
    add_problem_handlers(app)
    add_problem_schema(app, MODELS)
    app.add_middleware(ShortWayMiddleware, routers=reading, gate=may_read)
    app.add_middleware(AdmissionMiddleware)
    metrics = Metrics()
    app.add_middleware(MetricsMiddleware, metrics=metrics)
    app.add_middleware(EncodingMiddleware)
    app.add_middleware(HeadMiddleware)
    app.add_middleware(CorsMiddleware, origins=settings.cors_origins)

    @app.get("/healthz", tags=["service"], operation_id="isAlive")
    async def is_alive(_: Annotated[NoQuery, Query()]) -> dict[str, str]:
        """Return 200 while the process answers."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["service"], operation_id="isReady")
    def is_ready(request: Request, _: Annotated[NoQuery, Query()]) -> Response:
        """Return 200 if the database answers and has the schema this program needs, else 503."""
        try:
            require_current(request.app.state.database)
        except StaleSchemaError as stale:
            return problem(503, str(stale))
        with request.app.state.database.connect() as db:
            body = {"status": "ready", "version": version_of(db)}
        return Response(encode(body), media_type="application/json")

    @app.get("/metrics", include_in_schema=False, dependencies=[Depends(may_read)])
    def tell_metrics(request: Request, _: Annotated[NoQuery, Query()]) -> Response:
        """Return the metrics of this process, the version of the record, and imports by state."""
        with request.app.state.database.connect() as db:
            states = db.execute(
                select(imports_table.c.state, func.count()).group_by(imports_table.c.state)
            )
            by_state = [(f'{{state="{state}"}}', n) for state, n in states]
            version = version_of(db)
        lines = metrics.lines()
        lines += gauge("version", "Number of the last change.", ("", version))
        lines += gauge("imports", "Imports by state.", *by_state)
        return Response("\n".join(lines) + "\n", media_type=MEDIA)

    return app


def _kept_key(database: Database) -> bytes:
    """Load the key that signs cursors; the first process creates it in the database."""
    find = select(house.c.value).where(house.c.name == "cursor_key")
    with database.connect() as db:
        key = db.scalar(find)
    if key is None:
        with database.write() as db:
            key = db.scalar(find)  # another process may have created it meanwhile
            if key is None:
                key = secrets.token_hex(32)
                db.execute(insert(house).values(name="cursor_key", value=key))
    return key.encode()
