"""What an operator sees: metrics, dashboard and alerts, also while the database is away."""

import json
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from serving import open_client
from sqlalchemy.exc import OperationalError

from app.access.keys import create_key
from app.db.engine import Database
from app.operations import database_sample

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = json.loads((ROOT / "deploy/grafana-dashboard.json").read_text("utf-8"))
RULES = yaml.safe_load((ROOT / "deploy/alerts.yaml").read_text("utf-8"))["groups"][0]["rules"]
DASHBOARD_QUERIES = [t["expr"] for panel in DASHBOARD["panels"] for t in panel["targets"]]
NAME = re.compile(r"\b(?:entente|process|python)_[a-z_]+")


def read_names(text: str) -> set[str]:
    """The names of all metrics that a scrape declares, and of their series."""
    found: set[str] = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        more = ("_bucket", "_count", "_sum") if kind == "histogram" else ("",)
        found |= {name + suffix for suffix in more}
    return found


@pytest.mark.by_turns
def test_every_metric_of_dashboard_and_alerts_is_served(api: TestClient) -> None:
    served = read_names(api.get("/metrics").text)
    asked = {n for query in DASHBOARD_QUERIES for n in NAME.findall(query)}
    alerted = {n for rule in RULES for n in NAME.findall(rule["expr"])}
    assert len(asked) >= 20
    assert len(alerted) >= 7
    assert asked | alerted <= served
    assert [rule["alert"] for rule in RULES if "summary" not in rule["annotations"]] == []


def test_every_alert_and_metric_is_documented() -> None:
    page = (ROOT / "docs/operations.md").read_text("utf-8")
    assert [rule["alert"] for rule in RULES if rule["alert"] not in page] == []
    named = {n for query in DASHBOARD_QUERIES for n in NAME.findall(query)}
    short = {re.sub("_(bucket|sum|count)$", "", n) for n in named if n.startswith("entente")}
    assert {n for n in short if n not in page} == set()


def test_metrics_answer_while_the_database_is_away(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.write() as db:
        key = create_key(db, "monitor", "read")
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url, show_faults=False, open_reading=False) as api:
        sent = {"Authorization": f"Bearer {key}"}
        assert "entente_database_up 1.0" in api.get("/metrics", headers=sent).text
        served: Database = api.app.state.database  # type: ignore[attr-defined]

        def fail(*_: Any, **__: Any) -> None:
            raise OperationalError("", {}, ConnectionError("no server"))

        answers = threading.Event()

        def wait(*_: Any, **__: Any) -> None:
            answers.wait(30)
            fail()

        for away in (fail, wait):
            monkeypatch.setattr(served.route.writer._reader, "connect", away)
            begun = time.monotonic()
            answer = api.get("/metrics", headers=sent)
            assert answer.status_code == 200
            assert time.monotonic() - begun < 10
            assert "entente_database_up 0.0" in answer.text
            assert "entente_version" in answer.text  # the last known
            if away is wait:
                answers.set()
            unknown = api.get("/metrics", headers={"Authorization": f"Bearer {key[:-1]}_"})
            assert unknown.status_code == 503 or unknown.status_code == 500
        monkeypatch.undo()
        again = api.get("/metrics", headers=sent)
        deadline = time.monotonic() + 10
        while "entente_database_up 1.0" not in again.text and time.monotonic() < deadline:
            again = api.get("/metrics", headers=sent)
        assert "entente_database_up 1.0" in again.text


def test_a_sample_counts_imports_and_freshness(database: Database) -> None:
    sample = database_sample.read_sample(database)
    assert sample.version > 0
    assert abs(sample.changed - time.time()) < 86_400
    assert sample.imports == {}
    assert sample.oldest_waiting == 0
