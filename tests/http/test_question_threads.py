"""Questions are answered in a fixed number of threads, whatever becomes of who asked."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar

import pytest
from serving import run_apart

from app.http.question_threads import QuestionThreads

pytestmark = pytest.mark.by_turns
WHO = ContextVar[str]("who")


@pytest.fixture
def threads() -> Iterator[QuestionThreads]:
    made = QuestionThreads(2)
    yield made
    made.close()
    left = [t.name for t in threading.enumerate() if t in made._threads]
    assert left == []


def test_an_answer_is_made_in_a_thread_in_the_context_of_who_asks(threads: QuestionThreads) -> None:
    async def ask(who: str) -> tuple[str, str]:
        WHO.set(who)
        return await threads.run(lambda: (WHO.get(), threading.current_thread().name))

    async def ask_all() -> list[tuple[str, str]]:
        return await asyncio.gather(*(ask(str(n)) for n in range(20)))

    answers = run_apart(ask_all())
    assert [who for who, _ in answers] == [str(n) for n in range(20)]
    assert {name for _, name in answers} <= {"question-0", "question-1"}


@pytest.mark.parametrize("fault", [ValueError, StopIteration, SystemExit, asyncio.CancelledError])
def test_a_failure_reaches_who_asked(threads: QuestionThreads, fault: type[BaseException]) -> None:
    def fail() -> None:
        raise fault

    async def ask() -> tuple[BaseException, int]:
        try:
            await threads.run(fail)
        except BaseException as failed:
            return failed, await threads.run(lambda: 7)
        raise AssertionError

    failed, after = run_apart(ask())
    assert isinstance(failed, RuntimeError if fault is StopIteration else fault)
    assert (after, threads.open) == (7, 0)


def test_others_wait_for_a_thread(threads: QuestionThreads) -> None:
    over = threading.Event()

    async def ask() -> list[int]:
        asked = [asyncio.create_task(threads.run(lambda: over.wait(30))) for _ in range(5)]
        await asyncio.sleep(0)
        counts = [threads.open, threads.waiting]
        over.set()
        assert await asyncio.gather(*asked) == [True] * 5
        return [*counts, threads.open, threads.waiting]

    assert run_apart(ask()) == [5, 3, 0, 0]


def test_who_goes_away_leaves_the_threads_usable(threads: QuestionThreads) -> None:
    over = threading.Event()

    async def leave(work: Callable[[], object]) -> None:
        asked = asyncio.create_task(threads.run(work))
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    async def ask() -> int:
        await leave(lambda: over.wait(30))
        await leave(lambda: over.wait(30) and 1 // 0)
        over.set()
        return await threads.run(lambda: 7)

    assert run_apart(ask()) == 7


def test_an_answer_for_a_loop_that_has_ended_is_dropped(threads: QuestionThreads) -> None:
    over = threading.Event()

    async def leave() -> None:
        asked = asyncio.create_task(threads.run(lambda: over.wait(30)))
        await asyncio.sleep(0)
        asked.cancel()

    async def ask() -> int:
        return await threads.run(lambda: 7)

    run_apart(leave())
    over.set()
    assert run_apart(ask()) == 7
