"""Pulls in tests: settings that lead to the stand-in, rounds, and what is stored after them."""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import stamina
from ingest.rows import make_table
from pull.stand_in import Sources
from sqlalchemy import select

from app.db.engine import Database
from app.db.tables import events, pull_items
from app.pull.items import PullWindow
from app.pull.round import Round, RoundReport
from app.pull.sources import SourceOptions, make_source
from app.pull.terms import require_terms
from app.pull.wire import Wire
from app.settings import Settings


def make_settings(sources: Sources, **more: Any) -> Settings:
    """Make settings by which all sources are the stand-in."""
    names = ("gdelt", "ucdp", "ucdp_files", "acled", "dataverse", "cow", "atop")
    found: dict[str, Any] = {f"{name}_url": sources.url for name in names}
    found |= {"allow_private_addresses": True, "pull_pause": 0, "contact": "desk@example.org"}
    return Settings(**found | more)


def make_wire(settings: Settings) -> Wire:
    """Make a wire that waits for nothing."""
    return Wire(settings, sleep=lambda _: None, first_wait=0.001)


def run_round(
    database: Database,
    sources: Sources,
    name: str = "gdelt",
    *,
    options: SourceOptions | None = None,
    window: PullWindow | None = None,
    **more: Any,
) -> RoundReport:
    """Run a round, of a window where one is given, with the terms accepted."""
    settings = make_settings(sources, **more)
    source = make_source(name, settings, options or SourceOptions())
    require_terms(database, source, accepts=True, now="2026-01-01T00:00:00Z")
    with closing(make_wire(settings)) as wire:
        one = Round(database, source, wire, window or PullWindow(), is_forced=window is not None)
        one.order = "oldest"
        return one.run()


def publish_slot(sources: Sources, at: datetime, rows: int = 2, *, tone: str = "-1.5") -> None:
    """Publish the events and mentions of a slot."""
    stamp = f"{at:%Y%m%d%H%M%S}"
    keys = [f"{stamp[2:12]}{n:02}" for n in range(rows)]
    cells = [
        {"globaleventid": key, "dateadded": stamp, "sqldate": stamp[:8], "avgtone": tone,
         "sourceurl": f"https://www.news.example/{key}"}
        for key in keys
    ]  # fmt: skip
    said = [
        {"globaleventid": key, "mentiontimedate": stamp, "eventtimedate": stamp,
         "mentionidentifier": f"https://other.example/{key}"}
        for key in keys
    ]  # fmt: skip
    sources.publish(at, "export", make_table("gdelt-v2", cells) if cells else "")
    sources.publish(at, "mentions", make_table("gdelt-mentions", said) if said else "")


def follow_slots(
    database: Database, sources: Sources, slots: Sequence[datetime], **more: Any
) -> list[RoundReport]:
    """Publish slots as time goes by, with a round after each."""
    reports = []
    for at in slots:
        publish_slot(sources, at)
        sources.now = at + timedelta(minutes=5)
        reports.append(run_round(database, sources, **more))
    return reports


def list_events(database: Database, dataset: str = "gdelt") -> list[str]:
    """List the keys of the current events of a dataset."""
    with database.connect() as db:
        found = db.scalars(
            select(events.c.id)
            .where(events.c.dataset == dataset, events.c.status != "retracted")
            .order_by(events.c.id)
        )
        return [ident.partition(":")[2] for ident in found]


def list_states(database: Database, source: str = "gdelt") -> dict[str, str]:
    """List the items of the ledger with their states."""
    c = pull_items.c
    with database.connect() as db:
        rows = db.execute(select(c.item, c.state).where(c.source == source))
        return {row.item: row.state for row in rows}


def drop_waits() -> None:
    """Let retries wait for nothing; they stay as many."""
    stamina.set_testing(True, attempts=4)
