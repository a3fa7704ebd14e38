"""Series in which nothing changed, made from real ones, and the null model fitted to them.

Pure arithmetic; random draws have a seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.shifts import breaks, measure
from app.shifts.breaks import BLOCK, CONFIRMED, Null
from app.shifts.measure import Days, Floats, Ints, Months

RATES, LENGTHS = (1, 3, 10, 30), (60, 120, 240)
"""Events a month, and months, of the series that the null model is fitted to."""
WINDOW = 48
LEAST_EVENTS = 300
"""Events of a dyad from which on its months are used."""
FITTED = (0.002, 0.2)
"""Range of p that is fitted."""


class ThinCorpusError(Exception):
    """The loaded corpus has too few busy dyads for a calibration."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A series, with the dyad and the rows from which it was made."""

    dyad: int
    rows: Ints
    days: Days


class Source(Protocol):
    """A source of series in which nothing changed."""

    def draw(self, rate: float, length: int) -> Drawn:
        """Draw a series of `length` months with about `rate` events a month."""


class Nulls:
    """Draws months of real dyads in random blocks of three, thinned by day."""

    def __init__(self, dyads: Sequence[Days], seed: int) -> None:
        self.dice = np.random.default_rng(seed)
        self.dyads = dyads
        self.months = [measure.month_of(days.day) for days in dyads]

    def draw(self, rate: float, length: int) -> Drawn:
        """Draw a series of `length` months with about `rate` events a month."""
        for _ in range(2000):
            dyad = int(self.dice.integers(len(self.dyads)))
            month = self.months[dyad]
            last = max(int(month[-1]) - WINDOW + 2, int(month[0]) + 1)
            first = int(self.dice.integers(int(month[0]), last))
            inside = (month >= first) & (month < first + WINDOW)
            events = int(self.dyads[dyad].n[inside].sum())
            if events >= rate * WINDOW:
                keep = rate * WINDOW / events
                return self._shuffled(dyad, np.flatnonzero(inside), first, keep, length)
        raise ThinCorpusError(f"no dyad has {rate} events a month over {WINDOW} months")

    def _shuffled(self, dyad: int, at: Ints, first: int, keep: float, length: int) -> Drawn:
        month, source_days = self.months[dyad][at] - first, self.dyads[dyad]
        block = month // BLOCK
        rows, days = [], []
        for place, source in enumerate(
            self.dice.integers(WINDOW // BLOCK, size=-(-length // BLOCK)).tolist()
        ):
            chosen = np.flatnonzero(block == source)
            chosen = chosen[self.dice.random(len(chosen)) < keep]
            moved = (month[chosen] + (place - source) * BLOCK).astype("datetime64[M]")
            day = source_days.day[at[chosen]]
            rows.append(at[chosen])
            days.append(moved.astype("datetime64[D]") + (day - day.astype("datetime64[M]")))
        row, when = np.concatenate(rows), np.concatenate(days)
        order = np.argsort(when, kind="stable")
        row, when = row[order], when[order]
        thinned = Days(when, source_days.n[row], source_days.mass[row], source_days.classes[row])
        return Drawn(dyad, row, thinned)


def effective(days: Days) -> Floats:
    """Return the classes of each month as effective observations."""
    return _effective(measure.by_month(days))


def _effective(months: Months) -> Floats:
    phi = measure.dispersion(months.classes, measure.CLASS_DISPERSION)
    return measure.saturated(months.classes, phi)


def best(days: Days) -> tuple[float, int, float]:
    """Return the best LLR of a series, its length in months, and its effective observations."""
    rows = effective(days)
    gain = float(breaks.gains(rows, CONFIRMED).max(initial=-np.inf))
    return gain, len(rows), float(rows.sum())


def fit(nulls: Source, draws: int) -> Null:
    """Fit the null model of a corpus: ln p of the best LLR by length and mass, by least squares."""
    features: list[NDArray[np.float64]] = []
    wanted: list[NDArray[np.float64]] = []
    for rate in RATES:
        for length in LENGTHS:
            drawn = np.array([best(nulls.draw(rate, length).days) for _ in range(draws)])
            drawn = drawn[np.argsort(-drawn[:, 0], kind="stable")]
            p = (np.arange(draws) + 0.5) / draws
            used = (p >= FITTED[0]) & (p <= FITTED[1]) & np.isfinite(drawn[:, 0])
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
    return Null(*(float(v) for v in found))


def size(nulls: Source, null: Null, draws: int, rate: float, length: int) -> NDArray[np.float64]:
    """Return (draws, 2): the closed-form p and the permutation p of unchanged series."""
    found = []
    for _ in range(draws):
        months = measure.by_month(nulls.draw(rate, length).days)
        rows = _effective(months)
        gain = float(breaks.gains(rows, CONFIRMED).max(initial=-np.inf))
        closed = breaks.p_closed(gain, len(rows), float(rows.sum()), null)
        found.append((closed, breaks.p_of_months(rows, months.first, CONFIRMED, gain)))
    return np.array(found)
