"""Entry point of the command `entente`, which starts fast and reports outside failures briefly."""

import signal
import sys

from app.cli import main as run_command


def main() -> None:
    """Run the command line."""
    # `load -` copies standard input to a temporary file, which a normal exit removes.
    if sys.argv[1:2] == ["load"] and "-" in sys.argv:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        run_command()
    except Exception as error:
        message = _describe_outside_failure(error)
        if message is None:
            raise
        sys.stderr.write(f"{message}\n")
        raise SystemExit(1) from None


def _describe_outside_failure(error: Exception) -> str | None:
    """Return a line about a failure outside the program, such as a missing file; else None."""
    # Imported here, because `entente --help` needs neither pydantic nor the database libraries.
    from pydantic import ValidationError  # noqa: PLC0415

    from app.db.failures import classify_failure  # noqa: PLC0415
    from app.errors import MissingExtraError, UnsupportedTracingError  # noqa: PLC0415
    from app.validation_words import describe_invalid_setting  # noqa: PLC0415

    if (kind := classify_failure(error)) is not None:
        cause = " ".join(str(getattr(error, "orig", error)).split())
        return f"The database is {'damaged' if kind == 'damaged' else 'not available'}: {cause}"
    if isinstance(error, ValidationError) and error.title == "Settings":
        return "\n".join(describe_invalid_setting(e) for e in error.errors())
    if isinstance(error, MissingExtraError | UnsupportedTracingError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'A file'}: {error.strerror}"
    return None
