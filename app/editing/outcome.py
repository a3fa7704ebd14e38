"""The outcome of a write, before it is an answer over HTTP. Pure."""

from dataclasses import dataclass, field

from app.access.keys import Principal
from app.db.journal import Writer


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a write answers: status, body and headers."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)


def build_writer(holder: Principal, reason: str | None) -> Writer:
    """Build the author and reason that revisions record."""
    return Writer(holder.name, reason, holder.writes, holder.has_scope("admin"))
