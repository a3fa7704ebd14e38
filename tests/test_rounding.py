"""No answer has a negative zero."""

import ast
from pathlib import Path

import numpy as np
import pytest

from app.reader_words import write_signed
from app.rounding import round_number
from app.shifts.figures import round_figure

APP = Path(__file__).parent.parent / "app"
DRAWN = {"charts", "briefs"}
"""Folders that round places on a page, where a sign of zero has no meaning."""
POSITIVE = {
    "app/actors/queries.py", "app/actors/reconcile.py", "app/http/request_observer.py",
    "app/http/admission.py", "app/events/durations.py", "app/ingest/loading/report.py",
    "app/ingest/command.py", "app/operations/router.py", "app/watches/router.py",
    "app/rounding.py",
}  # fmt: skip
"""Files that round times, scores of names and weights, which are never below zero."""


@pytest.mark.parametrize("value", [-0.0, -1e-9, -4.9e-7, 0.0, 1e-9])
def test_what_rounds_to_zero_has_a_sign(value: float) -> None:
    assert str(round_number(value, 6)) == str(round_figure(value)) == "0.0"
    assert write_signed(value) == "+0.00"
    assert write_signed(-0.004) == "+0.00"
    assert (round_number(-0.25, 1), write_signed(-0.25)) == (-0.2, "−0.25")


def list_rounding_calls(source: str) -> list[int]:
    """List the lines that round to some digits by another way, or leave its sign to a zero."""
    found = []
    tree = ast.parse(source)
    mended = {
        id(node.left) for node in ast.walk(tree)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)
        and isinstance(node.right, ast.Constant) and node.right.value == 0.0
    }  # fmt: skip
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or len(node.args) < 2 or id(node) in mended:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name in ("round", "around") or ast.unparse(node.func) == "round":
            found.append(node.lineno)
    return found


def test_a_file_rounds_by_another_way() -> None:
    assert list_rounding_calls("a = round(x, 4)\nb = np.round(x, 6)\nc = round(x)") == [1, 2]
    assert list_rounding_calls("b = np.round(x, 6) + 0.0") == []
    assert str((np.round(-1e-9, 6) + 0.0).item()) == "0.0"
    found = {
        str(path.relative_to(APP.parent)): lines
        for path in APP.rglob("*.py")
        if path.relative_to(APP).parts[0] not in DRAWN
        and (lines := list_rounding_calls(path.read_text()))
    }
    assert {path: lines for path, lines in found.items() if path not in POSITIVE} == {}
