"""Bring up to date what PostgreSQL knows of its tables, as it does in time by itself.

Until then it does not know how many rows a question finds, and sorts all events of an actor to show
the last fifty. An index alone answers only where a vacuum has seen that all rows are visible.
"""

from typing import Any

from sqlalchemy import text

from app.db.dialect import find_sqlite_file
from app.db.engine import Database

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"


def refresh_statistics(database: Database, patience: int = 0) -> list[str]:
    """Vacuum and analyze all tables on PostgreSQL, while others read and write.

    Returns the warnings of the server, which leaves out the tables that the role does not own.
    `patience`: seconds after which a table that something else has locked is an error; 0: never.
    SQLite plans without statistics, and does nothing here.
    """
    warnings: list[str] = []

    def take_notice(notice: Any) -> None:
        if notice.severity_nonlocalized == "WARNING":
            warnings.append(notice.message_primary)

    if find_sqlite_file(database.engine) is not None:
        return []
    apart = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with apart.connect() as db:
        quote = db.dialect.identifier_preparer.quote
        names = ", ".join(map(quote, db.scalars(text(_TABLES))))
        raw: Any = db.connection.driver_connection
        raw.add_notice_handler(take_notice)
        db.execute(text("SET statement_timeout = 0"))
        db.execute(text(f"SET lock_timeout = '{patience}s'"))
        try:
            if names:
                db.exec_driver_sql(f"VACUUM (ANALYZE) {names}")
        finally:
            db.invalidate()  # with its settings
    return warnings
