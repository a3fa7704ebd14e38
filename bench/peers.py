"""Other ways to answer a page of the same events, for `bench.usage`: an ORM app, and Datasette.

Both read plain tables (`bench.orm_app`) that are filled from the file that filled the service's
database. Datasette (`pip install 'datasette<1'`; it is not among what the project locks) answers
two queries that are written for it: one as the tables suggest it, and one that reads the index of
an actor's days. A line says so where it is missing.
"""

import importlib.util
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Engine, insert, make_url

from bench.http import run_server
from bench.orm_app import Actor, Base, Event, Participation, Report, Source

ORM_APP = ("-m", "uvicorn", "bench.orm_app:app", "--no-access-log", "--log-level=warning")
BATCH = 20_000
EMBEDDED = """
SELECT e.*,
  (SELECT json_group_array(json_object('code', a.code, 'role', p.role))
   FROM participations AS p JOIN actors AS a ON a.id = p.actor_id WHERE p.event_id = e.id)
   AS participants,
  (SELECT json_group_array(json_object('publisher', s.publisher, 'title', s.title, 'url', s.url,
                                       'published', s.published))
   FROM reports AS r JOIN sources AS s ON s.id = r.source_id WHERE r.event_id = e.id) AS reports
"""
PLAIN_QUERY = f"""{EMBEDDED}
FROM events AS e WHERE e.day >= :since AND e.day <= :until AND EXISTS (
  SELECT 1 FROM participations AS q JOIN actors AS b ON b.id = q.actor_id
  WHERE q.event_id = e.id AND b.code = :actor)
ORDER BY e.day DESC, e.id LIMIT 50
"""
INDEX_QUERY = f"""{EMBEDDED}
FROM (SELECT q.event_id, q.day FROM participations AS q
      WHERE q.actor_id = (SELECT id FROM actors WHERE code = :actor)
        AND q.day >= :since AND q.day <= :until
      ORDER BY q.day DESC, q.event_id LIMIT 50) AS chosen
JOIN events AS e ON e.id = chosen.event_id ORDER BY e.day DESC, e.id
"""
"""Each state takes part once in an event of these, so that no event is chosen twice."""
DATASETTE_QUERIES = {"plain": PLAIN_QUERY, "by index": INDEX_QUERY}
FILLED: tuple[type[Base], ...] = (Actor, Source, Event, Participation, Report)
"""In the order of their references."""
_Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Peer:
    """A service to measure: its name, port, process, and the addresses of a page."""

    name: str
    port: int
    pid: int
    paths: Sequence[str]


class _PlainRows:
    """Builds rows of the plain tables, and numbers actors and sources as they come."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.participations = 0
        self.reports = 0

    def build_rows(self, lines: Iterable[str], first: int) -> dict[type[Base], list[_Row]]:
        """Build the rows of some events, of which the first gets the number `first`."""
        rows: dict[type[Base], list[_Row]] = {one: [] for one in FILLED}
        for number, line in enumerate(lines, first):
            event = json.loads(line)
            day = date.fromisoformat(event["date"])
            plain = {name: event[name] for name in ("key", "title", "type", "cameo", "quad")}
            rows[Event].append({"id": number, "day": day, **plain, **event["location"]})
            for one in event["participants"]:
                self.participations += 1
                rows[Participation].append({
                    "id": self.participations, "event_id": number, "role": one["role"], "day": day,
                    "actor_id": self._number(one["actor"], rows[Actor], {"code": one["actor"]}),
                })  # fmt: skip
            for report in event["reports"]:
                source = report["source"] | {"published": day}
                self.reports += 1
                rows[Report].append({
                    "id": self.reports, "event_id": number,
                    "source_id": self._number(source["url"], rows[Source], source),
                })  # fmt: skip
        return rows

    def _number(self, name: str, new: list[_Row], row: _Row) -> int:
        number = self.numbers.get(name)
        if number is None:
            number = self.numbers[name] = len(self.numbers) + 1
            new.append({"id": number, **row})
        return number


def fill_plain_tables(engine: Engine, path: Path) -> None:
    """Create the tables of the ORM app, and fill them with the events of an NDJSON file."""
    Base.metadata.create_all(engine)
    building, first = _PlainRows(), 1
    with path.open() as lines, engine.begin() as db:
        while batch := list(islice(lines, BATCH)):
            for model, rows in building.build_rows(batch, first).items():
                if rows:
                    db.execute(insert(model), rows)
            first += len(batch)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as db:
        db.exec_driver_sql("ANALYZE")


@contextmanager
def serve_peers(url: str, asked: Sequence[str]) -> Iterator[list[Peer]]:
    """Serve plain tables, and yield who answers the questions A in `asked` from them.

    Datasette is among them on SQLite, where it is installed.
    """
    parameters = [urlsplit(path).query for path in asked]
    with ExitStack() as stack:
        port, pid = stack.enter_context(run_server(url, ORM_APP))
        found = [
            Peer("ORM app", port, pid, [f"/events?{one}" for one in parameters]),
            Peer("ORM app, no total", port, pid, [f"/events?{one}&total=0" for one in parameters]),
        ]
        if not url.startswith("sqlite"):
            yield found
            return
        if importlib.util.find_spec("datasette") is None:
            print("Datasette is not measured: pip install 'datasette<1' brings it")
            yield found
            return
        file = Path(make_url(url).database or "")
        port, pid = stack.enter_context(run_server(url, _name_datasette(file)))
        found += [
            Peer(f"Datasette, {name}", port, pid, [
                f"/{file.stem}/{name.replace(' ', '_')}.json?_shape=array&{one}"
                for one in parameters
            ])
            for name in DATASETTE_QUERIES
        ]  # fmt: skip
        yield found


def _name_datasette(file: Path) -> Sequence[str]:
    """Write what Datasette is to answer beside the database, and return how it is run."""
    queries = {name.replace(" ", "_"): {"sql": sql} for name, sql in DATASETTE_QUERIES.items()}
    metadata = file.with_suffix(".json")
    metadata.write_text(json.dumps({"databases": {file.stem: {"queries": queries}}}))
    return ("-m", "datasette", str(file), "--metadata", str(metadata), "--setting",
            "sql_time_limit_ms", "60000")  # fmt: skip
