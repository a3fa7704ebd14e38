"""Assemble the service: routers, middleware, error handlers and the objects they share."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, FastAPI
from fastapi_offline import FastAPIOffline
from starlette.routing import Route

from app.access.authorize import require_read_access
from app.access.key_uses import KeyUseRecorder
from app.actors.membership_router import router as memberships
from app.actors.reconcile_router import router as reconcile
from app.actors.router import router as actors
from app.actors.suggest_router import router as suggestions
from app.alliances.router import router as alliances
from app.briefs.citation_router import router as citation
from app.briefs.embed_router import router as embeds
from app.briefs.oembed_router import router as oembed
from app.briefs.page_head import build_page_head
from app.briefs.router import router as briefs
from app.charts.answer import answer_with_chart as charts
from app.charts.rendering import start_renderer
from app.db.cursor_key import load_cursor_key
from app.db.dialect.commit_watch import CommitWatch
from app.db.dialect.shared_question import SharedQuestion
from app.db.engine import Database
from app.db.lineage_table import write_version_question
from app.db.reader import Reader
from app.db.schema import require_current_schema
from app.dumps.router import router as dumps
from app.editing.alias_router import router as aliases
from app.editing.router import router as editing
from app.events.names_router import router as names
from app.events.router import router as events
from app.examples import BODY_MODELS
from app.explorer.discovery_router import router as discovery
from app.explorer.help_router import router as help_pages
from app.explorer.reference_router import TAGS
from app.explorer.reference_router import router as reference
from app.explorer.router import router as explorer
from app.feeds.answer import build_feed_response as feeds
from app.feeds.ogc import router as ogc
from app.history.change_notifier import ChangeNotifier
from app.history.router import router as history
from app.history.stream import router as stream
from app.http.admission import Admission
from app.http.allowed_hosts import AllowedHostsMiddleware
from app.http.answer_memory import AnswerMemory
from app.http.api_document import complete_api_document
from app.http.compression import CompressionMiddleware
from app.http.cors import CorsMiddleware
from app.http.first_questions import answer_first_questions
from app.http.head import HeadMiddleware
from app.http.known_routes import KnownRoutes
from app.http.metrics import count_database_use, count_version_wait
from app.http.openapi_document import serve_openapi_once
from app.http.path_ids import EncodedSlashMiddleware
from app.http.problem_handlers import add_problem_handlers
from app.http.query_route import QueryRoute, add_query_documentation
from app.http.question_threads import QuestionThreads
from app.http.rate_limit import RateLimitMiddleware, WrongKeyThrottle
from app.http.recalled_answers import RecalledAnswers
from app.http.request_observer import RequestObserver
from app.http.utf8 import Utf8Middleware
from app.http.version_tokens import VersionArrival, VersionTokenMiddleware
from app.ingest.jobs.router import router as imports
from app.ingest.jobs.supervisor import ImportSupervisor
from app.mcp.endpoint import AssistantEndpoint
from app.operations.database_sample import DatabaseSampler
from app.operations.gauges import ServiceCollector
from app.operations.process_metrics import ProcessMeter
from app.operations.router import router as operations
from app.operations.shared_metrics import shares_metrics
from app.settings import Settings
from app.shifts.materialized.worker import ShiftWorker
from app.shifts.pairs import read_pair_sums, read_partner_sums
from app.shifts.router import router as shifts
from app.similarity.router import router as similarity
from app.sources.router import router as sources
from app.watches.feed_router import router as watch_feeds
from app.watches.router import MAX_TESTS
from app.watches.router import router as watches
from app.watches.worker import WatchWorker

DESCRIPTION = """A sourced record of what states and alliances do to each other: events with the
sources that report them, and memberships with their dates.

Parameters are strict: an unknown one is refused, and the nearest known one is suggested. Every list
can be read to its end by `links.next`. An empty list says why it is empty.

The bundled data is licensed under CC BY 4.0; every dataset names its licence at `/v1/datasets`."""

FIRST_QUESTIONS = (
    "/healthz",
    "/v1/events?limit=1",
    "/v1/events?actor=USA",
    "/v1/facets?actor=USA",
    "/v1/timeline?actor=USA",
)
"""What readers and the explorer ask most, of an actor whom nearly every database has."""


def create_app(settings: Settings, *, in_background: bool = True) -> FastAPI:
    """Create the application, which opens its database at start and refuses a stale schema.

    Without `in_background` it answers, and leaves imports and shifts to services.
    """

    @asynccontextmanager
    async def run_lifespan(app: FastAPI) -> AsyncIterator[dict[str, Admission]]:
        settings: Settings = app.state.settings
        to_thread.current_default_thread_limiter().total_tokens = settings.thread_count
        database = Database(
            settings.database_url,
            settings.connection_count,
            fast_statements=settings.fast_statements,
            query_seconds=settings.query_seconds,
            question_events=settings.question_events,
            read_url=settings.read_url,
        )
        database.count_use = count_database_use
        database.route.count_move = count_version_wait
        unlimited = database.at_writer().without_time_limit()
        refresher = ShiftWorker(unlimited)
        watcher = WatchWorker(unlimited, settings)
        threads: QuestionThreads | None = None
        watch: CommitWatch | None = None
        version: SharedQuestion | None = None
        try:
            require_current_schema(database)
            # Without a reader, whom `get_readers_database` adds, closed datasets are hidden.
            app.state.database = database.for_reader(Reader())
            app.state.writer = app.state.database.at_writer()
            app.state.arrival = VersionArrival(database)
            app.state.key_uses = KeyUseRecorder(database)
            app.state.answers = AnswerMemory(settings.answer_memory_bytes)
            watch = CommitWatch(database.reading_engine)
            asked = write_version_question(database.engine.dialect.name)
            version = None if asked is None else SharedQuestion(database.engine, asked)
            app.state.recalled = RecalledAnswers(watch, version, app.state)
            threads = QuestionThreads(settings.thread_count, settings.quick_threads)
            app.state.threads = threads
            app.state.exports = CapacityLimiter(settings.share_of(settings.exports))
            app.state.wrong_keys = WrongKeyThrottle(settings.wrong_keys)
            app.state.monitors = dict[bytes, float]()
            app.state.sampler = DatabaseSampler(database)
            app.state.collector = ServiceCollector(app.state)
            app.state.meter = meter = ProcessMeter(app.state)
            app.state.cursor_key = settings.cursor_key.encode() or load_cursor_key(database)
            app.state.change_notifier = ChangeNotifier(database)
            app.state.imports = ImportSupervisor(
                unlimited, settings.max_expanded_bytes, settings.upload_folder
            )
            app.state.watcher = watcher
            app.state.watch_tests = asyncio.Semaphore(MAX_TESTS)
            in_background = app.state.in_background
            if in_background:
                app.state.imports.start()
                refresher.start()
                watcher.start()
            measuring = None
            if shares_metrics():
                measuring = asyncio.create_task(meter.measure_for_ever())
            if in_background:
                await answer_first_questions(app, FIRST_QUESTIONS, settings.thread_count)
            admission = Admission(hands_over_together=threads.has_turns)
            admission.start_measuring()
            try:
                yield {"admission": admission}
            finally:
                if measuring is not None:
                    measuring.cancel()
                admission.stop_measuring()
                app.state.change_notifier.stop_listening()
                if in_background:
                    await to_thread.run_sync(app.state.imports.stop)
                await to_thread.run_sync(app.state.key_uses.finish_recording)
        finally:
            if threads is not None:
                await to_thread.run_sync(threads.close)
            if watch is not None:
                watch.close()
            if version is not None:
                await version.stop_asking()
            watcher.close()
            refresher.close()
            database.close()

    app: FastAPI = FastAPIOffline(
        title="Entente",
        version="1",
        description=DESCRIPTION,
        license_info={"name": "MIT", "identifier": "MIT"},
        lifespan=run_lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_tags=TAGS,
        # The service makes its own spans, for the variables that it documents (decision 033).
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.settings = settings
    app.state.in_background = in_background
    app.router.route_class = QueryRoute
    reading = (
        stream, history, events, actors, memberships, alliances, sources, shifts, similarity,
        ogc, reconcile, suggestions, names, briefs, citation, embeds, oembed, dumps,
    )  # fmt: skip
    for router in reading:
        app.include_router(router, dependencies=[Depends(require_read_access)])
    app.include_router(editing)
    app.include_router(aliases)
    app.include_router(imports)
    app.include_router(watches)
    app.include_router(watch_feeds)
    app.include_router(explorer)
    app.include_router(operations)
    app.include_router(help_pages)
    app.include_router(discovery)
    app.include_router(reference)
    app.router.routes.append(Route("/mcp", AssistantEndpoint(), methods=["POST"]))
    app.state.feeds, app.state.charts = feeds, charts
    app.state.page_head, app.state.start_renderer = build_page_head, start_renderer
    app.state.pair_sums, app.state.partner_sums = read_pair_sums, read_partner_sums
    app.router.routes.insert(0, KnownRoutes())
    add_problem_handlers(app)
    add_query_documentation(app)
    complete_api_document(app, BODY_MODELS)
    serve_openapi_once(app)
    app.add_middleware(VersionTokenMiddleware)
    app.add_middleware(Utf8Middleware)
    app.add_middleware(CompressionMiddleware)
    app.add_middleware(HeadMiddleware)
    app.add_middleware(EncodedSlashMiddleware)
    if settings.key_rate or settings.address_rate:
        app.add_middleware(RateLimitMiddleware, settings=settings)
    if settings.allowed_hosts:
        app.add_middleware(AllowedHostsMiddleware, hosts=settings.allowed_hosts)
    app.add_middleware(CorsMiddleware, origins=settings.cors_origins)
    app.add_middleware(RequestObserver)

    return app
