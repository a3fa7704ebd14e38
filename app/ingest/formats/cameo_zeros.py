"""CAMEO codes that lost their leading zero in a spreadsheet or a data frame. Pure."""

from typing import NamedTuple

from app.events.record import RejectedError
from app.events.vocabulary import load_cameo_codes, quad_of_cameo


class CodeEvidence(NamedTuple):
    """What else a row says about its kind of act; empty or None where it says nothing."""

    root: str = ""
    quad: int | None = None
    goldstein: float | None = None
    name: str = ""

    def allows_code(self, code: str) -> bool:
        """Return whether root and quad class of the row are possible for a code."""
        root = self.root.strip().removesuffix(".0")
        if root.isdecimal() and int(root) != int(code[:2]):
            return False
        return self.quad in (None, quad_of_cameo(code, "gdelt"))

    def prefers_code(self, code: str, other: str) -> bool:
        """Return whether name or Goldstein value of the row are those of one code only."""
        ours, theirs = load_cameo_codes()[code], load_cameo_codes()[other]
        if self.name.casefold() == ours.name.casefold():
            return True
        return self.goldstein is not None and self.goldstein == ours.goldstein != theirs.goldstein

    def describe_cells(self) -> str:
        """Describe the evidence, for an error."""
        said = (
            ("root code", self.root), ("quad class", self.quad), ("Goldstein", self.goldstein),
            ("text", self.name[:80]),
        )  # fmt: skip
        cells = [f"{what} {value}" for what, value in said if value not in ("", None)]
        return ", ".join(cells) or "no other cell tells"


def restore_leading_zero(code: str, row: CodeEvidence, name: str) -> str:
    """Return a code with the zero that it lost; a code that lost none is returned as it is.

    Raises `RejectedError` where the code may be either: 20 is mass violence, and 020 an appeal.
    """
    plain = code.strip().removesuffix(".0")
    padded, known = f"0{plain}", load_cameo_codes()
    if not plain.isdecimal() or padded not in known:
        return plain if plain in known else code
    if plain not in known:
        if row.allows_code(padded):
            return padded
        reason = f"has lost its leading zero: {plain!r}, but {padded} does not fit"
    else:
        allowed = [one for one in (plain, padded) if row.allows_code(one)]
        pairs = ((plain, padded), (padded, plain))
        preferred = [one for one, other in pairs if row.prefers_code(one, other)]
        fitting = [one for one in allowed if not preferred or one in preferred]
        if len(fitting) == 1:
            return fitting[0]
        reason = f"may have lost its leading zero: {plain} or {padded}"
    raise RejectedError(name, f"{reason} ({row.describe_cells()}); export the column as text")
