"""Reports from stored mentions: articles that may be loaded before the event they mention."""

import json
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, select

from app.db.dialect import among, listed
from app.db.tables import mentions
from app.ingest.given import GivenReport


def reports_of(db: Connection, ids: Sequence[str]) -> dict[str, list[GivenReport]]:
    """Read the mentions of some events as reports, ordered by source."""
    if not ids or db.scalar(select(mentions.c.event).limit(1)) is None:
        return {}
    found: dict[str, list[GivenReport]] = defaultdict(list)
    m = mentions.c
    asked = select(m.event, m.source, m.locator, m.claims).where(among(db, m.event))
    for row in db.execute(asked.order_by(m.source), listed(db, ids)):
        claims = json.loads(row.claims) if row.claims else None
        found[row.event].append(GivenReport(row.source, None, row.locator, "reports", claims))
    return found
