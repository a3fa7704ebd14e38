"""Deliver what watches have to say: in order for each, and no receiver waits for another."""

import asyncio
import json
import logging
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Row

from app.db.engine import Database
from app.db.lineage_table import read_version
from app.http.metrics import WATCH_RESULTS, WATCH_SECONDS
from app.settings import WATCH_ATTEMPTS, Settings
from app.watches import delivery_store, watch_store
from app.watches.delivery_store import Attempt
from app.watches.mail import compose_mail, send_mail
from app.watches.payloads import build_delivery_message, encode_message, make_message_id
from app.watches.readable import WatchReaders
from app.watches.sender import SendResult, send_message

T = TypeVar("T")
DELAYS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds between the attempts of one delivery, ten in all over three days."""
assert len(DELAYS) + 1 == WATCH_ATTEMPTS
JITTER = 0.2
"""The share by which a delay is longer or shorter by chance."""
MAX_AT_ONCE, MAX_FAILING = 400, 100
"""Receivers that are sent to at the same time, and how many of them whose last attempt failed."""
LOOKUP_THREADS = 64
"""Threads that look names up: one that no server knows keeps its thread for many seconds."""
MESSAGES_PER_TURN = 50
"""Messages that one receiver gets before the others have their turn."""
MAIL_INTERVAL = 300.0
"""Least seconds between two e-mails to one address."""
IDLE_SECONDS = 1.0
"""Seconds after which what is due is looked for, without a call."""
log = logging.getLogger("entente.watches")


def choose_delay(attempts: int, retry_after: float, delays: tuple[float, ...] = DELAYS) -> float:
    """Choose the seconds before the next attempt, after some that failed."""
    delay = delays[min(attempts, len(delays)) - 1]
    return max(delay * random.uniform(1 - JITTER, 1 + JITTER), retry_after)


class WatchDispatcher:
    """A thread with a loop of its own, in which each receiver has a task."""

    def __init__(
        self, database: Database, settings: Settings, delays: tuple[float, ...] = DELAYS
    ) -> None:
        self.database, self.settings, self.delays = database, settings, delays
        self._closed, self._woken = threading.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failing: set[str] = set()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="deliveries")

    def run_until_closed(self, may_send: Callable[[], bool]) -> None:
        """Deliver until `close` is called, as long as this process may."""
        asyncio.run(self._dispatch_for_ever(may_send))
        self._executor.shutdown()

    def wake(self) -> None:
        """Look at once for what is due; may be called from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._woken.set)

    def close(self) -> None:
        """Let the thread end; messages under way are sent again by the next process."""
        self._closed.set()
        self.wake()

    async def _dispatch_for_ever(self, may_send: Callable[[], bool]) -> None:
        self._loop, self._woken = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_default_executor(ThreadPoolExecutor(LOOKUP_THREADS, "lookups"))
        while not self._closed.is_set():
            self._woken.clear()
            if may_send():
                try:
                    await self._start_due_tasks()
                except Exception:
                    log.exception("cannot read what is to be delivered; it is tried again")
            try:
                await asyncio.wait_for(self._woken.wait(), IDLE_SECONDS)
            except TimeoutError:
                continue
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _start_due_tasks(self) -> None:
        for watch, is_failing in await self._call(self._list_due, list(self._tasks)):
            if is_failing:
                self._failing.add(watch)
            task = asyncio.get_running_loop().create_task(self._deliver_turn(watch))
            self._tasks[watch] = task
            task.add_done_callback(partial(self._end_task, watch))

    def _end_task(self, watch: str, done: "asyncio.Task[None]") -> None:
        del self._tasks[watch]
        self._failing.discard(watch)
        if not done.cancelled() and (failed := done.exception()) is not None:
            log.error("cannot deliver for watch %s", watch, exc_info=failed)
        self._woken.set()

    def _list_due(self, apart: list[str]) -> list[tuple[str, bool]]:
        """List receivers to send to now, and whether each failed last: those have fewer places."""
        free = MAX_AT_ONCE - MAX_FAILING - len(apart) + len(self._failing)
        with self.database.connect() as db:
            return [
                (watch, is_failing)
                for is_failing, places in ((False, free), (True, MAX_FAILING - len(self._failing)))
                if places > 0
                for watch in delivery_store.list_due_watches(
                    db, places, apart, is_failing=is_failing
                )
            ]

    async def _call(self, work: Callable[..., T], *values: Any) -> T:
        assert self._loop is not None
        return await self._loop.run_in_executor(self._executor, work, *values)

    async def _deliver_turn(self, watch: str) -> None:
        """Deliver what waits for one receiver, in order, up to the end of its turn."""
        turn = await self._call(self._read_turn, watch)
        if turn is None:
            return
        if turn.row.email:
            await self._deliver_mail(turn)
            return
        made: list[Attempt] = []
        last: SendResult | None = None
        try:
            for delivery, ident, body in turn.messages:
                last = await send_message(
                    turn.row.url, ident, body, watch_store.read_secrets(turn.row),
                    allow_private=self.settings.watch_private_addresses,
                    contact=self.settings.contact,
                    watch_key=self.settings.watch_key,
                )  # fmt: skip
                WATCH_SECONDS.observe(last.seconds)
                made.append(self._judge_attempt(turn.row, delivery, last))
                if not last.arrived:
                    break
        finally:
            if made:
                await asyncio.shield(self._call(self._record_turn, turn.row, made, last))

    async def _deliver_mail(self, turn: "_Turn") -> None:
        """Deliver a turn as one e-mail; what comes within the next minutes waits for another."""
        if not turn.messages:
            return
        row = turn.row
        said = [json.loads(body) for _, _, body in turn.messages]
        mail = compose_mail(self.settings, row.id, row.name, row.email, said)
        loop = asyncio.get_running_loop()
        sent = await loop.run_in_executor(None, send_mail, self.settings, mail)
        WATCH_SECONDS.observe(sent.seconds)
        made = [self._judge_attempt(row, delivery, sent) for delivery, _, _ in turn.messages]
        if not sent.arrived:
            made = made[:1]  # the others wait behind the first one
        await asyncio.shield(self._call(self._record_turn, row, made, sent))

    def _read_turn(self, watch: str) -> "_Turn | None":
        with self.database.connect() as db:
            row = watch_store.find_watch(db, watch)
            if row is None or row.state != "active":
                return None
            allowed = watch_store.has_key_in_force(db, row.owner)
            ancestry = read_version(db).ancestry
            waiting = delivery_store.list_pending(db, watch, MESSAGES_PER_TURN)
            found = WatchReaders(db, {watch: row.owner}).keep_messages(waiting)
        if not allowed or not (row.url or row.email):
            with self.database.write() as db:
                if not allowed:
                    reason = f"no key named {row.owner!r} is in force"
                    watch_store.stop_watch(db, watch, "suspended", reason)
                delivery_store.refresh_pending(db, watch)
            return None
        if len(found) < len(waiting):  # datasets were closed after the events had matched
            closed = {one.seq for one in waiting} - {one.seq for one in found}
            with self.database.write() as db:
                delivery_store.withdraw_deliveries(db, watch, sorted(closed))
        messages = [
            (
                one,
                make_message_id(watch, one.seq, ancestry),
                encode_message(build_delivery_message(row.name, one, ancestry)),
            )
            for one in found
        ]
        return _Turn(row, messages)

    def _judge_attempt(self, row: Row[Any], delivery: Row[Any], result: SendResult) -> Attempt:
        attempts = delivery.attempts + 1
        if result.arrived:
            state: delivery_store.DeliveryState = "delivered"
        else:
            state = "dead" if attempts > len(self.delays) else "pending"
        WATCH_RESULTS.labels("failed" if state == "pending" else state).inc()
        return Attempt(row.id, delivery.seq, state, attempts, result.status, result.error)

    def _record_turn(self, row: Row[Any], made: list[Attempt], last: SendResult | None) -> None:
        assert last is not None
        with self.database.write() as db:
            delivery_store.record_attempts(db, made)
            if last.arrived:
                if row.email:
                    at = datetime.now(UTC) + timedelta(seconds=MAIL_INTERVAL)
                    due = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
                    delivery_store.set_due(db, row.id, due, 0)
                elif row.failures:
                    delivery_store.set_due(db, row.id, watch_store.format_now(), 0)
            else:
                self._delay_watch(db, row, made, last)
            delivery_store.refresh_pending(db, row.id)

    def _delay_watch(self, db: Any, row: Row[Any], made: list[Attempt], last: SendResult) -> None:
        """Choose when a receiver that failed is tried again, or suspend its watch."""
        failures = (0 if len(made) > 1 else row.failures) + 1
        if last.status == 410:
            watch_store.stop_watch(db, row.id, "suspended", "the receiver answered 410 Gone")
        elif failures > len(self.delays) and made[-1].state != "dead":
            # A delivery was given up after all its attempts, and the next one fails too.
            reason = f"{failures} attempts in a row failed: {last.error}"
            watch_store.stop_watch(db, row.id, "suspended", reason)
        wait = choose_delay(failures, last.retry_after, self.delays)
        if made[-1].state == "dead":
            wait = last.retry_after
        at = datetime.now(UTC) + timedelta(seconds=wait)
        due = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        delivery_store.set_due(db, row.id, due, failures)


@dataclass(frozen=True, slots=True)
class _Turn:
    """What one receiver gets in one turn: (delivery, id, body) of each message, in order."""

    row: Row[Any]
    messages: list[tuple[Row[Any], str, bytes]]
