"""Plain routes are answered without the framework's solving, and guarded as by it."""

from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.testclient import TestClient

from app.events.filter import EventQuery
from app.http.query_route import QueryRoute

pytestmark = pytest.mark.by_turns


@pytest.fixture
def unsolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """The framework may solve no dependency."""

    async def refuse(**_: object) -> None:
        raise AssertionError("the framework solves dependencies")

    monkeypatch.setattr("fastapi.routing.solve_dependencies", refuse)


async def note_order(request: Request) -> None:
    request.scope["state"] = {"order": ["router"]}


async def refuse_all(request: Request) -> None:
    assert request.scope["state"]["order"] == ["router"]
    raise HTTPException(403)


def refuse_in_thread() -> None:
    raise HTTPException(403)


def make_client(*guards: object) -> TestClient:
    router = APIRouter(dependencies=[Depends(note_order)], route_class=QueryRoute)

    @router.get("/asked", dependencies=[Depends(guard) for guard in guards])  # type: ignore[arg-type]
    def read_asked(asked: Annotated[EventQuery, Query()], request: Request) -> Response:
        return Response(f"{asked.limit} {request.scope['state']['order']}")

    app = FastAPI()
    app.include_router(router)
    return TestClient(app)


@pytest.mark.usefixtures("unsolved")
def test_the_framework_solves_nothing_for_a_plain_route() -> None:
    assert make_client().get("/asked?limit=3").text == "3 ['router']"


@pytest.mark.usefixtures("unsolved")
def test_guards_of_a_plain_route_run_in_their_order() -> None:
    assert make_client(refuse_all).get("/asked").status_code == 403


def test_a_guard_that_is_no_coroutine_is_left_to_the_framework() -> None:
    assert make_client(refuse_in_thread).get("/asked").status_code == 403


async def name_caller(request: Request) -> str:
    return f"{request.url.path} by anyone"


def test_what_a_dependency_returns_reaches_the_endpoint() -> None:
    router = APIRouter(route_class=QueryRoute)

    @router.get("/named")
    async def read_named(request: Request, who: Annotated[str, Depends(name_caller)]) -> Response:
        return Response(f"{request.method} {who}")

    app = FastAPI()
    app.include_router(router)
    assert TestClient(app).get("/named").text == "GET /named by anyone"


def test_a_guard_is_replaced_as_the_framework_replaces_it() -> None:
    client = make_client(refuse_all)
    app = client.app
    assert isinstance(app, FastAPI)
    app.dependency_overrides[refuse_all] = lambda: None
    assert client.get("/asked?limit=3").status_code == 200
    app.dependency_overrides.clear()
    assert client.get("/asked").status_code == 403


@pytest.mark.usefixtures("unsolved")
def test_the_pages_of_the_service_are_plain(api: TestClient) -> None:
    for address in ("/v1/events?limit=1", "/v1/timeline?actor=ARM", "/v1/facets?by=type"):
        assert api.get(address).status_code == 200
