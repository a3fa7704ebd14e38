"""Daily nets with known changes: loaded as files and asked over HTTP, as on their days alone."""

from pathlib import Path

import numpy as np
import pytest
from ingest.loading import load_file
from serving import open_client
from soak import choose_size

from app.db.engine import Database
from app.shifts.materialized.rebuild import rebuild_stale_dyads
from bench import daily_nets


@pytest.mark.slow
@pytest.mark.soak
def test_answers_about_a_loaded_net_differ_from_the_statistics(
    database: Database, tmp_path: Path
) -> None:
    net = daily_nets.draw_states(np.random.default_rng(7), choose_size(8, 36))
    path = tmp_path / "nets.csv.gz"
    daily_nets.write_net(path, net)
    loader, rejects = load_file(database, path, format="counts")
    assert rejects == []
    assert loader.stats.unresolved_parties == 0
    rebuild_stale_dyads(database)
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url, alignment_datasets=("counts",)) as api:
        rows = daily_nets.ask_dyads(api, net)
        ranked = api.get("/v1/shifts", params={"limit": 1000, "max_q": 1}).json()["data"]
    last = max(str(dyad.series.days.day[-1]) for dyad in net)
    assert daily_nets.list_differences(rows, daily_nets.find_directly(net, last)) == []
    listed = {(r["actor"], r["toward"][0], r["onset"], r["p"], r["magnitude"]) for r in ranked}
    assert {
        (*pair, r["onset"], r["p"], r["magnitude"]) for pair in rows for r in rows[pair]
    } <= listed
