"""From days to shifts: the curated ledger's published findings, and the words for them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from shared_data import read_shared_rows

from app.shifts import families
from app.shifts.statistics import attribution, detection, null_distribution, permutation
from app.shifts.statistics.attribution import SignalPart
from app.shifts.statistics.detection import ShiftFinding
from app.shifts.statistics.levels import measure_level, measure_levels
from app.shifts.statistics.scan_rows import select_days
from app.shifts.statistics.sums import ONE_DAY, ONE_MONTH, DaySeries, gather_days
from app.shifts.statistics.verdicts import (
    CarrierShare,
    FindingChecks,
    GroupPart,
    change_persists,
    complete_findings,
    decide_verdict,
    drop_influential_months,
    list_carriers,
)
from bench.shifts_scores import contains_onset, is_right
from bench.shifts_series import draw_changed

WEST = {"USA", "EU", "FRA"}


def read_ledger(until: str, tilt: bool) -> DaySeries:
    """Armenia and Russia, or Armenia between the West and Russia."""
    found = []
    for r in read_shared_rows("shifts/curated_ledger.csv"):
        pair, score = {r["actor"], r["toward"]}, float(r["goldstein_like_weight"])
        side = (-1 if tilt else 1) if pair == {"ARM", "RUS"} else int(tilt and r["toward"] in WEST)
        if r["date"] <= until and side and "ARM" in pair:
            mass = round(abs(score) * 100)
            good = score * side > 0
            found.append((r["date"], 1, mass * good, mass * (not good), 0, 0, 0, 0))
    return gather_days(found)


@pytest.mark.parametrize(
    ("until", "tilt", "llr", "p", "onset", "before", "after"),
    [
        ("2022-12-31", False, 2.6, 0.05, "2022-09-14", 0.72, -0.31),
        ("2022-12-31", True, 4.5, 0.015, "2022-09-14", -0.72, 0.51),
    ],
)
def test_the_ledger_of_armenia(
    until: str, tilt: bool, llr: float, p: float, onset: str, before: float, after: float
) -> None:
    [found] = detection.find_shifts(read_ledger(until, tilt), until)
    assert (found.method, found.onset) == ("event_days", onset)
    assert found.before is not None
    assert found.after is not None
    assert found.llr == pytest.approx(llr, abs=0.06)
    assert found.p <= p
    assert found.before.index == pytest.approx(before, abs=0.006)
    assert found.after.index == pytest.approx(after, abs=0.006)


@pytest.mark.parametrize(("tilt", "sign"), [(False, -1), (True, 1)])
def test_with_thirty_event_days_the_ledger_is_scanned_by_month(tilt: bool, sign: int) -> None:
    """Its onset set contains the day that the scan of event-days finds, 14 September 2022."""
    [found] = detection.find_shifts(read_ledger("2023-10-31", tilt), "2023-10-31")
    assert found.method == "mass_6"
    assert found.p <= 0.002
    assert any(first <= "2022-09-14" <= last for first, last in found.onset_set)
    assert found.before is not None
    assert found.after is not None
    assert (found.before.index * sign, found.after.index * sign) == (
        pytest.approx(-0.68, abs=0.05), pytest.approx(0.73, abs=0.03),
    )  # fmt: skip


def make_moody_days(seed: int, months: int, a_month: int) -> DaySeries:
    """Make a dense series in which quarters have shares of their own and nothing changes."""
    dice = np.random.default_rng(seed)
    rows = []
    for quarter in range(months // 3):
        shares = dice.dirichlet([2.2, 1.0, 1.5, 1.3])
        for month in range(3 * quarter, 3 * quarter + 3):
            first = (np.datetime64("2010-01") + month * ONE_MONTH).astype("datetime64[D]")
            for quad in dice.choice(4, int(dice.poisson(a_month)), p=shares).tolist():
                classes = [1000 * (k == quad) for k in range(4)]
                mass = (400, 0) if quad < 2 else (0, 400)
                rows.append((str(first + int(dice.integers(28)) * ONE_DAY), 1, *mass, *classes))
    return gather_days(rows)  # type: ignore[arg-type]


@pytest.mark.slow
def test_dense_series_without_a_change_have_no_more_shifts_than_p_says() -> None:
    """Event-days, and stretches of a partition tested one by one, gave 0.3 of them a p of 0.05."""
    found = [detection.find_shifts(make_moody_days(n, 96, 12), "2018-01-01") for n in range(120)]
    assert {f.method for some in found for f in some} == {"quad_6"}
    share = np.mean([any(f.p <= 0.05 for f in some) for some in found])
    assert share <= 0.05 + 2 * (0.05 * 0.95 / 120) ** 0.5


def make_steady_rows(
    seed: int, months: int, share: float, first: str = "2010-01"
) -> list[tuple[int, ...]]:
    dice = np.random.default_rng(seed)
    found = []
    for month in range(months):
        for day in (3, 12, 21):
            good = dice.random() < share
            begins = (np.datetime64(first, "M") + month * ONE_MONTH).astype("datetime64[D]")
            when = begins + day * ONE_DAY
            mass = (400, 0) if good else (0, 400)
            found.append((str(when), 1, *mass, 1000 * good, 0, 1000 * (not good), 0))
    return found  # type: ignore[return-value]


def test_a_clear_change_is_found_by_months_with_its_place() -> None:
    daily = gather_days([*make_steady_rows(1, 48, 0.9), *make_steady_rows(2, 48, 0.1, "2014-01")])  # type: ignore[list-item]
    [found] = detection.find_shifts(daily, "2018-12-31")
    assert found.method == "quad_6"
    assert found.onset == "2014-01"
    assert found.onset_set[0][0] <= "2014-01-31"
    assert found.p < 1e-4
    assert found.change < -1
    assert change_persists(found, drop_influential_months(found, daily))
    assert decide_verdict(found, found.p, make_checks()) == "strong"


def test_change_and_reversal_are_two_shifts() -> None:
    daily = gather_days(
        [
            *make_steady_rows(1, 40, 0.9),
            *make_steady_rows(2, 40, 0.1, "2013-05"),
            *make_steady_rows(3, 40, 0.9, "2016-09"),
        ]  # type: ignore[list-item]
    )
    found = detection.find_shifts(daily, "2020-12-31")
    assert [f.onset for f in found] == ["2013-05", "2016-09"]
    assert [f.change < 0 for f in found] == [True, False]


@pytest.mark.parametrize(("any_p", "count"), [(0.004, 2), (0.02, 1)])
def test_several_changes_are_no_more_certain_than_any_change_at_all(
    any_p: float, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ends of a stretch are chosen: two tests of one quiet series had a p below 0.003."""
    halves = [*make_steady_rows(1, 40, 0.9), *make_steady_rows(2, 40, 0.1, "2013-05")]
    daily = gather_days([*halves, *make_steady_rows(3, 40, 0.9, "2016-09")])  # type: ignore[list-item]
    monkeypatch.setattr(permutation, "stretch_permutation_p", lambda *_: any_p)
    found = detection.find_shifts(daily, "2020-12-31")
    assert len(found) == count
    assert all(f.p >= (any_p if count > 1 else 0) for f in found)


def test_a_change_of_the_last_months_is_provisional() -> None:
    daily = gather_days([*make_steady_rows(1, 60, 0.95), *make_steady_rows(2, 5, 0.0, "2015-01")])  # type: ignore[list-item]
    found = detection.find_shifts(daily, "2015-05-31")[-1]
    assert found.onset in ("2014-12", "2015-01")
    assert found.provisional
    assert not detection.find_shifts(daily, "2016-01-31")[-1].provisional


def test_where_nothing_changes_there_is_no_evidence() -> None:
    daily = gather_days(make_steady_rows(5, 96, 0.6))  # type: ignore[arg-type]
    [found] = detection.find_shifts(daily, "2018-01-01")
    assert found.p > 0.2
    [completed] = complete_findings([found], daily)
    assert decide_verdict(completed, found.p, None) == "steady"
    assert completed.after is not None
    assert completed.after.low < 0.2 < completed.after.high
    assert decide_verdict(replace(completed, watched=True), found.p, None) == "watch"
    assert decide_verdict(found, found.p, None) == "no_evidence"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_with_little_data_nothing_is_claimed(count: int) -> None:
    daily = gather_days(make_steady_rows(4, 96, 0.6)[:count])  # type: ignore[arg-type]
    [found] = complete_findings(detection.find_shifts(daily, "2018-01-01"), daily)
    assert not found.enough
    assert decide_verdict(found, 0.0, make_checks()) == "insufficient_data"


def make_checks(**changed: Any) -> FindingChecks:
    return FindingChecks(**{
        "failed": (), "single_publisher": None, "within_publishers": 1.0, "stated_share": 0.0,
        "without_stated": None, "left_without_stated": None, "carried_by": (),
        "without_carrier": None, **changed,
    })  # fmt: skip


def make_finding(p: float, change: float, **changed: Any) -> ShiftFinding:
    before, after = measure_levels([np.array([[9.0, 9.0]]), np.array([[9.0, 9.0]])])
    after = replace(after, index=before.index + change)
    fields: dict[str, Any] = {
        "method": "quad_6", "onset": "2020-01", "onset_set": (("2020-01-01", "2020-01-31"),),
        "span": ("2015-01-01", "2020-01-01", "2024-12-31"), "before": before, "after": after,
        "llr": 9.0, "p": p, "enough": True, "provisional": False,
    }  # fmt: skip
    return ShiftFinding(**fields | changed)


UNROBUST: dict[str, Any] = {"failed": ("months",)}


@pytest.mark.parametrize(
    ("finding", "q", "checks", "verdict"),
    [
        (make_finding(0.001, -0.7, datable=False), 0.001, make_checks(), "insufficient_data"),
        (make_finding(0.001, -0.7), 0.01, make_checks(), "strong"),
        (make_finding(0.001, -0.7), 0.02, make_checks(), "shift"),
        (make_finding(0.001, -0.4), 0.01, make_checks(), "shift"),
        (make_finding(0.001, -0.2), 0.01, make_checks(), "weak"),
        (make_finding(0.001, -0.7), 0.01, make_checks(**UNROBUST), "weak"),
        (make_finding(0.001, -0.7), 0.06, make_checks(), "no_evidence"),
        (make_finding(0.300, -0.7, watched=True), 0.3, None, "watch"),
        (make_finding(0.300, 0.0, span=None, before=None), 0.3, None, "steady"),
        (make_finding(0.300, -0.7, watched=True, span=None), 0.3, None, "watch"),
        (make_finding(0.001, -0.7), 0.01, make_checks(without_carrier="steady"), "no_evidence"),
        (make_finding(0.001, -0.7), 0.01, make_checks(without_carrier="weak"), "weak"),
        (make_finding(0.001, -0.7), 0.02, make_checks(without_carrier="strong"), "shift"),
    ],
)
def test_verdicts_are_decided_in_another_order(
    finding: ShiftFinding, q: float, checks: FindingChecks | None, verdict: str
) -> None:
    assert decide_verdict(finding, q, checks) == verdict


@pytest.mark.parametrize(
    ("part", "says_nothing"),
    [
        (GroupPart(0.0, 13, 192, True, None), True),  # few members
        (GroupPart(0.0, 5, 9, True, None), False),  # most of them
        (GroupPart(0.0, 6, 7, False, None), True),  # the others are not recorded
        (GroupPart(0.05, 2, 2, True, ("A", 0.7)), True),  # one member
        (GroupPart(0.05, 2, 2, True, ("A", 0.4)), False),
        (GroupPart(0.0, 1, 1, True, ("A", 1.0)), False),  # the only other one
        (GroupPart(0.1, 1, 192, False, ("A", 0.9)), False),  # the group has a part in it
    ],
)
@pytest.mark.parametrize(
    ("finding", "checks"),
    [
        (make_finding(0.001, -0.7), make_checks()),
        (make_finding(0.300, 0.0, span=None, before=None), None),
        (make_finding(0.300, -0.7, watched=True), None),
    ],
)
def test_few_members_speak_for_their_group(
    finding: ShiftFinding, checks: FindingChecks | None, part: GroupPart, says_nothing: bool
) -> None:
    known = checks and replace(checks, part=part)
    verdict = decide_verdict(finding, finding.p, known, part)
    assert (verdict == "no_evidence") == says_nothing


@pytest.mark.parametrize(
    ("shares", "carriers"),
    [
        ({"A": 0.6, "B": 0.4, "G": 0.0}, ["A"]),
        ({"A": 0.6, "G": 0.4}, ["A"]),
        ({"A": 0.3, "B": 0.3, "C": 0.3, "G": 0.0}, ["A", "B"]),
        ({"A": 0.2, "B": 0.2, "C": 0.2, "D": 0.2, "G": 0.09}, ["A", "B", "C"]),
        ({"A": 0.16, "B": 0.16, "C": 0.16, "D": 0.16, "E": 0.16, "G": 0.0}, []),  # many members
        ({"A": 0.4, "B": 0.3, "G": 0.3}, []),  # the group has a part in it
        ({"G": 0.6, "A": 0.4}, []),
        ({}, []),
    ],
)
def test_members_that_carry_a_change_are_others(
    shares: dict[str, float], carriers: list[str]
) -> None:
    carried = [CarrierShare(*one) for one in shares.items()]
    assert [one.actor for one in list_carriers(carried, {"G"})] == carriers


def test_a_steady_dyad_has_too_little_data() -> None:
    """It has enough, but its best date leaves too little on one side."""
    rows = make_steady_rows(4, 26, 1.0)
    daily = gather_days(rows[::3])  # type: ignore[arg-type]
    [found] = detection.find_shifts(daily, "2018-01-01")
    assert not found.enough
    [completed] = complete_findings([found], daily)
    assert decide_verdict(completed, 1.0, None) == "steady"
    [episode] = complete_findings([found], gather_days(rows[:26]))  # type: ignore[arg-type]
    assert decide_verdict(episode, 1.0, None) == "insufficient_data"


def test_one_loud_crisis_is_not_robust() -> None:
    calm, crisis = make_steady_rows(6, 60, 0.75), []
    for day in range(1, 57):
        when = np.datetime64("2013-02-01") + day * ONE_DAY
        crisis.append((str(when), 1, 0, 900, 0, 0, 0, 1))
    daily = gather_days([*calm, *crisis])  # type: ignore[list-item]
    for found in detection.find_shifts(daily, "2016-01-01"):
        assert found.span is not None
        inside = select_days(daily, found.span[0], found.span[2])
        assert not change_persists(found, drop_influential_months(found, inside))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dense", [True, False])
def test_shares_and_prior_are_the_change(seed: int, dense: bool) -> None:
    rows = [*make_steady_rows(seed, 30, 0.9), *make_steady_rows(seed + 9, 30, 0.2, "2012-07")]
    rows = rows if dense else rows[::9]
    days = gather_days(rows)  # type: ignore[arg-type]
    parts = [SignalPart(r[0], r[2] + r[3], r[2] > 0) for r in rows]  # type: ignore[arg-type]
    for found in detection.find_shifts(days, "2016-01-01"):
        values, prior = attribution.attribute_change(found, days, parts)
        assert sum(values) + prior == pytest.approx(found.change, abs=1e-9)


def test_the_onset_set_of_few_acts_lacks_the_onset() -> None:
    dice, contained = np.random.default_rng(31), []
    while len(contained) < 60:
        series = draw_changed(dice, 0.4, 60, "step", 0.7)
        for found in detection.find_shifts(series.days, "2040-12-31"):
            certain = found.span is not None and found.enough and found.p <= 0.05
            if certain and found.method == "event_days" and is_right(found, series, 99):
                contained.append(contains_onset(found, series))
    assert 0.85 <= np.mean(contained) <= 0.99


def test_a_finding_for_named_days_is_the_one_that_was_made() -> None:
    days = gather_days([*make_steady_rows(1, 30, 0.9), *make_steady_rows(2, 30, 0.1, "2012-07")])  # type: ignore[list-item]
    [found] = detection.find_shifts(days, "2016-01-01")
    again: ShiftFinding = detection.finding_at_span(days, found.method, found.span, "2016-01-01")
    assert again == found


def test_a_level_without_a_baseline_is_compared_with_the_ties() -> None:
    level = measure_level(np.array([[0.0, 3.2]]))
    assert attribution.probability_below(level, (6.4, 1.6)) > 0.99
    assert 0.7 < attribution.probability_below(level, (1.0, 1.0)) < 0.97


def test_batch_detection_equals_single_detection() -> None:
    dice, every = np.random.default_rng(4), []
    for number in range(60):
        at = np.sort(dice.choice(1500, int(dice.choice([1, 5, 12, 25, 50, 200])), replace=False))
        good = dice.random(len(at)) < np.where(at < 700, 0.9, dice.choice([0.1, 0.9]))
        mass = dice.integers(50, 900, len(at))
        one_by_one = [
            (str(np.datetime64("2016-01-01") + int(a) * ONE_DAY), 1, int(m * g), int(m * (1 - g)),
             int(g), 0, int(1 - g), 0)
            for a, g, m in zip(at, good, mass, strict=True)
        ]  # fmt: skip
        every.append(gather_days(one_by_one[: len(one_by_one) - number % 2]))
    wanted = [
        [] if days.mass.sum() < families.MIN_DYAD_MASS
        else [
            completed
            for found in [detection.find_shifts(days, "2021-01-01")]
            for one, completed in zip(found, complete_findings(found, days), strict=True)
            if one.enough
        ]
        for days in every
    ]  # fmt: skip
    permutation._p_cache.clear()
    permutation._month_p_cache.clear()
    assert families.detect_in_dyads(every, "2021-01-01", null_distribution.Calibration()) == wanted
    assert sum(map(bool, wanted)) > 5
