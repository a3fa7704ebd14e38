"""Questions are answered in a fixed number of threads, whatever becomes of who asked."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar

import pytest
from serving import run_apart

from app.http import question_threads
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


@pytest.fixture
def in_turns() -> Iterator[QuestionThreads]:
    made = QuestionThreads(3, quick=1)
    yield made
    made.close()
    assert [t.name for t in threading.enumerate() if t in made._threads] == []


def test_quick_questions_are_answered_one_at_a_time(
    in_turns: QuestionThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(question_threads, "SLOW_SECONDS", 30)
    inside, most = [0], [0]

    def answer() -> None:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        threading.Event().wait(0.001)  # lets go of the interpreter
        inside[0] -= 1

    async def ask() -> None:
        await asyncio.gather(*(in_turns.run(answer) for _ in range(40)))

    run_apart(ask())
    assert (most[0], in_turns.open) == (1, 0)


def test_slow_questions_keep_no_other_waiting_while_a_thread_is_left(
    in_turns: QuestionThreads,
) -> None:
    over = threading.Event()

    async def ask() -> list[object]:
        slow = [asyncio.create_task(in_turns.run(lambda: over.wait(30))) for _ in range(2)]
        quick = [await asyncio.wait_for(in_turns.run(lambda: 7), 20) for _ in range(3)]
        assert not any(task.done() for task in slow)
        over.set()
        return [*quick, *await asyncio.gather(*slow), await in_turns.run(lambda: 8)]

    for _ in range(2):  # on a loop of its own each
        over.clear()
        assert run_apart(ask()) == [7, 7, 7, True, True, 8]


def test_a_turn_that_was_passed_on_is_not_taken_twice(in_turns: QuestionThreads) -> None:
    over = threading.Event()

    async def ask() -> int:
        slow = [asyncio.create_task(in_turns.run(lambda: over.wait(30))) for _ in range(3)]
        await asyncio.wait_for(asyncio.to_thread(wait_for_turn), 20)
        over.set()
        await asyncio.gather(*slow)
        return await in_turns.run(lambda: 7)

    def wait_for_turn() -> None:
        while in_turns._turns.empty():  # all three threads answer, and the turn waits for one
            threading.Event().wait(0.001)

    assert run_apart(ask()) == 7
    ends = threading.Event()

    async def ask_slowly() -> int:
        tasks = [asyncio.create_task(in_turns.run(lambda: ends.wait(30))) for _ in range(2)]
        await asyncio.sleep(0)
        counted = in_turns._turns.qsize() + len(in_turns._in_turn)
        ends.set()
        await asyncio.gather(*tasks)
        return counted

    assert run_apart(ask_slowly()) <= 1


def test_an_answer_does_not_wait_for_a_slow_one_after_it(in_turns: QuestionThreads) -> None:
    over = threading.Event()

    async def ask() -> list[object]:
        quick = asyncio.create_task(in_turns.run(lambda: 7))
        slow = asyncio.create_task(in_turns.run(lambda: over.wait(30)))
        found = await asyncio.wait_for(quick, 20)
        assert not slow.done()
        over.set()
        return [found, await slow]

    assert run_apart(ask()) == [7, True]


def test_a_loop_that_has_ended_leaves_turns_usable(in_turns: QuestionThreads) -> None:
    over = threading.Event()

    async def leave() -> None:
        asked = [asyncio.create_task(in_turns.run(lambda: over.wait(30))) for _ in range(2)]
        await asyncio.sleep(0)
        for task in asked:
            task.cancel()

    async def ask() -> list[int]:
        return await asyncio.gather(*(in_turns.run(lambda: 7) for _ in range(3)))

    run_apart(leave())
    over.set()
    assert run_apart(ask()) == [7, 7, 7]


def test_questions_of_one_turn_of_the_loop_are_handed_over_together(
    threads: QuestionThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[int] = []
    hand_over = QuestionThreads._hand_over

    def count_and_hand_over(self: QuestionThreads) -> None:
        handed.append(len(self._asked))
        hand_over(self)

    monkeypatch.setattr(QuestionThreads, "_hand_over", count_and_hand_over)

    async def ask() -> list[int]:
        return await asyncio.gather(*(threads.run(lambda: 7) for _ in range(9)))

    assert run_apart(ask()) == [7] * 9
    assert handed == [1, 8]  # the first is handed over at once
