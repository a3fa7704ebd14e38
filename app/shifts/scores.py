"""How good the detection of shifts is, as measured on series whose changes are known.

`python -m bench.shifts --write` measures it and writes the file.
"""

from functools import cache
from pathlib import Path

from app.shifts.calibration_schemas import ShiftScores

SCORES_FILE = Path(__file__).with_name("scores.json")


@cache
def load_scores() -> ShiftScores:
    """Load the scores that this version was released with."""
    return ShiftScores.model_validate_json(SCORES_FILE.read_text(encoding="utf-8"))
