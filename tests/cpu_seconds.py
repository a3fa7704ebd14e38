"""Where the time of the suite goes: `pytest --cpu` lists the seconds of CPU by file of tests.

Counted are the process of the tests, the processes that they started and waited for, and the
server of PostgreSQL.
"""

import os
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from postgres import running_servers

TICKS = os.sysconf("SC_CLK_TCK")
PROPERTY = "cpu seconds"
MANY = 40
"""How many files, and how many tests, are listed."""
LITTLE = 0.3
"""Seconds below which nothing is listed."""


def read_process_seconds(pid: int) -> float:
    """Read the seconds of CPU of a process and of its ended children; 0 where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS


def read_cpu_seconds() -> float:
    """Read the seconds of CPU of this process, its children and its servers until now."""
    total = sum(os.times()[:4])
    for pid in running_servers:
        total += read_process_seconds(pid)
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            continue
        total += sum(read_process_seconds(int(child)) for child in children)
    return total


class CpuSeconds:
    """Measures tests where they run, and lists them where the session is reported."""

    def __init__(self) -> None:
        self.by_test: defaultdict[str, float] = defaultdict(float)
        self.besides: list[float] = []
        self._before = 0.0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """Begin to count."""
        self._before = read_cpu_seconds()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> None:
        """Note what each phase of a test took."""
        now = read_cpu_seconds()
        item.user_properties[:] = [(PROPERTY, max(0.0, round(now - self._before, 3)))]
        self._before = now

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up the phases of a test."""
        for name, value in report.user_properties:
            if name == PROPERTY and isinstance(value, float):
                self.by_test[report.nodeid] += value

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note what imports and collection took."""
        seconds = read_cpu_seconds()
        output = getattr(session.config, "workeroutput", None)
        if output is None:
            self.besides.append(seconds)
        else:
            output[PROPERTY] = seconds

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker's collection took."""
        self.besides.append(getattr(node, "workeroutput", {}).get(PROPERTY, 0.0))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List folders, files and tests by what they took."""
        keys: tuple[tuple[str, Callable[[str], str]], ...] = (
            ("folders", lambda name: name.partition("::")[0].rpartition("/")[0]),
            ("files", lambda name: name.partition("::")[0]),
            ("tests", lambda name: name.partition("[")[0]),
            ("cases", lambda name: name),
        )
        write = terminalreporter.write_line
        total, besides = sum(self.by_test.values()), sum(self.besides)
        write(f"{total:.1f} s of CPU in {len(self.by_test)} tests, {besides:.1f} s before them")
        for label, find_key in keys:
            by_key: defaultdict[str, float] = defaultdict(float)
            for name, seconds in self.by_test.items():
                by_key[find_key(name)] += seconds
            write(f"\n   CPU, {label}")
            for key, seconds in sorted(by_key.items(), key=lambda pair: -pair[1])[:MANY]:
                if seconds >= LITTLE:
                    write(f"{seconds:8.2f} {key}")
