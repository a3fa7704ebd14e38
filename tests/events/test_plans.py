"""A page of an actor is read off the key of the participations, on both databases."""

from dataclasses import replace

from app.db.engine import Database
from app.events.filter import EventQuery
from app.events.queries import asking, page_statement


def test_a_page_of_an_actor_walks_the_key_of_participations(kind: str, database: Database) -> None:
    asked = EventQuery(actor=["ARM"], since="2020-01-01", until="2023-12-31")
    with database.connect() as db:
        found = asking(db, asked, limit=51)
        statement = page_statement(found.reading)
        if kind == "sqlite":
            explained = replace(statement, text=f"EXPLAIN QUERY PLAN {statement.text}")
            wanted = "USING PRIMARY KEY (actor=? AND start>?"
        else:
            db.exec_driver_sql("SET enable_seqscan = off")
            db.exec_driver_sql("SET enable_bitmapscan = off")
            explained = replace(statement, text=f"EXPLAIN {statement.text}")
            wanted = "using pk_participations"
        rows = explained.run(db, found.values)
        plan = "\n".join(str(row[-1]) for row in rows)
    assert wanted in plan, plan
