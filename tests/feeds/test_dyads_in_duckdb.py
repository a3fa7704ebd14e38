"""The recipe of docs/scaling.md: dyads by month from exported Parquet, as the record has them."""

import re
from itertools import combinations
from pathlib import Path

import duckdb
import pytest
from fastapi.testclient import TestClient

PAGE = (Path(__file__).resolve().parents[2] / "docs/scaling.md").read_text("utf-8")
QUESTION = "dataset=curated&since=2020"


@pytest.mark.by_turns
def test_dyads_by_month_are_those_of_the_events(
    api: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "events").mkdir()
    file = api.get(f"/v1/events?{QUESTION}&format=parquet").content
    (tmp_path / "events" / "2020.parquet").write_bytes(file)
    monkeypatch.chdir(tmp_path)
    flatten, add_up, ask = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    with duckdb.connect() as db:
        db.execute(flatten)
        db.execute(add_up)
        rows = db.execute(ask).fetchall()
    found = {(one, other, month.strftime("%Y-%m")): int(n) for one, other, month, n, _ in rows}
    expected: dict[tuple[str, str, str], int] = {}
    page = api.get(f"/v1/events?{QUESTION}&limit=1000").json()
    while True:
        for event in page["data"]:
            actors = sorted({p["actor"] for p in event["participants"] if p["actor"]})
            for one, other in combinations(actors, 2):
                key = (one, other, event["start"][:7])
                expected[key] = expected.get(key, 0) + 1
        if not page["links"]["next"]:
            break
        page = api.get(page["links"]["next"]).json()
    assert found == expected
    assert len(found) > 100
