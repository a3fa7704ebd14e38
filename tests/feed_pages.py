"""Reads lists of events in their output formats."""

from typing import Any

from fastapi.testclient import TestClient

AUTUMN = "actor=ARM&since=2023-09&until=2023-10"


def read_all_events(api: TestClient, query: str) -> list[dict[str, Any]]:
    """Read the events of a query, page after page of JSON."""
    found: list[dict[str, Any]] = []
    url = f"/v1/events?{query}&limit=1000"
    while url:
        body = api.get(url).raise_for_status().json()
        found += body["data"]
        url = body["links"].get("next")
    return found


def read_list(api: TestClient, form: str, query: str = AUTUMN) -> Any:
    """Read the events of a query in one output format."""
    return api.get(f"/v1/events?{query}&format={form}").raise_for_status()
