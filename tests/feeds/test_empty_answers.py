"""Answers without events, as of a day, an instant or a version, wherever events are asked for."""

from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from app import cli
from app.events.output_formats import OUTPUT_FORMATS

NOTHING = "since=2090"
WAYS = [
    *(f"/v1/events?format={form}&{NOTHING}" for form in OUTPUT_FORMATS),
    f"/v1/events?format=csv&{NOTHING}&limit=5",
    f"/v1/events?count=exact&{NOTHING}",
    f"/v1/events?count=estimate&{NOTHING}",
    f"/v1/timeline?granularity=year&until=2091&{NOTHING}",
    f"/v1/timeline?format=csv&until=2091&{NOTHING}",
    f"/v1/facets?by=type,actor,country,role&{NOTHING}",
    f"/ogc/collections/events/items?{NOTHING}",
    f"/v1/alignment?actor=ARM&toward=RUS&{NOTHING}",
    f"/v1/shifts?actor=ARM&{NOTHING}",
]


@pytest.fixture(params=["day", "instant", "version"])
def as_of(request: pytest.FixtureRequest, api: TestClient) -> str:
    now = datetime.now(UTC)
    version = api.get("/v1/events?limit=1").json()["meta"]["version"]
    return {
        "day": now.date().isoformat(),
        "instant": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "version": str(version),
    }[str(request.param)]


@pytest.mark.by_turns
@pytest.mark.parametrize("way", WAYS)
def test_http_answers_with_nothing(api: TestClient, way: str, as_of: str) -> None:
    answer = api.get(f"{way}&as_of={as_of}")
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("form", ["json", "ndjson", "csv"])
def test_http_says_why_nothing_matched(api: TestClient, form: str, as_of: str) -> None:
    answer = api.get(f"/v1/events?format={form}&{NOTHING}&as_of={as_of}")
    reason = answer.json()["meta"]["reason"] if form == "json" else answer.headers["Entente-Reason"]
    assert reason == "not_yet_covered"


@pytest.mark.by_turns
def test_export_command_writes_nothing(
    api: TestClient, as_of: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = api.app.state.database.engine.url  # type: ignore[attr-defined]
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url.render_as_string(hide_password=False))
    for form in OUTPUT_FORMATS:
        words = ["export", "--format", form, "--since", "2090", "--as-of", as_of]
        result = CliRunner().invoke(cli.main, words)
        assert result.exit_code == 0, (form, result.stderr, result.exception)
