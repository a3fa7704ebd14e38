"""Reports from stored mentions: articles that may be loaded before the event they mention."""

import json
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, select

from app.db.dialect import in_list, in_list_params
from app.db.tables import mentions
from app.events.record import ReportRecord


def read_pending_reports(db: Connection, ids: Sequence[str]) -> dict[str, list[ReportRecord]]:
    """Read the mentions of some events as reports, ordered by source."""
    if not ids or db.scalar(select(mentions.c.event).limit(1)) is None:
        return {}
    found: dict[str, list[ReportRecord]] = defaultdict(list)
    m = mentions.c
    asked = select(m.event, m.source, m.locator, m.claims).where(in_list(db, m.event))
    for row in db.execute(asked.order_by(m.source), in_list_params(db, ids)):
        claims = json.loads(row.claims) if row.claims else None
        found[row.event].append(ReportRecord(row.source, None, row.locator, "reports", claims))
    return found
