"""Tasks that are all due after the same time: they need one timer, and no heap of timers."""

import asyncio
from collections import deque
from collections.abc import Callable

STEP_SECONDS = 0.02
"""How much later than due a task may run, where few are due together."""
LEAST_IN_STEP = 8
STEPS_OF_A_LINE = 40
"""Steps over which tasks that are all due together are spread (decision 045).

Clients that were refused together would be read together, and everybody else wait behind them."""


class TaskLine:
    """Runs tasks in the order in which they were added, on the running event loop.

    All have to wait equally long. A timer for each would cost as much as a whole refusal. How many
    run at once follows from how many wait, so that a line never becomes slower than it is filled.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, Callable[[], None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add_task(self, seconds: float, task: Callable[[], None]) -> None:
        """Add a task that is due after so many seconds."""
        loop = asyncio.get_running_loop()
        self._waiting.append((loop.time() + seconds, task))
        if self._timer is None:
            self._timer = loop.call_later(seconds, self._run_due, loop)

    def _run_due(self, loop: asyncio.AbstractEventLoop) -> None:
        now, room = loop.time(), max(LEAST_IN_STEP, len(self._waiting) // STEPS_OF_A_LINE)
        while room and self._waiting and self._waiting[0][0] <= now:
            self._waiting.popleft()[1]()
            room -= 1
        self._timer = None
        if self._waiting:
            wait = max(STEP_SECONDS, self._waiting[0][0] - now)
            self._timer = loop.call_later(wait, self._run_due, loop)

    def stop_tasks(self) -> None:
        """Run no more of them."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
