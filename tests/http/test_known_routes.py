"""A path that was answered before is answered without a search, and guarded all the same."""

from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.testclient import TestClient

from app.events.filter import EventQuery
from app.http.known_routes import KnownRoutes
from app.http.query_route import QueryRoute


async def refuse_some(request: Request) -> None:
    if "x-stranger" in request.headers:
        raise HTTPException(403)


@pytest.fixture
def client() -> TestClient:
    router = APIRouter(dependencies=[Depends(refuse_some)], route_class=QueryRoute)

    @router.get("/asked")
    def read_asked(asked: Annotated[EventQuery, Query()], request: Request) -> Response:
        return Response(f"{asked.limit} {request.scope['route'].path}")

    @router.get("/asked/{number}")
    def read_number(
        asked: Annotated[EventQuery, Query()], number: str, request: Request
    ) -> Response:
        return Response(f"{number} {asked.limit} {request.scope['route'].path}")

    app = FastAPI()
    app.include_router(router)
    app.router.routes.insert(0, KnownRoutes())
    return TestClient(app)


@pytest.fixture
def known(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A client whose framework searches for no path any more."""
    assert client.get("/asked?limit=3").text == "3 /asked"
    for number in ("1", "2"):
        assert client.get(f"/asked/{number}?limit=3").text == f"{number} 3 /asked/{{number}}"

    def search(*_: object) -> None:
        raise AssertionError("the framework searches")

    monkeypatch.setattr("fastapi.routing._IncludedRouter.matches", search)
    return client


def test_a_known_path_is_not_searched_for(known: TestClient) -> None:
    assert known.get("/asked?limit=4").text == "4 /asked"
    assert known.get("/asked?limit=5").text == "5 /asked"


def test_guards_and_faults_are_as_before(known: TestClient) -> None:
    assert known.get("/asked", headers={"x-stranger": "1"}).status_code == 403
    assert known.get("/asked?nonsense=1").status_code == 422


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/asked"), ("GET", "/asked/1"), ("GET", "/other")]
)
def test_any_other_request_is_left_to_the_framework(
    known: TestClient, method: str, path: str
) -> None:
    with pytest.raises(AssertionError, match="searches"):
        known.request(method, path)


def test_replaced_dependencies_are_left_to_the_framework(known: TestClient) -> None:
    app = known.app
    assert isinstance(app, FastAPI)
    app.dependency_overrides[refuse_some] = lambda: None
    with pytest.raises(AssertionError, match="searches"):
        known.get("/asked")


def test_pages_of_the_service_are_known(api: TestClient) -> None:
    for address in ("/v1/events?limit=1", "/v1/timeline?actor=ARM", "/v1/facets?by=type"):
        first, again = api.get(address), api.get(address)
        assert again.content == first.content
        assert api.head(address).headers["etag"] == first.headers["etag"]
    assert api.post("/v1/facets").status_code == 405
