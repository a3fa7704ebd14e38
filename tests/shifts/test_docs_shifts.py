"""The page on shifts says what the code does."""

from pathlib import Path
from typing import get_args

from app.cli.shifts import shifts
from app.shifts.evidence import MEDIATION, SINGLE, THEATRE
from app.shifts.materialized import read
from app.shifts.serialize import ALLIED_PRIOR
from app.shifts.statistics import (
    changepoints,
    detection,
    index,
    levels,
    null_model,
    permutation,
    scan_rows,
    waves,
)
from app.shifts.statistics.sums import DAY_EVENTS, DAY_MASS
from app.shifts.statistics.verdicts import Verdict
from app.similarity import portfolio_similarity

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "shifts.md").read_text("utf-8")


def test_every_verdict_and_flag_is_explained() -> None:
    words = (*get_args(Verdict), THEATRE, MEDIATION, SINGLE)
    assert [word for word in words if f"`{word}`" not in PAGE] == []


def test_every_command_is_named() -> None:
    names = {command.name for command in shifts.registered_commands}
    assert names == {"refresh", "calibrate"}
    assert all(f"`entente shifts {name}`" in PAGE for name in names)


def test_the_formula_of_p_has_the_numbers_of_the_code() -> None:
    null = null_model.KEDS_NULL
    formula = f"exp({null.constant} − {-null.llr} LLR + {null.length} ln(T/120)"
    assert formula in PAGE
    assert f"+ {null.light} min(0, ln(Mₑ/60)) − {-null.heavy} max(0, ln(Mₑ/60)))" in PAGE


def test_the_other_parameters_are_those_of_the_code() -> None:
    confirmed, provisional = changepoints.CONFIRMED, changepoints.PROVISIONAL
    penalty = changepoints.PENALTY
    for message in (
        f"half-life {index.HALF_LIFE:.0f} months, κ = {index.PRIOR:.0f}",
        f"at most {index.SATURATION:.0f}",
        f"at most {DAY_MASS / 1000} in all and {DAY_EVENTS} classified",
        f"shrunk to {index.MASS_DISPERSION} (mass) or {index.CLASS_DISPERSION} (classes)",
        f"penalty {penalty[confirmed]:.0f}, at least {confirmed} months",
        f"with {provisional} and penalty {penalty[provisional]}",
        f"at least {confirmed} months and {changepoints.MIN_SIDE_DAYS} event-days",
        f"softmax({detection.ONSET_TEMPER} LLR)",
        f"softmax({detection.ONSET_TEMPER_OF_DAYS} LLR)",
        f"Beta(1 + {levels.INTERVAL_PART} Σ for,",
        f"blocks of {levels.BLOCK_ROWS} rows",
        f"as if {levels.USUAL_BLOCKS} blocks had shown that",
        f"stretch of {permutation.MIN_STRETCH} quarters or more",
        f"those of {permutation.MANY_ORDERS} orders of the quarters, with the tail",
        f"at {permutation.MOST_EDGES} places or fewer",
        f"p of any change is above {detection.MAX_MONTH_SPLIT_P}",
        f"if {waves.VOTE_LLR} or more, with the {waves.SLACK} months",
        f"penalty {penalty[confirmed]:.0f} − {waves.STRENGTH:.0f} w,",
        f"LLR + {waves.ONSET_STRENGTH:.0f} w is highest",
        f"max(1, e^(w − {waves.USUAL_WAVE}))",
        f"0 with fewer than {waves.MIN_PARTNERS} partners",
        f"p ≤ {detection.MAX_MONTH_SPLIT_P} / n",
        f"fewer than {scan_rows.MIN_DAYS_FOR_MONTHS} event-days in all",
        f"leaves {detection.MIN_EFFECTIVE_PER_SIDE:.0f} effective observations on both sides",
        f"Beta({ALLIED_PRIOR[0]}, {ALLIED_PRIOR[1]})",
        f"more than {read.MAX_REBUILT_FOR_READER:,} dyads wait",
    ):
        assert message in PAGE, message
    assert set(portfolio_similarity.MEASURES) == {"kappa", "pi", "s", "tau_b"}
