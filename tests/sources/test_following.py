"""Coverage says how current a dataset is that is pulled from its source."""

from fastapi.testclient import TestClient
from serving import open_client

from app.db.engine import Database
from app.pull import ledger
from app.pull.items import PullItem, SourceState
from app.pull.sources import SOURCES, SourceOptions, make_source
from app.settings import Settings
from app.sources.following import DATASET_OF_SOURCE

NOW = "2026-01-02T00:35:00Z"


def read_coverage(api: TestClient, query: str = "") -> dict[str, object]:
    found = api.get(f"/v1/coverage{query}").raise_for_status().json()["data"]
    return {one["dataset"]: one["followed"] for one in found}


def test_each_source_has_its_dataset() -> None:
    settings = Settings(acled_user="x", acled_password="x")
    made = {name: make_source(name, settings, SourceOptions()) for name in SOURCES}
    assert {name: one.dataset.code for name, one in made.items()} == dict(DATASET_OF_SOURCE)


def test_coverage_says_how_current_a_dataset_is(database: Database) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url) as api:
        before = api.get("/v1/coverage")
        assert set(read_coverage(api).values()) == {None}
        with database.write() as db:
            state = SourceState("entente-curated", NOW, newest="2026-01-02T00:30")
            state.last_round = state.last_success = NOW
            ledger.write_source(db, state)
            states = ("loaded", "empty", "late", "failed", "missing", "refused", "listed")
            items = [PullItem("x", s, "https://a.example", NOW[:16], state=s) for s in states]
            ledger.write_items(db, "entente-curated", items)
        assert read_coverage(api)["curated"] == {
            "source": "entente-curated", "newest": "2026-01-02T00:30", "asked_at": NOW,
            "current_at": NOW, "waiting": 3, "missing": 2,
        }  # fmt: skip
        assert set(read_coverage(api, "?as_of=1").values()) <= {None}
        # It is no change of the record, so that the version is the same and the tag is not.
        again = api.get("/v1/coverage", headers={"If-None-Match": before.headers["ETag"]})
        assert again.status_code == 200
