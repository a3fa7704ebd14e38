"""The command `entente verify`, which compares indexes and sums with the documents."""

from contextlib import closing
from itertools import chain

import typer

from app.alliances.validity import find_doubtful_facts
from app.cli.terminal import errors, open_current_database
from app.events.verify import find_event_faults
from app.shifts.materialized.verify import verify_stored_shifts


def verify_database() -> None:
    """Recompute every index and sum from the documents; exit 1 if anything differs."""
    found = 0
    with closing(open_current_database()) as database, database.connect() as reading:
        for finding in chain(find_event_faults(reading), verify_stored_shifts(reading)):
            found += 1
            print(finding)
        # Sources contradict each other, so what they say is remarked and is no fault of storage.
        for remark in find_doubtful_facts(reading):
            errors.print(f"Remark: {remark}", markup=False)
    if found:
        errors.print(f"{found} difference{'s' if found > 1 else ''}.")
        raise typer.Exit(1)
    errors.print("Every index and sum matches the documents.")
