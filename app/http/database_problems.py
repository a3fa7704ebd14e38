"""How each kind of database failure is answered: those that pass say when to try again."""

from dataclasses import dataclass

from app.db.failures import FailureKind


@dataclass(frozen=True, slots=True)
class DatabaseProblem:
    """The answer to a kind of database failure; `retry_after` in seconds where it may pass."""

    status: int
    title: str
    detail: str
    retry_after: int | None = None


DATABASE_PROBLEMS: dict[FailureKind, DatabaseProblem] = {
    "busy": DatabaseProblem(
        status=503,
        title="The database is busy",
        detail="The database is busy; nothing was changed. Try again.",
        retry_after=2,
    ),
    "unreachable": DatabaseProblem(
        status=503,
        title="The database cannot be reached",
        detail="The database cannot be reached. Try again; a write that is sent again with the same"
        " Idempotency-Key is done once.",
        retry_after=5,
    ),
    "full": DatabaseProblem(
        status=507,
        title="The server has no space left",
        detail="The database has no space left; nothing was changed. Trying again does not help"
        " until its operator has made room.",
    ),
    "read-only": DatabaseProblem(
        status=503,
        title="The database is read-only",
        detail="The database accepts no writes; nothing was changed. Trying again does not help"
        " until its operator has permitted them.",
    ),
    "damaged": DatabaseProblem(
        status=500,
        title="The database is damaged",
        detail="A part of the database cannot be read. Trying again does not help; its operator"
        " finds out more from `entente verify`, and restores a backup.",
    ),
}
"""How each kind is answered, but for `query-time`, which the question causes; slug: the kind."""
