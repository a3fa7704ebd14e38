"""Scores of the detection: anybody can measure them, and all places show the same."""

import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.shifts.scores import load_scores
from bench.shifts_scores import BEGIN, END, render_scores

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_scores_can_be_measured_in_a_minute() -> None:
    command = [sys.executable, "-m", "bench.shifts", "--quick"]
    told = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=170, check=True
    )
    assert "p ≤ 0.05 without a change, 240 months" in told.stdout
    assert "| with waves |" in told.stdout


def test_page_and_service_have_the_scores_of_the_file(api: TestClient) -> None:
    scores = load_scores().model_dump()
    page = (ROOT / "docs" / "shifts.md").read_text(encoding="utf-8")
    between = page[page.index(BEGIN) + len(BEGIN) : page.index(END)].strip()
    assert between == render_scores(scores)
    answer = api.get("/v1/shifts/calibration")
    assert answer.status_code == 200
    body = answer.json()
    assert body["data"] == scores
    assert body["in_use"]["prior_share"] == 0.5
    assert set(body["in_use"]["null"]) == {"constant", "llr", "length", "light", "heavy"}


def test_the_scores_are_as_good_as_the_page_says() -> None:
    scores = load_scores()
    sizes = [row.any for row in scores.size]
    assert 0.04 <= sum(sizes) / len(sizes) <= 0.06
    for row in scores.size:  # a cell is within 0.01 of 0.05, and two standard errors
        assert abs(row.any - 0.05) <= 0.01 + 2 * (0.05 * 0.95 / row.series) ** 0.5
    most = {0.10: 0.11, 0.03: 0.13}
    assert all(row.false <= most[row.changed] for row in scores.discoveries)
    contained = [row.contains for row in scores.onset_set]
    assert min(contained) >= 0.9
    covered = [share for row in scores.levels for share in (row.before, row.after)]
    assert 0.90 <= sum(covered) / len(covered) <= 0.95
    assert min(covered) >= 0.90 - 0.025
    steady = [row.contains for row in scores.steady_levels]
    assert 0.90 <= sum(steady) / len(steady) <= 0.95
    spread = 2 * (0.95 * 0.05 / scores.draws) ** 0.5  # a cell is as far off by chance
    assert all(0.90 - spread <= one <= 0.95 + spread for one in steady)
    alone, waves = scores.waves
    assert waves.within_6 > alone.within_6
    assert waves.within_2 > alone.within_2
