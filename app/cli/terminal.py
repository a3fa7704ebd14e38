"""What all commands share: output to the terminal, the configured database, and input errors."""

from collections.abc import Callable
from functools import wraps

import typer
from pydantic import ValidationError
from rich.console import Console

from app.db.engine import Database
from app.db.schema import StaleSchemaError, require_current_schema
from app.errors import InvalidParameterError
from app.settings import Settings
from app.validation_words import describe_invalid_value

console = Console(markup=False, emoji=False)
errors = Console(stderr=True, markup=False, emoji=False)


def open_configured_database() -> Database:
    """Open the database that the settings name."""
    return Database(Settings().database_url)


def open_current_database() -> Database:
    """Open the database that the settings name; exit with 1 where its schema is not current."""
    database = open_configured_database()
    try:
        require_current_schema(database)
    except StaleSchemaError as stale:
        database.close()
        errors.print(str(stale))
        raise typer.Exit(1) from stale
    return database


def report_input_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Wrap a command so that input errors are printed with their field, and exit 2."""

    @wraps(command)
    def run_and_report(**options: object) -> None:
        try:
            command(**options)
        except (InvalidParameterError, ValidationError) as error:
            errors.print(_describe_input_error(error), markup=False)
            raise typer.Exit(2) from error

    return run_and_report


def _describe_input_error(error: InvalidParameterError | ValidationError) -> str:
    if isinstance(error, InvalidParameterError):
        return f"{error.fault.loc[-1]}: {error.fault.message}. {error.fault.hint or ''}"
    return "\n".join(
        f"{e.get('ctx', {}).get('field') or '.'.join(map(str, e['loc']))}:"
        f" {describe_invalid_value(e)}"
        for e in error.errors()
    )
