"""How current a dataset is that is kept so from its source: read from the ledger of pulls."""

from collections import Counter
from collections.abc import Mapping

from pydantic import BaseModel, Field
from sqlalchemy import Connection, func, select

from app.db.tables import pull_items, pull_sources

DATASET_OF_SOURCE: Mapping[str, str] = {
    "gdelt": "gdelt", "gdelt1": "gdelt1", "ucdp": "ucdp-ged", "acled": "acled",
    "polecat": "polecat", "icews": "icews", "un-votes": "unga-ideal-points",
    "cow": "cow-alliances", "atop": "atop",
}  # fmt: skip
"""The dataset of each source. A test compares them with the sources."""
REPLICA_PREFIX = "entente-"
"""What the name of a source begins with that is a dataset of another Entente."""
PART_PREFIX = "gdelt-part-"
"""What the name of a source begins with that is a part of GDELT in a dataset of its own."""
_WAITING, _MISSING = ("listed", "late", "failed", "bad"), ("missing", "refused")


class Following(BaseModel):
    """How current a dataset is that is pulled from its source."""

    source: str = Field(description="The source, as `entente pull` names it.")
    newest: str | None = Field(
        description="The newest slot (`2026-01-02T00:30`) or day that is loaded, in UTC; of another"
        " Entente, when it was asked last and had something new."
    )
    asked_at: str | None = Field(description="When the source was asked last.")
    current_at: str | None = Field(
        description="When it was asked last and everything that it had was loaded."
    )
    waiting: int = Field(
        description="Files that are late or did not come whole, and are asked for again."
    )
    missing: int = Field(description="Files that the source should have and does not, or refuses.")


def read_following(db: Connection) -> dict[str, Following]:
    """Read how current each dataset is that was ever pulled, by its code."""
    i, s = pull_items.c, pull_sources.c
    sources = db.execute(select(s.source, s.newest, s.last_round, s.last_success)).all()
    if not sources:
        return {}
    asked = select(i.source, i.state, func.count()).where(
        i.source.in_([row.source for row in sources]), i.state.in_((*_WAITING, *_MISSING))
    )
    counts = Counter[tuple[str, str]]()
    for source, state, count in db.execute(asked.group_by(i.source, i.state)):
        counts[source, "waiting" if state in _WAITING else "missing"] += count
    return {
        name_followed_dataset(row.source): Following(
            source=row.source,
            newest=row.newest,
            asked_at=row.last_round,
            current_at=row.last_success,
            waiting=counts[row.source, "waiting"],
            missing=counts[row.source, "missing"],
        )
        for row in sources
    }


def name_followed_dataset(source: str) -> str:
    """Find the dataset that a source is loaded into."""
    own = source.removeprefix(REPLICA_PREFIX).removeprefix(PART_PREFIX)
    return DATASET_OF_SOURCE.get(source, own)
