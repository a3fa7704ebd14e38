"""What may be asked of briefs and embeds. Pure."""

from typing import Annotated, Any, Literal

from pydantic import Field

from app.events.filter import Words
from app.shifts.filter import AlignmentQuery, ShiftQuery, SidesQuery
from app.text import ShortText

BriefFormat = Literal["json", "html", "pdf"]
PaperSize = Literal["a4", "letter"]


class PairQuery(SidesQuery):
    """A question about one pair; `since` and `until` bound the onset and the curve."""

    actor: ShortText = Field(description="Who moves, by any name.", examples=["ARM"])
    toward: Annotated[Words, Field(min_length=1)] = Field(
        description="Toward whom: actors, or groups with their members of the day; by commas.",
        examples=[["RUS"]],
    )

    def to_shift_query(self) -> ShiftQuery:
        """Return the same question as `/v1/shifts` understands it."""
        return ShiftQuery.model_construct(**self._copy_sides())

    def to_alignment_query(self) -> AlignmentQuery:
        """Return the same question as `/v1/alignment` understands it."""
        return AlignmentQuery.model_construct(**self._copy_sides())

    def _copy_sides(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in SidesQuery.model_fields}


class SubjectQuery(SidesQuery):
    """A question about one pair, or about one actor alone where `toward` is left out."""

    actor: ShortText = Field(
        description="Who it is about, by any name; with `toward`, who moves.", examples=["ARM"]
    )

    def to_pair_query(self) -> PairQuery:
        """Return the question about a pair."""
        return PairQuery.model_construct(
            **{name: getattr(self, name) for name in SidesQuery.model_fields}
        )


class BriefQuery(SubjectQuery):
    """A question about one pair or actor, and the form of its brief."""

    format: BriefFormat | None = Field(
        None, description="`json`, `html` or `pdf`; default: by the `Accept` header."
    )
    paper: PaperSize = Field("a4", description="Size of the page of a PDF.")


class PageQuery(SubjectQuery):
    """A question about one pair or actor, whose brief is shown as a page."""
