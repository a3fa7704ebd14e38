"""The threads in which questions are answered: a queue, and nothing that a question does not need.

The framework's way to a thread and back takes 54 to 72 µs of CPU, most of it for limits, scopes of
cancellation and idle threads; this one takes 3 to 9 (decision 034).

A thread takes a question only in its turn, and on SQLite there is one turn for all: threads that
answer at once hand the interpreter to and fro (decision 037). Questions that came in a turn of the
loop are handed over together, and answers are given back as soon as none waits.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import Context, copy_context
from itertools import count
from queue import SimpleQueue
from typing import TypeVar

from fastapi import Request
from starlette.concurrency import run_in_threadpool

Answer = TypeVar("Answer")
CLOSE_SECONDS = 5.0
"""Seconds that closing waits for a thread that still answers."""
SLOW_SECONDS = 0.01
"""Seconds, or up to twice as many, after which a question no longer keeps others waiting.

An answer waits for those after it no longer than that."""


class QuestionThreads:
    """A fixed number of threads; asked on one event loop.

    `quick` of them answer at once while answers are quick. A question that is slow loses its turn,
    and another thread takes the next one.
    """

    def __init__(self, size: int, quick: int | None = None) -> None:
        self.size = size
        quick = size if quick is None else min(size, quick)
        self.has_turns = quick < size
        """Whether threads answer one after the other while answers are quick."""
        self.open = 0
        """Questions that are being answered or wait for a thread."""
        self._queue = SimpleQueue[Callable[[], None] | None]()
        self._turns = SimpleQueue[None]()
        for _ in range(quick):
            self._turns.put(None)
        self._numbers = count()
        self._in_turn = dict[int, bool]()
        """Questions being answered whose threads have a turn. Who removes one has it next."""
        self._asked = list[Callable[[], None]]()
        """Questions of this turn of the loop."""
        self._ended = deque[Callable[[], None]]()
        """What gives back the answers that are made."""
        self._watched: asyncio.AbstractEventLoop | None = None
        names = (f"question-{n}" for n in range(size))
        self._threads = [
            threading.Thread(target=self._answer_questions, name=name, daemon=True)
            for name in names
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Questions that wait for a thread."""
        return max(0, self.open - self.size)

    async def run(self, work: Callable[..., Answer], /, **values: object) -> Answer:
        """Run a function in a thread, in the context of the caller; return what it returns.

        A caller that goes away leaves the function running, and its end has no effect.
        """
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Answer] = loop.create_future()
        context = copy_context()

        def answer_and_give_back() -> None:
            self._give_back(loop, _answer_question(answered, context, work, values))

        self._asked.append(answer_and_give_back)
        self.open += 1
        if self._watched is not loop:  # the first question after a while
            self._hand_over()
        elif len(self._asked) == 1:
            loop.call_soon(self._hand_over)
        if self._watched is not loop:
            self._watched = loop
            loop.call_later(SLOW_SECONDS, self._pass_turns_on, loop, ())
        try:
            return await answered
        finally:
            self.open -= 1

    def close(self) -> None:
        """End the threads, after what they have begun."""
        for _ in self._threads:
            self._queue.put(None)
            self._turns.put(None)
        for thread in self._threads:
            thread.join(CLOSE_SECONDS)

    def _hand_over(self) -> None:
        """Hand the questions over that came in this turn of the loop."""
        asked, self._asked = self._asked, []
        for answer in asked:
            self._queue.put(answer)

    def _give_back(self, loop: asyncio.AbstractEventLoop, give: Callable[[], None]) -> None:
        """Give an answer back, in a thread, unless it can be given with the next one."""
        self._ended.append(give)
        if self._queue.empty():
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(self._give_ended)

    def _give_ended(self) -> None:
        while self._ended:
            with suppress(RuntimeError):  # its loop was closed meanwhile
                self._ended.popleft()()

    def _answer_questions(self) -> None:
        has_turn = False
        while True:
            if not has_turn:
                self._turns.get()
            if (answer := self._queue.get()) is None:
                self._turns.put(None)  # for the next thread, which ends too
                return
            number = next(self._numbers)
            self._in_turn[number] = True
            answer()
            del answer  # else it is kept, with what it answers, until the next one comes
            has_turn = self._in_turn.pop(number, False)

    def _pass_turns_on(self, loop: asyncio.AbstractEventLoop, before: Iterable[int]) -> None:
        """Give the turns of questions that are still answered to other threads."""
        self._give_ended()
        for number in before:
            if self._in_turn.pop(number, False):
                self._turns.put(None)
        if self._watched is not loop:
            return
        if self.open:
            loop.call_later(SLOW_SECONDS, self._pass_turns_on, loop, list(self._in_turn))
        else:
            self._watched = None


def _answer_question(
    answered: asyncio.Future[Answer],
    context: Context,
    work: Callable[..., Answer],
    values: dict[str, object],
) -> Callable[[], None]:
    """Answer a question; returns what gives the answer, or the failure, back on the loop."""
    try:
        made = context.run(work, **values)
    except StopIteration as ended:  # which no future takes
        failure: BaseException = RuntimeError(f"{work} raised StopIteration")
        failure.__cause__ = ended
        return _prepare_failure(answered, failure)
    except BaseException as failed:
        return _prepare_failure(answered, failed)
    return _prepare_answer(answered, made)


def _prepare_answer(answered: asyncio.Future[Answer], made: Answer) -> Callable[[], None]:
    return lambda: None if answered.done() else answered.set_result(made)


def _prepare_failure(answered: asyncio.Future[Answer], failed: BaseException) -> Callable[[], None]:
    return lambda: None if answered.done() else answered.set_exception(failed)


async def run_in_question_thread(
    request: Request, work: Callable[..., Answer], /, **values: object
) -> Answer:
    """Run a function in a thread of the service; one of the framework without a running service."""
    threads: QuestionThreads | None = getattr(request.app.state, "threads", None)
    if threads is None:
        return await run_in_threadpool(work, **values)
    return await threads.run(work, **values)
