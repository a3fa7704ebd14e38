"""Progress of a load on a terminal: bytes that have arrived, and rows that are done."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from app.ingest.readers.files import InputFile


@contextmanager
def show_arrival(name: str, console: Console) -> Iterator[Callable[[int, int | None], None]]:
    """Show how much of a file has arrived; yields a function of the bytes so far and in all."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        console=console, transient=True,
    ) as shown:  # fmt: skip
        task = shown.add_task(name[-50:], total=None)
        yield lambda arrived, total: shown.update(task, completed=arrived, total=total)


@contextmanager
def show_rows(files: Sequence[InputFile], console: Console) -> Iterator[Callable[[int, int], None]]:
    """Show how many rows of some files are done; yields a listener of `on_progress`."""
    columns = (
        BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rows]:,} rows"),
        TextColumn("{task.fields[rate]:,.0f}/s"), TimeRemainingColumn(),
    )  # fmt: skip
    size, begun = sum(file.size for file in files), time.perf_counter()
    counted = {"rows": 0, "base": 0, "before": 0, "position": 0}
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=size or None, rows=0, rate=0)

        def update_bar(rows: int, position: int) -> None:
            if rows < counted["rows"]:  # the next file has begun
                counted["base"] += counted["position"]
                counted["before"] += counted["rows"]
            counted["rows"], counted["position"] = rows, position
            total = counted["before"] + rows
            rate = total / max(time.perf_counter() - begun, 0.001)
            bar.update(task, completed=counted["base"] + position, rows=total, rate=rate)

        yield update_bar
