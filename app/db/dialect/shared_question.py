"""Ask PostgreSQL one thing on the event loop, once for all requests that wait (decision 035).

A request takes only the answer to a question that was sent after the request had asked for it: so
it sees whatever was committed before. Where there is none, because the server cannot be reached,
is slow or is a standby, requests ask for themselves in their threads. The connection is one apart
from the pool, and is replaced as soon as one of the pool is lost: the server may be another then.
"""

import asyncio
from contextlib import suppress

import psycopg
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult
from sqlalchemy import Engine, event

Row = tuple[str | None, ...]
"""A row, its values as texts."""
_NAME = b"shared_question"
PATIENCE_SECONDS = 0.5
"""Seconds that requests wait for an answer before they ask for themselves."""
AWAY_SECONDS = 5.0
"""Seconds without a new connection after one was lost, or was to a standby."""


class SharedQuestion:
    """A statement without parameters that returns one row; asked on one event loop."""

    def __init__(self, engine: Engine, text: bytes) -> None:
        self._engine, self._text = engine, text
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None
        self._socket = -1
        self._opening: asyncio.Task[None] | None = None
        self._away_until = 0.0
        self._has_lost, self._is_suspect, self._is_stopped = False, False, False
        event.listen(engine, "invalidate", self._suspect_connection)
        self._waiting = list[asyncio.Future[Row | None]]()
        """Requests whose question is not sent yet."""
        self._asked = list[asyncio.Future[Row | None]]()
        """Requests that wait for the answer to the question that was sent last."""
        self._result: PGresult | None = None
        self._patience: asyncio.TimerHandle | None = None

    async def ask_database(self) -> Row | None:
        """Return the answer to a question that is sent from now on; None where there is none."""
        loop = asyncio.get_running_loop()
        if self._is_suspect and loop is self._loop:
            self._is_suspect = False
            self._close()
        if self._connection is None and not await self._wait_for_connection(loop):
            return None
        if loop is not self._loop:
            return None
        answered: asyncio.Future[Row | None] = loop.create_future()
        self._waiting.append(answered)
        if len(self._waiting) == 1 and not self._asked:
            loop.call_soon(self._send)  # after the others that came in this turn of the loop
        return await answered

    async def stop_asking(self) -> None:
        """Close the connection, also one that is being opened."""
        self._is_stopped = True
        if self._opening is not None:
            await asyncio.wait({self._opening}, timeout=PATIENCE_SECONDS)
        self._close()

    def _suspect_connection(self, *_: object) -> None:
        """Note, in any thread, that a connection of the pool was lost."""
        self._is_suspect = True

    def _close(self) -> None:
        """Close the connection; who waits has no answer."""
        if self._patience is not None:
            self._patience.cancel()
        waiting = self._asked + self._waiting
        self._asked, self._waiting, self._result = [], [], None
        _give_answer(waiting, None)  # first of all: whatever fails below, no request waits
        lost, self._connection = self._connection, None
        if lost is not None:
            self._has_lost = True
            if self._loop is not None and not self._loop.is_closed():
                self._loop.remove_reader(self._socket)
            lost.close()

    async def _wait_for_connection(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Open a connection, unless that failed a moment ago; return whether there is one.

        Only for the first connection of all do requests wait.
        """
        if self._opening is None or self._opening.done():
            if loop.time() < self._away_until or self._is_stopped:
                return False
            self._loop, self._opening = loop, loop.create_task(self._open())
        if not self._has_lost:
            await asyncio.wait({self._opening}, timeout=PATIENCE_SECONDS)
        return self._connection is not None

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        self._away_until = loop.time() + AWAY_SECONDS
        made = None
        with suppress(Exception):  # requests ask for themselves, and say what is wrong
            made = await asyncio.to_thread(self._connect)
        if made is None:
            self._has_lost = True
            return
        self._connection, self._away_until = made, 0.0
        self._socket = made.pgconn.socket  # a lost connection does not say it
        loop.add_reader(self._socket, self._receive)

    def _connect(self) -> psycopg.Connection[tuple[object, ...]] | None:
        """Open a connection apart from the pool; None where it is to a standby."""
        taken = self._engine.raw_connection()
        made = taken.driver_connection
        taken.detach()
        assert isinstance(made, psycopg.Connection)
        server = made.pgconn
        is_primary = server.parameter_status(b"in_hot_standby") == b"off"  # None: before version 14
        if not is_primary or self._is_stopped or not self._prepare(made):
            made.close()
            return None
        return made

    def _prepare(self, made: psycopg.Connection[tuple[object, ...]]) -> bool:
        done = made.pgconn.prepare(_NAME, self._text, []).status
        made.pgconn.nonblocking = 1  # the event loop waits for nothing
        return done == ExecStatus.COMMAND_OK

    def _send(self) -> None:
        if self._connection is None or not self._waiting:
            return
        self._asked, self._waiting = self._waiting, []
        server = self._connection.pgconn
        try:
            server.send_query_prepared(_NAME, [], None, Format.TEXT)
            server.flush()
        except psycopg.Error:
            self._lose_connection()
            return
        self._patience = asyncio.get_running_loop().call_later(
            PATIENCE_SECONDS, self._lose_connection
        )

    def _receive(self) -> None:
        if self._connection is None:
            return
        server = self._connection.pgconn
        try:
            server.consume_input()
            while not server.is_busy():
                result = server.get_result()
                if result is None:
                    self._end_question()
                    return
                self._result = result
        except psycopg.Error:
            self._lose_connection()

    def _end_question(self) -> None:
        result, self._result = self._result, None
        if not self._asked:  # the server has sent something unasked
            return
        if result is None or result.status != ExecStatus.TUPLES_OK or result.ntuples != 1:
            self._lose_connection()
            return
        if self._patience is not None:
            self._patience.cancel()
        asked, self._asked = self._asked, []
        values = (result.get_value(0, n) for n in range(result.nfields))
        _give_answer(asked, tuple(None if v is None else v.decode() for v in values))
        self._send()

    def _lose_connection(self) -> None:
        if self._loop is not None:
            self._away_until = self._loop.time() + AWAY_SECONDS
        self._close()


def _give_answer(waiting: list[asyncio.Future[Row | None]], answer: Row | None) -> None:
    for one in waiting:
        if not one.done():  # its request may have gone away
            one.set_result(answer)
