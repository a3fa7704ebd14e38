"""Query models are read at once, and documented, guarded and refused as the framework does."""

import json
from typing import Annotated, Literal

import pytest
from examples import FILE
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient
from pydantic import AfterValidator, Field

from app.events.filter import EventQuery
from app.events.router import router as events
from app.http.query_route import (
    MAX_REMEMBERED,
    QueryReader,
    QueryRoute,
    add_query_documentation,
)
from app.query_models import StrictQuery

OPEN_PATHS = {"/healthz", "/readyz", "/v1/limits"}
"""Paths that are read without a key: by monitoring, and by those who are refused."""


class SampleQuery(StrictQuery):
    """Parameters of every kind that routes have."""

    name: list[str] = Field([], max_length=3, description="Names.")
    code: list[Literal[1, 2]] | None = None
    limit: int = Field(50, ge=1, le=100, examples=[50])
    share: float | None = None
    exact: bool = False
    until: str = Field(alias="to")


def make_app(route_class: type[APIRoute], model: type[StrictQuery] = SampleQuery) -> FastAPI:
    app = FastAPI()
    app.router.route_class = route_class

    @app.get("/items/{item}")
    def echo(item: str, asked: Annotated[model, Query()], request: Request) -> dict[str, object]:  # type: ignore[valid-type]
        """Echo what was read."""
        return {"item": item, "path": request.url.path, "asked": asked.model_dump()}

    @app.exception_handler(RequestValidationError)
    def list_faults(_: Request, error: RequestValidationError) -> Response:
        faults = [[*fault["loc"], fault["msg"]] for fault in error.errors()]
        return Response(json.dumps(faults), 422)

    if route_class is QueryRoute:
        add_query_documentation(app)
    return app


def deny() -> None:
    raise HTTPException(403)


def test_openapi_is_the_framework_s_own() -> None:
    assert make_app(QueryRoute).openapi() == make_app(APIRoute).openapi()


@pytest.mark.parametrize(
    "query",
    [
        "to=2024",
        "to=&name=a",
        "to=2024&name=b&name=a&code=2&limit=7&share=-1.5&exact=true",
        "",
        "to=2024&limit=0&share=x&exact=perhaps",
        "to=2024&code=1&code=3",
        "to=2024&name=a&name=b&name=c&name=d",
        "to=2024&until=2024",
        "to=2024&unknown=1&unknown=2",
    ],
)
def test_query_is_read_as_the_framework_reads_it(query: str) -> None:
    ours, framework = (
        TestClient(make_app(kind)).get(f"/items/x?{query}") for kind in (QueryRoute, APIRoute)
    )
    assert (ours.status_code, ours.json()) == (framework.status_code, framework.json())


def test_documented_queries_are_read_as_the_framework_reads_them() -> None:
    examples = json.loads(FILE.read_text(encoding="utf-8")).values()
    asked = [one["get"] for one in examples if one.get("get", "").startswith("/v1/events?")]
    assert asked
    apps = [TestClient(make_app(kind, EventQuery)) for kind in (QueryRoute, APIRoute)]
    for address in asked:
        ours, framework = (app.get(address.replace("/v1/events", "/items/x")) for app in apps)
        assert ours.json() == framework.json(), address
        assert ours.status_code == 200


def test_dependency_of_a_route_that_refuses_is_403() -> None:
    app = FastAPI()
    app.router.route_class = QueryRoute

    @app.get("/v1/own", dependencies=[Depends(deny)])
    def read_own(_: Annotated[EventQuery, Query()]) -> Response:
        return Response()

    assert TestClient(app).get("/v1/own?actor=ARM").status_code == 403


@pytest.mark.parametrize("query", ["", "?actor=ARM", "?zzz=1", "?limit=1&limit=2"])
def test_dependency_of_a_router_that_refuses_is_403(query: str) -> None:
    app, outer = FastAPI(), APIRouter(dependencies=[Depends(deny)])
    outer.include_router(events)
    app.include_router(outer)
    assert TestClient(app).get(f"/v1/events{query}").status_code == 403
    included = FastAPI()
    included.include_router(events, dependencies=[Depends(deny)])
    assert TestClient(included).get(f"/v1/events{query}").status_code == 403


def test_every_query_model_of_the_service_is_read_at_once(api: TestClient) -> None:
    contexts = [c for c in iter_route_contexts(api.app.routes) if hasattr(c, "dependant")]  # type: ignore[attr-defined]
    readers = [getattr(c.endpoint, "query_readers", {}).values() for c in contexts]
    owners = [read.__self__ for of_route in readers for read in of_route]
    read = [owner.model for owner in owners if isinstance(owner, QueryReader)]
    assert len(read) > 50
    assert all(issubclass(model, StrictQuery) for model in read)
    assert not [c.path for c in contexts if c.dependant.query_params]


def test_every_route_needs_a_key_where_reading_is_closed(api: TestClient) -> None:
    state = api.app.state  # type: ignore[attr-defined]
    settings = state.settings
    operations = api.get("/openapi.json").json()["paths"]
    state.settings = settings.model_copy(update={"open_reading": False})
    try:
        for path, methods in operations.items():
            for method in methods:
                answer = api.request(method, path.replace("{", "").replace("}", ""))
                assert answer.status_code == (200 if path in OPEN_PATHS else 401), (method, path)
    finally:
        state.settings = settings


def test_a_query_that_is_asked_again_is_read_once_and_a_faulty_one_each_time() -> None:
    read: list[str] = []

    class CountedQuery(StrictQuery):
        code: Annotated[str, AfterValidator(lambda text: read.append(text) or text)]
        limit: int = 1

    with TestClient(make_app(QueryRoute, CountedQuery)) as api:
        for query in ("code=a", "code=b", "code=a", "code=a&limit=x", "code=a&limit=x"):
            status = 422 if "x" in query else 200
            assert api.get(f"/items/1?{query}").status_code == status
        assert read == ["a", "b", "a", "a"]
        for n in range(MAX_REMEMBERED):
            api.get(f"/items/1?code={n}")
        assert api.get("/items/1?code=a").json()["asked"]["code"] == "a"
    assert read[-1] == "a"  # those asked first were forgotten
