"""Transactions of readers on PostgreSQL, with few messages to the server (decision 042).

All reads of one see one state. The driver and SQLAlchemy would set that on the connection, begin,
roll back and unset it: four steps beside the statements, most of them with code of Python.
"""

from collections.abc import MutableMapping

import psycopg
from psycopg.pq import DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult
from sqlalchemy import Connection

READS = "entente_reads"
"""The execution option of an engine whose transactions each see one state."""
PLANS_EACH_TIME = b"SET LOCAL plan_cache_mode = force_custom_plan"
_BEGIN = b"BEGIN ISOLATION LEVEL REPEATABLE READ"
_EXPECTED, _ASKED = "expects_plans", "asked_for_plans"
"""Names in the `info` of a connection."""


def reads_one_state(db: Connection) -> bool:
    """Return whether the transactions of a connection each see one state."""
    return bool(db.get_execution_options().get(READS))


def write_begin(db: Connection, raw: psycopg.Connection[tuple[object, ...]]) -> bytes:
    """Return the statements that begin a transaction; empty where one is open, or none is used."""
    if raw.autocommit or raw.pgconn.transaction_status != TransactionStatus.IDLE:
        return b""
    if not reads_one_state(db):
        level = raw.isolation_level
        kind = "" if level is None else f" ISOLATION LEVEL {level.name.replace('_', ' ')}"
        return f"BEGIN{kind}".encode()
    if not db.info.get(_EXPECTED):
        return _BEGIN
    db.info[_ASKED] = True
    return _BEGIN + b"; " + PLANS_EACH_TIME


def begin_one_state(db: Connection, raw: psycopg.Connection[tuple[object, ...]]) -> None:
    """Begin a transaction of a reader, unless one is open.

    Where the connection is lost, the statement that follows finds it so, and says it.
    """
    if not reads_one_state(db) or not (begin := write_begin(db, raw)):
        return
    result = raw.pgconn.exec_(begin)
    if not raw.closed:
        check_result(result)


def end_one_state(db: Connection, raw: psycopg.Connection[tuple[object, ...]]) -> None:
    """End the transaction of a reader in one call of libpq.

    The pool would do it, by a generator of the driver; so it finds nothing to do. A connection that
    was lost is its to find.
    """
    forget_plans(db.info)
    if raw.pgconn.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
        raw.pgconn.exec_(b"ROLLBACK")


def expect_plans(db: Connection) -> None:
    """Say that a statement follows that is planned each time, before the first is executed.

    What asks for it then goes with the beginning of the transaction, and is no message of its own.
    """
    db.info[_EXPECTED] = True


def forget_plans(info: MutableMapping[str, object]) -> None:
    """Forget what a transaction asked for."""
    info.pop(_EXPECTED, None)
    info.pop(_ASKED, None)


def ask_for_plans(db: Connection, raw: psycopg.Connection[tuple[object, ...]]) -> None:
    """Have statements planned each time until the end of the transaction, which is open."""
    if db.info.get(_ASKED):
        return
    check_result(raw.pgconn.exec_(PLANS_EACH_TIME))
    if reads_one_state(db):  # else nothing says when it ends
        db.info[_ASKED] = True


def check_result(result: PGresult) -> PGresult:
    """Return a result of libpq; raises the driver's error for a failure."""
    if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        return result
    code = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
    try:
        kind: type[psycopg.Error] = psycopg.errors.lookup(code)
    except KeyError:
        kind = psycopg.OperationalError
    raise kind(result.get_error_message())
