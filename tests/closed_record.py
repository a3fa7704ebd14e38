"""A record with a closed dataset and one whose sums alone are open, whose rows are marked."""

from typing import Any

from make import BY, event
from sqlalchemy import insert, update

from app.access.keys import create_key
from app.db.engine import Database
from app.db.tables import import_names, import_rejects, imports, unresolved
from app.events.changes import write_events
from app.events.record import convert_record
from app.ingest.jobs.job_store import add_import
from app.ingest.loading.load_options import LoadOptions
from app.sources.changes import write_datasets, write_sources
from app.sources.schemas import Dataset, Source

CLOSED, SUMS = "shut", "summed"
MARKS = {CLOSED: "zqxcanary", SUMS: "zqwcanary"}
"""A word in whatever the rows of each dataset say; ids and words to search by have none."""
YEARS = range(2008, 2020)


def write_dataset(database: Database, code: str, access: str, first: str) -> None:
    fields = {"name": code, "version": "1", "licence": "none", "citation": code, "follows": None}
    days = {"first": first, "last": "2019-12-31"}
    made = Dataset.model_validate({"code": code, "access": access, **fields, **days})
    with database.write() as db:
        write_datasets(db, [made], BY)


def make_marked_events(code: str, mark: str) -> list[Any]:
    """Make events of Armenia and Russia that turn from cooperation to conflict in 2014."""
    return [
        convert_record(
            {
                "key": f"{year}-{month:02}",
                "title": f"{mark} title",
                "summary": f"{mark} summary",
                "date": f"{year}-{month:02}-03",
                "type": "AGREE" if year < 2014 else "ASSAULT",
                "cameo": "057" if year < 2014 else "190",
                "native": f"{mark}: native",
                "location": {"name": f"{mark} place", "country": "ARM", "lat": 40.2, "lon": 44.5},
                "participants": [
                    {"actor": "ARM", "role": "initiator"},
                    {"actor": "RUS", "role": "target", "native": f"{mark}-party"},
                ],
                "tags": [f"{mark}-tag", f"tag-{code}"],
                "reports": [
                    {"source": f"source-{code}", "quote": f"{mark} quote"},
                    {"source": f"plain-{code}"},
                ],
            }
        )
        for year in YEARS
        for month in range(1, 13, 2)
    ]


def make_closed_record(database: Database) -> dict[str, str]:
    """Make the record, and return keys by what they may do."""
    for code, access in ((CLOSED, "closed"), (SUMS, "sums")):
        mark = MARKS[code]
        write_dataset(database, code, access, "1801-01-01")
        source = {"id": f"source-{code}", "kind": "news", "title": f"{mark} article"}
        more = {"publisher": f"{mark} press", "url": f"https://{mark}.example/1"}
        plain = {"id": f"plain-{code}", "publisher": f"press {code}", "title": mark}
        with database.write() as db:
            sources = [source | more, source | plain]
            write_sources(db, [Source.model_validate(one) for one in sources], BY)
            write_events(db, make_marked_events(code, mark), code, BY)
            ident = f"{code}:2014-01"
            names = {"name": f"{mark}:name", "shown": f"{mark} name", "label": f"{mark} label"}
            db.execute(insert(unresolved).values(event=ident, part=1, native=mark, **names))
            add_marked_import(db, code, mark)
    write_dataset(database, "made", "open", "2008-01-01")
    with database.write() as db:
        for year in YEARS:
            event(db, "ARM", "RUS", date=f"{year}-05-05", title="open")
        return {
            "none": create_key(db, "none", "read"),
            "closed": create_key(db, "closed", "read", reads=[CLOSED]),
            "all": create_key(db, "all", "read", reads=["*"]),
            "admin": create_key(db, "admin", "admin"),
            "write": create_key(db, "write", "write"),
            "made": create_key(db, "made", "write", writes=["made"]),
        }


def add_marked_import(db: Any, code: str, mark: str) -> None:
    """Add an import that has ended, with a rejected row and a name."""
    ident, _ = add_import(db, f"import-{code}", LoadOptions(dataset=code), "loader", "none", 1)
    db.execute(update(imports).where(imports.c.id == ident).values(state="done"))
    reject = f'{{"line":1,"field":"x","reason":"{mark}","format":"acled","row":"{mark}"}}'
    db.execute(insert(import_rejects).values({"import": ident, "number": 1, "reject": reject}))
    days = {"times": 1, "first": "2014-01-01", "last": "2014-01-01"}
    db.execute(
        insert(import_names).values({"import": ident, "kind": "actor", "name": mark, **days})
    )


def bear(keys: dict[str, str], name: str) -> dict[str, str]:
    """Return the header that sends a key."""
    return {"Authorization": f"Bearer {keys[name]}"}
