"""Count how the rules of signals change what files of other datasets say.

`python -m bench.scoring FILE…` loads each file twice into a database of its own, once with the
plain Goldstein scores of its source and once by the rules, and prints the signals before and after.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, select

from app.bundled.load_bundled import load_bundled_data
from app.db.engine import Database
from app.db.journal import Writer
from app.db.migrate import upgrade_schema
from app.db.tables import events, signals
from app.events.durations import CLASS_UNIT
from app.events.signals import SignalScale, signal_weight
from app.ingest.loading.load_options import LoadOptions
from app.ingest.loading.loader import Loader
from app.ingest.readers.files import open_input_files

SCALES: tuple[SignalScale, SignalScale] = ("goldstein", "entente")


class StoredSignal(NamedTuple):
    """A signal of an event, without the name of its dataset."""

    rule: str
    score: float
    mass: int
    """Thousandths."""
    cameo: str


SignalsByPair = dict[tuple[str, str, str], StoredSignal]
"""Signals by the key of the event, from and toward."""


def load_twice(database: Database, file: Path) -> tuple[SignalsByPair, SignalsByPair]:
    """Load a file by each scale, and return the signals of each."""
    found = []
    for scale in SCALES:
        options = LoadOptions(dataset=f"by-{scale}-{file.stem[:40].lower()}", signals=scale)
        loader = Loader(database, Writer("bench"), options)
        if failed := loader.load_files(list(open_input_files(file))):
            sys.exit(f"{file}: {failed[0]}")
        with database.connect() as db:
            found.append(read_signals(db, str(options.dataset)))
    return found[0], found[1]


def read_signals(db: Connection, dataset: str) -> SignalsByPair:
    """Read all signals of a dataset."""
    s, e = signals.c, events.c
    rows = select(
        s.event, s["from"], s.toward, s.rule, s.score, s.confidence, s.weight, e.cameo
    ).join(events, e.id == s.event)
    return {
        (event.partition(":")[2], from_, toward): StoredSignal(
            rule, score, signal_weight(score, confidence, weight), cameo or ""
        )
        for event, from_, toward, rule, score, confidence, weight, cameo in db.execute(
            rows.where(s.dataset == dataset)
        )
    }


def compare_signals(before: SignalsByPair, after: SignalsByPair) -> Counter[str]:
    """Count what happened to the signals, by the rule that did it."""
    found: Counter[str] = Counter()
    for key in before.keys() | after.keys():
        was, now = before.get(key), after.get(key)
        if now is None:
            assert was is not None
            found[f"gone: end-of-fighting, CAMEO {was.cameo}"] += 1
        elif was is None:
            found[f"new: {now.rule}, CAMEO {now.cameo}"] += 1
        elif was.score != now.score or was.mass != now.mass:
            found[f"changed: {now.rule}, {was.score:g} to {now.score:g}"] += 1
        else:
            found["the same"] += 1
    return found


def describe_mass(of: SignalsByPair) -> str:
    """Describe the number and the mass of signals."""
    good = sum(s.mass for s in of.values() if s.score > 0) / CLASS_UNIT
    bad = sum(s.mass for s in of.values() if s.score < 0) / CLASS_UNIT
    share = good / (good + bad) if good + bad else 0.0
    return f"{len(of):,} signals, mass +{good:,.1f} −{bad:,.1f}, cooperative share {share:.4f}"


def count_mirrored_visits(database: Database, dataset: str) -> str:
    """Count the visits (042) for which the same pair has a hosting (043) on the same day."""
    with database.connect() as db:
        e, s = events.c, signals.c
        rows = select(e.cameo, e.start, s["from"], s.toward).join(signals, s.event == e.id)
        rows = rows.where(e.dataset == dataset, e.cameo.in_(["042", "043"]))
        rows = rows.where(s.rule == "initiator-target").distinct()
        found = {tuple(row) for row in db.execute(rows)}
    visits = [row for row in found if row[0] == "042"]
    mirrored = sum(("043", day, to, from_) in found for _, day, from_, to in visits)
    return f"{len(visits):,} visits (042) by pair and day, {mirrored:,} with a hosting (043) back"


def describe_file(database: Database, file: Path) -> Iterator[str]:
    """Describe how the rules change the signals of a file."""
    before, after = load_twice(database, file)
    yield f"\n{file.name}"
    yield f"  before: {describe_mass(before)}"
    yield f"  after:  {describe_mass(after)}"
    for what, count in compare_signals(before, after).most_common():
        yield f"  {count:7,}  {what}"
    dataset = f"by-goldstein-{file.stem[:40].lower()}"
    yield f"  {count_mirrored_visits(database, dataset)}"


def main() -> None:
    """Print the signals of each file before and after."""
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Database(f"sqlite:///{folder}/scoring.db")) as database,
    ):
        upgrade_schema(database)
        load_bundled_data(database)
        for name in sys.argv[1:]:
            print("\n".join(describe_file(database, Path(name))))


if __name__ == "__main__":
    main()
