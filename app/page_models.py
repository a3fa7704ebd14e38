"""Models of a page of a list, `{data, meta, links}`, the same for every kind of document. Pure."""

from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, Field

T = TypeVar("T")
EmptyReason = Literal[
    "no_match", "not_recorded", "partly_covered", "outside_coverage", "not_yet_covered",
    "out_of_scope", "closed", "not_searched",
]  # fmt: skip
"""Why a list is empty: nothing fits, or what would fit is not recorded, covered, followed, open,
searched."""


class Meta(BaseModel):
    """The version and extent of an answer."""

    version: int = Field(description="`seq` of the last change that the answer includes.")
    count: int | None = Field(None, description="Total number of rows, if requested.")
    count_is: Literal["exact", "estimate"] | None = None
    reason: EmptyReason | None = Field(None, description="Why `data` is empty.")
    closed: list[str] | None = Field(
        None,
        description="Datasets that the answer leaves out because they are closed to this reader.",
    )
    unsearched: list[str] | None = Field(
        None,
        description="Datasets that `q` does not search, as is set for each: the answer"
        " leaves them out.",
    )
    remark: str | None = Field(
        None,
        description="What has to be said beside the answer, such as for which state a person acts"
        " whose acts are recorded under that state.",
    )
    partly_recorded: list[str] | None = Field(
        None,
        description="Codes of the groups of the question of which not all members are recorded:"
        " what the others did is not in the answer.",
    )


class Links(BaseModel):
    """Links to this page and to the next."""

    self: str
    next: str | None = None
    permalink: str | None = Field(
        None,
        description="Link to this version of the answer, unaffected by later changes: cite this.",
    )


class Page(BaseModel, Generic[T]):
    """A page of a list."""

    data: list[T]
    meta: Meta
    links: Links
