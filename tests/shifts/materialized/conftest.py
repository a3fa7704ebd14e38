"""Tests of materialized shifts write the events that they need."""

import pytest


@pytest.fixture
def content(request: pytest.FixtureRequest) -> str:
    """The bundled actors; with the events where a test is marked `bundled`."""
    return "actors" if request.node.get_closest_marker("bundled") is None else "bundled"
