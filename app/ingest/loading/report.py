"""The report of a load: counts, parties, and the unresolved names with the nearest ones."""

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import Connection

from app.events.schemas import UnresolvedName
from app.events.unresolved import MAX_SUGGESTED, report_names
from app.ingest.loading.stats import LoadStats

LOW_SHARE = 0.9
"""The share of resolved parties below which a load says so first, and `--strict` fails."""


class PartyCounts(BaseModel):
    """How many of the participants that rows name an actor for were resolved."""

    named: int = Field(description="Participants for which the rows name an actor.")
    resolved: int = Field(description="Those whose name or code is that of exactly one actor.")
    share: float | None = Field(description="`resolved` in `named`; null where none is named.")


class LoadReport(BaseModel):
    """The result of `entente load --json`.

    `new`, `changed`, `unchanged`, `rejected` and `duplicates` add up to `rows`.
    """

    rows: int
    new: int
    changed: int
    unchanged: int
    retracted: int
    rejected: int
    duplicates: int
    parties: PartyCounts
    reasons: dict[str, int]
    warnings: dict[str, int]
    unresolved: list[UnresolvedName]
    unresolved_names: int
    unresolved_further: int
    errors: list[str]
    dry_run: bool
    seconds: float


def count_parties(named: int, unresolved: int) -> PartyCounts:
    """Return the counts of parties, with the share of the resolved ones."""
    resolved = named - unresolved
    return PartyCounts(
        named=named, resolved=resolved, share=round(resolved / named, 4) if named else None
    )


def is_share_low(parties: PartyCounts) -> bool:
    """Return whether too few of the parties were resolved."""
    return parties.resolved < LOW_SHARE * parties.named


def build_load_report(db: Connection, stats: LoadStats, **more: Any) -> LoadReport:
    """Build the report of a load; `more` are the fields that its statistics lack."""
    return LoadReport(
        **stats.counts_by_name(),
        parties=count_parties(stats.parties, stats.unresolved_parties),
        reasons=dict(stats.reasons.most_common()),
        warnings=dict(stats.warnings.most_common()),
        unresolved=list(report_names(db, stats.names.list_by_frequency()[:MAX_SUGGESTED])),
        unresolved_names=len(stats.names.totals),
        unresolved_further=stats.names.further,
        **more,
    )
