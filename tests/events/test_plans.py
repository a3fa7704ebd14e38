"""A page of an actor is read off the key of the participations, on both databases."""

from typing import Any

from app.db.engine import Database
from app.events.filter import EventQuery
from app.events.queries import matching


def test_a_page_of_an_actor_walks_the_key_of_participations(kind: str, database: Database) -> None:
    asked = EventQuery(actor=["ARM"], since="2020-01-01", until="2023-12-31")
    with database.connect() as db:
        found = matching(db, asked, limit=51).compile(
            db.engine, compile_kwargs={"render_postcompile": True}
        )
        if kind == "sqlite":
            given: Any = tuple(found.params[name] for name in found.positiontup or ())
            rows = db.exec_driver_sql(f"EXPLAIN QUERY PLAN {found}", given)
            wanted = "USING PRIMARY KEY (actor=? AND start>?"
        else:
            db.exec_driver_sql("SET enable_seqscan = off")
            db.exec_driver_sql("SET enable_bitmapscan = off")
            rows = db.exec_driver_sql(f"EXPLAIN {found}", dict(found.params))
            wanted = "using pk_participations"
        plan = "\n".join(str(row[-1]) for row in rows)
    assert wanted in plan, plan
