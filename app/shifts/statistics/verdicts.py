"""How certain a shift is: its robustness and its verdict. Pure arithmetic."""

from typing import Literal

import numpy as np

from app.shifts.statistics import changepoints, index, null_model, permutation
from app.shifts.statistics.detection import ShiftFinding
from app.shifts.statistics.levels import measure_levels
from app.shifts.statistics.null_model import KEDS_NULL, NullModel
from app.shifts.statistics.scan_rows import count_event_days, rows_for_method
from app.shifts.statistics.sums import DaySeries, Floats, MonthSeries, month_number, sum_by_month

Verdict = Literal["strong", "shift", "watch", "no_evidence", "insufficient_data"]
WATCH_GAP = 1.4
"""Distance between the fast and the slow index, in standard errors, that is worth watching.

In one of twenty decades without a change it is ever exceeded, at low and at high volume.
"""
MAX_CHECKED_P = 0.05
"""Highest p of a finding that is checked further: q is never lower."""


def change_persists(
    finding: ShiftFinding, days: DaySeries, null: NullModel = KEDS_NULL, limit: float = 0.1
) -> bool:
    """Check whether the change persists, in the same direction, in the days that are left."""
    if count_event_days(days) < 2:
        return False
    rows = rows_for_method(finding.method, days)
    least = changepoints.CONFIRMED if rows.is_monthly else 1
    gain = changepoints.split_gains(rows.tested, least)
    if not np.isfinite(gain.max()):
        return False
    at = int(gain.argmax())
    p = (
        null_model.closed_form_p(float(gain[at]), len(rows.when), float(rows.tested.sum()), null)
        if rows.is_monthly
        else permutation.permutation_p(rows.tested, 1, 1, 199, 199)
    )
    before, after = measure_levels([rows.mass[:at], rows.mass[at:]])
    return p < limit and (after.index - before.index) * finding.change > 0


def drop_influential_months(finding: ShiftFinding, days: DaySeries) -> DaySeries:
    """Return the days without the two months that support the change most."""
    rows = rows_for_method(finding.method, days)
    month = month_number(rows.when)
    least = changepoints.CONFIRMED if rows.is_monthly else 1
    influential = changepoints.most_influential_groups(rows.tested, least, month)
    left = ~np.isin(month_number(days.day), influential)
    return DaySeries(days.day[left], days.n[left], days.mass[left], days.classes[left])


def decide_verdict(finding: ShiftFinding, q: float, robust: bool | None, watched: bool) -> Verdict:
    """Decide the verdict of a finding; `robust` is None where it was not checked."""
    if not finding.enough:
        return "insufficient_data"
    change = abs(finding.change)
    if robust and q <= 0.01 and change >= 0.6:
        return "strong"
    if robust and q <= 0.05 and change >= 0.3:
        return "shift"
    return "watch" if watched else "no_evidence"


def needs_checks(finding: ShiftFinding) -> bool:
    """Whether a finding is checked further, whatever the tests among which it was found."""
    return finding.enough and finding.p <= MAX_CHECKED_P


def index_gaps(months: MonthSeries, share: float = 0.5) -> Floats:
    """Compute how many standard errors the fast index (6 months) is from the slow one (36)."""
    phi = index.estimate_dispersion(months.mass, index.MASS_DISPERSION)
    rows = index.saturate_counts(months.mass, phi)
    fast, slow = (index.smooth_index(rows, share, h) for h in (6.0, 36.0))
    theta = (1 + slow.value) / 2
    spread = sum(1 / (s.effective + index.PRIOR + 1) for s in (fast, slow))
    error = np.sqrt(np.maximum(theta * (1 - theta), 1e-6) * spread)
    found: Floats = (fast.value - slow.value) / 2 / error
    return found


def is_watched(days: DaySeries, share: float = 0.5) -> bool:
    """Whether the newest months are worth watching."""
    return bool(len(days)) and abs(index_gaps(sum_by_month(days), share)[-1]) >= WATCH_GAP
