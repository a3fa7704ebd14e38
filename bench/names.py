"""Count how many parties and places of real files, and names of published lists, are resolved.

    python -m bench.names FILE...        loads each file, and counts its parties and places; ends
                                         with a table by format
    python -m bench.names --lists REF    looks up every name in the lists of states in a folder

A party that is nobody's forces, such as protesters, is not resolved and need not be: what is left
is printed by name. A name in a list is right, wrong, ambiguous or unknown, on the first and on the
last day on which the list has the state.
"""

import argparse
import csv
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, select

from app.actors.queries import AmbiguousActorError, UnknownActorError, resolve_actor_code
from app.bundled.load_bundled import load_bundled_data
from app.db.dialect.stored_document import document_of
from app.db.engine import Database
from app.db.journal import Writer
from app.db.migrate import upgrade_schema
from app.db.tables import actors, events, revisions
from app.ingest.loading.load_options import LoadOptions
from app.ingest.loading.loader import Loader
from app.ingest.readers.files import open_input_files
from app.ingest.readers.recognize import recognize_file

MOST_SHOWN = 12
LISTED_DAYS = ("2024-01-01", "2024-01-01")
"""The day for which lists without days are looked up."""


class ListedName(NamedTuple):
    """A name in a published list, the code there of its state, and its first and last day."""

    scheme: str
    code: str
    name: str
    first: str
    day: str


def read_listed_names(folder: Path) -> Iterator[ListedName]:
    """Yield every name of the lists: COW, Gleditsch and Ward, CAMEO, FIPS."""
    with (folder / "cow_states.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            first, last = (
                "-".join(f"{int(float(row[end + unit])):02d}" for unit in ("year", "month", "day"))
                for end in ("st", "end")
            )
            yield ListedName("cow", row["ccode"].removesuffix(".0"), row["statenme"], first, last)
    with (folder / "gw_states.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            code = row["gwcode"].removesuffix(".0")
            yield ListedName("gw", code, row["statename"], row["startdate"], row["enddate"])
    for line in (folder / "CAMEO.country.txt").read_text("latin-1").splitlines()[1:]:
        code, _, name = line.partition("\t")
        yield ListedName("cameo", code, name, *LISTED_DAYS)
    countries = json.loads((folder / "fips_iso_countries.json").read_text("utf-8"))
    for code, row in countries.items():
        for name in filter(None, (row["name"], row["full_name"])):
            yield ListedName("fips", code, name, *LISTED_DAYS)


def find_actor_or_none(db: Connection, name: str, day: str) -> str | None:
    """Find the actor of a name; an ambiguous one gives its candidates, separated by a slash."""
    try:
        return resolve_actor_code(db, name, day)
    except AmbiguousActorError as several:
        return "/".join(c.code for c in several.near)
    except UnknownActorError:
        return None


def count_listed_names(db: Connection, folder: Path) -> None:
    """Print for each list how many of its names are right, wrong, ambiguous and unknown."""
    counts: dict[str, Counter[str]] = {}
    for listed in read_listed_names(folder):
        for day in dict.fromkeys((listed.first, listed.day)):
            expected = find_actor_or_none(db, f"{listed.scheme}:{listed.code}", day)
            if expected is None:
                counts.setdefault(listed.scheme, Counter())["no such actor"] += 1
                continue
            found = find_actor_or_none(db, f"{listed.scheme}:{listed.name}", day)
            found = found or find_actor_or_none(db, listed.name, day)
            verdict = "right" if found == expected else "unknown" if found is None else "wrong"
            verdict = "ambiguous" if found and "/" in found else verdict
            counts.setdefault(listed.scheme, Counter())[verdict] += 1
            if verdict != "right":
                print(f"  {listed.scheme}: {listed.name!r} on {day}: {found}, not {expected}")
    for scheme, found_counts in counts.items():
        print(f"{scheme}: {dict(found_counts)}")


class FileCensus(NamedTuple):
    """How many parties and places of a file of a format are resolved, and how many are not."""

    format: str
    rows: int
    parties: Counter[bool]
    places: Counter[bool]


def count_file(database: Database, file: Path) -> FileCensus:
    """Load a file and print how many of its parties and places are resolved."""
    dataset = f"names-{len(file.stem)}-{file.stem[:40].lower().replace('.', '-')}"
    loader = Loader(database, Writer("bench"), LoadOptions(dataset=dataset))
    if failed := loader.load_files(list(open_input_files(file))):
        sys.exit(f"{file}: {failed[0]}")
    with database.connect() as db:
        known = set(db.scalars(select(actors.c.code)))
        parties: Counter[bool] = Counter()
        places: Counter[bool] = Counter()
        left: Counter[str] = Counter()
        rows = select(document_of(revisions)).join(events, events.c.seq == revisions.c.seq)
        for document in db.scalars(rows.where(events.c.dataset == dataset)):
            event = json.loads(document)
            for party in event["participants"]:
                parties[party["actor"] is not None] += 1
                if party["actor"] is None:
                    left[party["native"]] += 1
            if (country := (event["location"] or {}).get("country")) is not None:
                places[country in known] += 1
                if country not in known:
                    left[f"place {country}"] += 1
    if not parties:  # a series, whose parties are codes of rows
        unknown = loader.stats.unresolved_parties
        parties = Counter({True: loader.stats.parties - unknown, False: unknown})
    print(f"{file.name}: parties {_share(parties)}, places {_share(places)}")
    for name, count in left.most_common(MOST_SHOWN):
        print(f"  {count:6} {name}")
    [opened] = open_input_files(file)
    return FileCensus(recognize_file(opened).format.name, loader.stats.rows, parties, places)


def print_census(counted: Sequence[FileCensus]) -> None:
    """Print a table of the parties and places by format."""
    print("\n| format | files | rows | parties resolved | places resolved |\n|---|---|---|---|---|")
    for name in dict.fromkeys(one.format for one in counted):
        some = [one for one in counted if one.format == name]
        parties = sum((one.parties for one in some), Counter[bool]())
        places = sum((one.places for one in some), Counter[bool]())
        rows = sum(one.rows for one in some)
        print(f"| `{name}` | {len(some)} | {rows:,} | {_share(parties)} | {_share(places)} |")


def _share(counts: Counter[bool]) -> str:
    total = counts.total()
    return f"{counts[True]:,} of {total:,} ({counts[True] / total:.1%})" if total else "none"


def main() -> None:
    """Count the names of the files or lists that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m bench.names", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--lists", type=Path, help="folder of the published lists")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        database = Database(f"sqlite:///{place}/names.db")
        upgrade_schema(database)
        load_bundled_data(database)
        if asked.lists is not None:
            with database.connect() as db:
                count_listed_names(db, asked.lists)
        print_census([count_file(database, file) for file in asked.files])
        database.close()


if __name__ == "__main__":
    main()
