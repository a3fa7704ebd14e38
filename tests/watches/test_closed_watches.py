"""Watches and closed datasets: neither messages nor feeds say what a key may not read."""

import pytest
from make import BY, dataset
from sqlalchemy import update
from watches.receiver import run_receiver
from watches.test_delivery import keep, make_key, open_api, write

from app.db.engine import Database
from app.db.tables import watch_deliveries
from app.events.changes import write_events
from app.events.record import convert_record
from app.settings import Settings
from app.sources.changes import write_datasets
from app.sources.citation import read_cited_datasets
from app.watches.dispatcher import WatchDispatcher


def close_dataset(database: Database, code: str) -> None:
    with database.write() as db:
        [found] = read_cited_datasets(db, [code])
        write_datasets(db, [found.model_copy(update={"access": "closed"})], BY)


@pytest.mark.slow
def test_closed_events_are_neither_sent_nor_in_the_feed(database: Database) -> None:
    with database.write() as db:
        dataset(db)
        dataset(db, "shut")
    close_dataset(database, "shut")
    hidden = {"key": "h", "title": "hidden", "date": "2020-01-01"}
    hidden |= {"participants": [{"actor": "ARM", "role": "initiator"}]}  # type: ignore[dict-item]
    with run_receiver() as receiver, open_api(database, make_key(database)) as api:
        watch = keep(api, f"{receiver.url}/hook", actor="ARM")
        with database.write() as db:
            write_events(db, [convert_record(hidden)], "shut", BY)
        write(database, "ARM", title="shown")
        [message] = receiver.wait_for(1)  # in order: what is hidden would come first
        assert message.verify(watch["secret"])["data"]["event"]["title"] == "shown"
        feed = f"/v1/watches/{watch['id']}/feed?format=json"
        assert len(api.get(feed).json()["items"]) == 1
        close_dataset(database, "made")
        assert api.get(feed).json()["items"] == []
        with database.write() as db:  # as if the receiver had been away
            db.execute(update(watch_deliveries).values(state="pending"))
        WatchDispatcher(database, Settings())._read_turn(watch["id"])
        waiting = api.get(f"/v1/watches/{watch['id']}/deliveries", params={"state": "pending"})
        assert waiting.json()["data"] == []
