"""Series in which nothing changed, made from real ones, and the null model fitted to them.

Pure arithmetic; random draws have a seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.shifts.statistics import changepoints, index, null_model, permutation
from app.shifts.statistics.changepoints import CONFIRMED
from app.shifts.statistics.null_model import KEDS_NULL, NullModel
from app.shifts.statistics.permutation import BLOCK_MONTHS
from app.shifts.statistics.sums import (
    DaySeries,
    Floats,
    Ints,
    MonthSeries,
    month_number,
    sum_by_month,
)

RATES, LENGTHS = (1, 3, 10, 30), (60, 120, 240)
"""Events a month, and months, of the series that the null model is fitted to."""
WINDOW_MONTHS = 48
MIN_DYAD_EVENTS = 300
"""Events of a dyad from which on its months are used."""
FITTED_P_RANGE = (0.002, 0.2)
"""Range of p that is fitted."""


class ThinCorpusError(Exception):
    """The loaded corpus has too few busy dyads for a calibration."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What `entente shifts calibrate` fits to a corpus."""

    null: NullModel = KEDS_NULL
    """Null model of the robustness check."""
    prior_share: float = 0.5
    """The prior share θ₀: of all mass, what is cooperative."""


@dataclass(frozen=True, slots=True)
class DrawnSeries:
    """A series, with the dyad and the rows from which it was made."""

    dyad: int
    rows: Ints
    days: DaySeries


class NullSource(Protocol):
    """A source of series in which nothing changed."""

    def draw(self, rate: float, length: int) -> DrawnSeries:
        """Draw a series of `length` months with about `rate` events a month."""


class ShuffledNulls:
    """Draws months of real dyads in random blocks of three, thinned by day."""

    def __init__(self, dyads: Sequence[DaySeries], seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.dyads = dyads
        self.months = [month_number(days.day) for days in dyads]

    def draw(self, rate: float, length: int) -> DrawnSeries:
        """Draw a series of `length` months with about `rate` events a month."""
        for _ in range(2000):
            dyad = int(self.rng.integers(len(self.dyads)))
            month = self.months[dyad]
            last = max(int(month[-1]) - WINDOW_MONTHS + 2, int(month[0]) + 1)
            first = int(self.rng.integers(int(month[0]), last))
            inside = (month >= first) & (month < first + WINDOW_MONTHS)
            events = int(self.dyads[dyad].n[inside].sum())
            if events >= rate * WINDOW_MONTHS:
                keep = rate * WINDOW_MONTHS / events
                return self._shuffle_months(dyad, np.flatnonzero(inside), first, keep, length)
        raise ThinCorpusError(f"no dyad has {rate} events a month over {WINDOW_MONTHS} months")

    def _shuffle_months(
        self, dyad: int, at: Ints, first: int, keep: float, length: int
    ) -> DrawnSeries:
        month, source_days = self.months[dyad][at] - first, self.dyads[dyad]
        block = month // BLOCK_MONTHS
        rows, days = [], []
        for place, source in enumerate(
            self.rng.integers(
                WINDOW_MONTHS // BLOCK_MONTHS, size=-(-length // BLOCK_MONTHS)
            ).tolist()
        ):
            chosen = np.flatnonzero(block == source)
            chosen = chosen[self.rng.random(len(chosen)) < keep]
            moved = (month[chosen] + (place - source) * BLOCK_MONTHS).astype("datetime64[M]")
            day = source_days.day[at[chosen]]
            rows.append(at[chosen])
            days.append(moved.astype("datetime64[D]") + (day - day.astype("datetime64[M]")))
        row, when = np.concatenate(rows), np.concatenate(days)
        order = np.argsort(when, kind="stable")
        row, when = row[order], when[order]
        thinned = DaySeries(
            when, source_days.n[row], source_days.mass[row], source_days.classes[row]
        )
        return DrawnSeries(dyad, row, thinned)


def effective_classes(days: DaySeries) -> Floats:
    """Return the classes of each month as effective observations."""
    return _effective_month_classes(sum_by_month(days))


def _effective_month_classes(months: MonthSeries) -> Floats:
    phi = index.estimate_dispersion(months.classes, index.CLASS_DISPERSION)
    return index.saturate_counts(months.classes, phi)


def best_split_gain(days: DaySeries) -> tuple[float, int, float]:
    """Return the best LLR of a series, its length in months, and its effective observations."""
    rows = effective_classes(days)
    gain = float(changepoints.split_gains(rows, CONFIRMED).max(initial=-np.inf))
    return gain, len(rows), float(rows.sum())


def fit_null_model(nulls: NullSource, draws: int) -> NullModel:
    """Fit the null model of a corpus: ln p of the best LLR by length and mass, by least squares."""
    features: list[NDArray[np.float64]] = []
    wanted: list[NDArray[np.float64]] = []
    for rate in RATES:
        for length in LENGTHS:
            drawn = np.array([best_split_gain(nulls.draw(rate, length).days) for _ in range(draws)])
            drawn = drawn[np.argsort(-drawn[:, 0], kind="stable")]
            p = (np.arange(draws) + 0.5) / draws
            used = (p >= FITTED_P_RANGE[0]) & (p <= FITTED_P_RANGE[1]) & np.isfinite(drawn[:, 0])
            llr, months, mass = drawn[used].T
            size = np.log(np.maximum(mass, 1e-9) / 60)
            features.append(
                np.stack(
                    [
                        np.ones_like(llr), llr, np.log(months / 120),
                        np.minimum(size, 0), np.maximum(size, 0),
                    ],
                    axis=1,
                )
            )  # fmt: skip
            wanted.append(np.log(p[used]))
    found, *_ = np.linalg.lstsq(np.concatenate(features), np.concatenate(wanted), rcond=None)
    return NullModel(*(float(v) for v in found))


def measure_test_size(
    nulls: NullSource, null: NullModel, draws: int, rate: float, length: int
) -> NDArray[np.float64]:
    """Return (draws, 2): the closed-form p and the permutation p of unchanged series."""
    found = []
    for _ in range(draws):
        months = sum_by_month(nulls.draw(rate, length).days)
        rows = _effective_month_classes(months)
        gain = float(changepoints.split_gains(rows, CONFIRMED).max(initial=-np.inf))
        closed = null_model.closed_form_p(gain, len(rows), float(rows.sum()), null)
        found.append(
            (closed, permutation.monthly_permutation_p(rows, months.first, CONFIRMED, gain))
        )
    return np.array(found)
