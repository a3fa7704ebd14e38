import asyncio

from serving import run_apart

from app.http.task_line import LEAST_IN_STEP, STEP_SECONDS, STEPS_OF_A_LINE, TaskLine


def test_few_tasks_run_together_when_they_are_due() -> None:
    async def wait() -> list[int]:
        line, run = TaskLine(), list[int]()
        for number in range(LEAST_IN_STEP):
            line.add_task(0.02, lambda number=number: run.append(number))  # type: ignore[misc]
        await asyncio.sleep(0)
        assert run == []
        await asyncio.sleep(0.03)
        return run

    assert run_apart(wait()) == list(range(LEAST_IN_STEP))


def test_many_that_are_due_together_are_spread_in_their_order() -> None:
    many = 4 * STEPS_OF_A_LINE * LEAST_IN_STEP

    async def wait() -> tuple[list[int], list[int]]:
        line, run, in_steps = TaskLine(), list[int](), [0]
        for number in range(many):
            line.add_task(0, lambda number=number: run.append(number))  # type: ignore[misc]
        while len(run) < many:
            before = len(run)
            await asyncio.sleep(STEP_SECONDS / 4)
            in_steps.append(len(run) - before)
        return run, in_steps

    run, in_steps = run_apart(wait())
    assert run == list(range(many))
    assert max(in_steps) <= 2 * many / STEPS_OF_A_LINE  # twice, where this test is late


def test_a_line_that_is_stopped_runs_nothing() -> None:
    async def wait() -> list[int]:
        line, run = TaskLine(), list[int]()
        line.add_task(0, lambda: run.append(1))
        line.stop_tasks()
        await asyncio.sleep(0.03)
        return run

    assert run_apart(wait()) == []
