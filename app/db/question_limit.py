"""How many events a question may have read, as the connection that it reads by knows it."""

from sqlalchemy import Connection

_LIMIT = "question_events"


def limit_question(db: Connection, events: int) -> None:
    """Limit the questions that are read by a connection, until it is returned; 0 for no limit."""
    db.info[_LIMIT] = events


def get_question_limit(db: Connection) -> int:
    """Return the most events that a question may have read; 0 for no limit."""
    return int(db.info.get(_LIMIT, 0))
