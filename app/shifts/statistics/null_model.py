"""The null model: p of the best LLR where nothing changed, by a fitted formula. Pure arithmetic."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class NullModel:
    """Coefficients of ln p of the best LLR where nothing changed, by length and mass.

    The fields are stored by name in the calibration document.
    """

    constant: float = 1.204
    llr: float = -0.867
    length: float = 0.513
    light: float = 0.164
    heavy: float = -0.073


KEDS_NULL = NullModel()
"""Fitted on block-permuted months of the KEDS Gulf data."""


def closed_form_p(llr: float, length: int, mass: float, null: NullModel = KEDS_NULL) -> float:
    """Compute p of the best LLR over `length` months with `mass` effective observations in all.

    The formula is fitted (see `NullModel`); no permutation is drawn.
    """
    if not np.isfinite(llr):
        return 1.0
    size = np.log(max(mass, 1e-9) / 60)
    log_p = null.constant + null.llr * llr + null.length * np.log(length / 120)
    log_p += null.light * min(0.0, size) + null.heavy * max(0.0, size)
    return float(min(1.0, np.exp(min(log_p, 0.0))))
