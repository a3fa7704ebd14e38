"""HTTP routes for those who run the service: whether it is alive and ready, and its metrics."""

import logging
from typing import Annotated, Literal

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.access.authorize import require_metrics_access
from app.db.engine import Database
from app.db.failures import classify_failure, describe_cause
from app.db.lag import read_reading_state
from app.db.schema import StaleSchemaError, require_current_schema
from app.examples import example_responses
from app.http.dependencies import DatabaseDep, SettingsDep
from app.http.metrics import METRICS_MEDIA_TYPE
from app.http.prefix_router import PrefixRouter
from app.http.problems import COMMON_RESPONSES, render_problem
from app.http.query_route import QueryRoute
from app.json_encoding import encode_json
from app.operations.gauges import ServiceCollector
from app.operations.limits import Limits, describe_limits
from app.query_models import EmptyQuery

log = logging.getLogger("entente.operations")
router = PrefixRouter(route_class=QueryRoute)
_PROBES = CapacityLimiter(2)
"""Threads for `/readyz`, which must not wait for those of other requests."""


@router.get("/healthz", tags=["service"], operation_id="isAlive")
async def is_alive(_: Annotated[EmptyQuery, Query()]) -> dict[str, str]:
    """Return 200 while the process answers."""
    return {"status": "ok"}


class Readiness(BaseModel):
    """That the service can answer, and from which state of the database."""

    status: Literal["ready"] = Field(description="`ready`; what is not is a problem with 503.")
    version: int = Field(description="`seq` of the last change that it can read.")
    role: Literal["primary", "standby"] = Field(
        description="Whether the database that it reads is written to or follows another one."
    )
    lag_versions: int | None = Field(
        None, description="Of a standby: changes that it is behind; null where that is unknown."
    )
    lag_seconds: float | None = Field(
        None, description="Of a standby: seconds that it is behind; null where that is unknown."
    )


@router.get("/readyz", tags=["service"], operation_id="isReady", response_model=Readiness)
async def is_ready(
    database: DatabaseDep, settings: SettingsDep, _: Annotated[EmptyQuery, Query()]
) -> Response:
    """Return 200 if the database answers, has this program's schema and is sound, else 503.

    Reading from a standby, it is ready while that is not too far behind.
    """
    return await to_thread.run_sync(_respond_readiness, database, settings.max_lag, limiter=_PROBES)


def _respond_readiness(database: Database, max_lag: float) -> Response:
    try:
        require_current_schema(database)
        state = read_reading_state(database)
    except StaleSchemaError as stale:
        return render_problem(503, str(stale), slug="stale-schema")
    except (DBAPIError, PoolTimeoutError) as failed:
        reason = describe_cause(failed)
        log.error("not ready: %s", reason)
        return render_problem(
            503, f"Not ready: {reason}.", slug=classify_failure(failed) or "unavailable"
        )
    if (lasting := database.health.find_lasting_failure()) is not None:
        kind, reason = lasting
        return render_problem(503, f"Not ready: {reason}.", slug=kind)
    if max_lag and state.lag_seconds is not None and state.lag_seconds > max_lag:
        late = f"the standby has been behind for {state.lag_seconds:.0f} s"
        return render_problem(503, f"Not ready: {late}; {max_lag:g} s are allowed.", slug="behind")
    body: dict[str, object] = {
        "status": "ready", "version": state.version, "role": state.role
    }  # fmt: skip
    if state.role == "standby":
        seconds = None if state.lag_seconds is None else round(state.lag_seconds, 3)
        body |= {"lag_versions": state.lag_versions, "lag_seconds": seconds}
    return Response(encode_json(body), media_type="application/json")


@router.get("/metrics", include_in_schema=False, dependencies=[Depends(require_metrics_access)])
async def report_metrics(request: Request, _: Annotated[EmptyQuery, Query()]) -> Response:
    """Return the metrics of this process, also while the database is away."""
    collector: ServiceCollector = request.app.state.collector
    return Response(await collector.render_metrics(), media_type=METRICS_MEDIA_TYPE)


@router.get(
    "/v1/limits",
    tags=["service"],
    operation_id="getLimits",
    response_model=Limits,
    responses=COMMON_RESPONSES | example_responses("getLimits"),
)
async def get_limits(settings: SettingsDep, _: Annotated[EmptyQuery, Query()]) -> Response:
    """Return the limits of this service: on requests, answers, imports and rates."""
    return Response(encode_json(describe_limits(settings)), media_type="application/json")
