"""The command `entente verify`, which checks the database's files, indexes and sums."""

from collections.abc import Iterator
from contextlib import closing

import typer
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.actors.verify import find_membership_faults
from app.alliances.validity import find_doubtful_facts
from app.cli.output import CsvOption, JsonOption, choose_form, print_data, show_activity
from app.cli.terminal import errors, open_current_database
from app.db.dialect.integrity import find_damage
from app.db.failures import classify_failure, describe_cause
from app.db.lineage_table import find_lineage_faults
from app.db.tables import metadata
from app.events.verify import find_event_faults
from app.shifts.materialized.verify import verify_stored_shifts


def verify_database(as_json: JsonOption = False, as_csv: CsvOption = False) -> None:
    """Check the database's files, recompute every index and sum; exit 1 if anything differs."""
    form = choose_form(as_json, as_csv)
    found = 0
    listed: list[dict[str, object]] = []
    with closing(open_current_database()) as database, database.connect() as reading:
        with show_activity("Comparing every document …"):
            for finding in _find_everything(reading):
                found += 1
                if form == "table":
                    print(finding)
                else:
                    listed.append({"difference": finding})
        print_data(form, listed)
        if not found:
            # Sources contradict each other: what they say is remarked, and no fault of storage.
            for remark in find_doubtful_facts(reading):
                errors.print(f"Remark: {remark}", markup=False)
    if found:
        errors.print(f"{found} difference{'s' if found > 1 else ''}.")
        raise typer.Exit(1)
    errors.print("Every index and sum matches the documents.")


def _find_everything(db: Connection) -> Iterator[str]:
    """Describe damaged files first, since everything after them may stop there."""
    yield from find_damage(db, list(metadata.tables))
    try:
        yield from find_lineage_faults(db)
        yield from find_membership_faults(db)
        yield from find_event_faults(db)
        yield from verify_stored_shifts(db)
    except DBAPIError as failed:
        if classify_failure(failed) != "damaged":
            raise
        yield f"damaged: the rest cannot be compared: {describe_cause(failed)}"
    except ValueError as unreadable:
        yield f"damaged: a document cannot be decoded: {str(unreadable)[:200]}"
