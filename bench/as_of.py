"""Measure what a page of the past costs, against one of the present, with a tenth revised."""

from typing import Any

from sqlalchemy import insert, text

from app.db.engine import Database
from app.db.tables import commits, events, participations, revisions
from bench.timeline import Cases, PageCost, build_cases, measure_pages

TENTH = 10


def revise_tenth(database: Database) -> int:
    """Give every tenth event a second, equal revision, and return the version before."""
    with database.write() as db:
        before = int(db.scalar(text("SELECT max(seq) FROM revisions")) or 0)
        db.execute(insert(commits).values(seq=before, at="2026-01-01T00:00:00.000000Z"))
        names = ", ".join(
            f'"{c.name}"' for c in revisions.columns if c.name not in ("seq", "revision", "action")
        )
        db.execute(
            text(
                f"INSERT INTO revisions (seq, revision, action, {names})"
                f" SELECT {before} + row_number() OVER (ORDER BY seq), 2, 'update', {names}"
                f" FROM revisions WHERE kind = 'event' AND seq % {TENTH} = 0"
            )
        )
        for table, key in ((events, "id"), (participations, "event")):
            _move_to_history(db, table, key)
        last = int(db.scalar(text("SELECT max(seq) FROM revisions")) or 0)
        db.execute(insert(commits).values(seq=last, at="2026-01-02T00:00:00.000000Z"))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.exec_driver_sql("ANALYZE")
    return before


def has_past(database: Database) -> bool:
    """Return whether the database contains superseded events."""
    with database.connect() as db:
        return db.scalar(text("SELECT min(gone) FROM past_events")) is not None


def _move_to_history(db: Any, table: Any, key: str) -> None:
    columns = ", ".join(f'"{c.name}"' for c in table.columns)
    same = f'r.id = {table.name}."{key}"'
    newest = f"(SELECT max(r.seq) FROM revisions r WHERE r.kind = 'event' AND {same})"
    moved = f"seq % {TENTH} = 0 AND seq < {newest}"
    past = f"INSERT INTO past_{table.name} ({columns}, gone) SELECT {columns}, {newest}"
    db.execute(text(f"{past} FROM {table.name} WHERE {moved}"))
    db.execute(text(f"UPDATE {table.name} SET seq = {newest} WHERE {moved}"))


def measure_as_of(
    database: Database, seconds: float = 1.0
) -> list[tuple[PageCost, list[PageCost]]]:
    """Measure each page now, and as of a version before and one amid the revisions."""
    with database.connect() as db:
        last = int(db.scalar(text("SELECT max(seq) FROM revisions")) or 0)
        first = int(db.scalar(text("SELECT min(gone) FROM past_events")) or last)
    wanted: Cases = []
    for name, asked in build_cases(database):
        wanted.append((name, asked))
        for word, version in (("before", first - 1), ("amid", (first + last) // 2)):
            then = [one.model_copy(update={"as_of": str(version)}) for one in asked]
            wanted.append((f"{name}, as of {word}", then))
    costs = measure_pages(database, seconds, chosen=wanted)
    return [(costs[at], costs[at + 1 : at + 3]) for at in range(0, len(costs), 3)]


def format_costs_as_of(kind: str, found: list[tuple[PageCost, list[PageCost]]]) -> str:
    """Format the costs as text, with the ratio of those of the past to those of the present."""
    lines = [f"{kind:<36}{'CPU us':>10}{'wall us':>10}{'CPU x':>8}{'wall x':>8}"]
    for now, past in found:
        lines += [
            f"{c.name:<36}{c.cpu:>10,.0f}{c.wall:>10,.0f}"
            f"{c.cpu / now.cpu:>8.2f}{c.wall / now.wall:>8.2f}"
            for c in (now, *past)
        ]
    return "\n".join(lines)
