"""Commands for alignment and for shifts of alignment."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from threading import Event
from typing import Annotated, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.table import Table

from app.db.engine import Database
from app.db.schema import StaleSchemaError, require_current
from app.http.problems import InvalidError
from app.settings import Settings
from app.shifts import case, detect, present, series, stored
from app.shifts.calibration import fitted
from app.shifts.detect import Detected
from app.shifts.filter import AlignmentQuery, Granularity, ShiftQuery
from app.shifts.nulls import ThinCorpusError
from app.shifts.refresh import calibrate
from app.shifts.refresher import ChildError, refresh_all
from app.shifts.schemas import Point

shifts = typer.Typer(
    help="Shifts of alignment: which actors moved toward or away from which.",
    invoke_without_command=True,
)
Q = TypeVar("Q", bound=BaseModel)
console = Console()
errors = Console(stderr=True)
HALF = 14
"""Characters of the chart on either side of 0."""

Names = Annotated[list[str], typer.Option(help="Actors or groups; may be repeated.")]
Sets = Annotated[
    list[str],
    typer.Option("--dataset", help="Dataset, instead of the configured ones; may be repeated."),
]
First = Annotated[str | None, typer.Option(help="First day, EDTF.")]
Last = Annotated[str | None, typer.Option(help="Last day, EDTF.")]
Known = Annotated[str | None, typer.Option(help="Only events published by this day.")]


def mount(main: typer.Typer) -> None:
    """Add the commands of this module to the program."""
    main.command("alignment")(alignment)
    main.add_typer(shifts, name="shifts")


@contextmanager
def opened() -> Iterator[Database]:
    """Open the configured database; print errors of schema (exit 1) and input (exit 2)."""
    with closing(Database(Settings().database_url)) as database:
        try:
            require_current(database)
            yield database
        except StaleSchemaError as stale:
            errors.print(str(stale))
            raise typer.Exit(1) from stale
        except (InvalidError, ThinCorpusError) as error:
            message = str(error)
            if isinstance(error, InvalidError):
                message = f"{error.fault.loc[-1]}: {message}. {error.fault.hint or ''}"
            errors.print(message)
            raise typer.Exit(2) from error


def _asked(model: type[Q], options: Mapping[str, object]) -> Q:
    try:
        return model.model_validate({k: v for k, v in options.items() if v not in (None, [])})
    except ValidationError as error:
        for e in error.errors():
            field = e.get("ctx", {}).get("field") or ".".join(map(str, e["loc"]))
            errors.print(f"{field}: {e['msg'].removeprefix('Value error, ')}")
        raise typer.Exit(2) from error


def alignment(
    actor: Annotated[str, typer.Argument(help="Actor or group whose alignment is measured.")],
    toward: Annotated[
        list[str], typer.Argument(help="Actors or groups toward which it is measured.")
    ],
    against: Names = [],  # noqa: B006
    granularity: Annotated[
        str, typer.Option(help="day, week, month, quarter or year.")
    ] = "quarter",
    since: First = None,
    until: Last = None,
    known_by: Known = None,
    dataset: Sets = [],  # noqa: B006
) -> None:
    """Print the alignment index of an actor toward others over time, from −1 to +1."""
    options = {
        "actor": actor, "toward": toward, "against": against, "granularity": granularity,
        "since": since, "until": until, "known_by": known_by, "dataset": dataset,
    }  # fmt: skip
    asked = _asked(AlignmentQuery, options)
    with opened() as database, database.connect() as db:
        question = case.case_of(db, asked, Settings().alignment_datasets)
        size: Granularity = asked.granularity
        points, _, _ = series.series(db, question, *asked.days, size, fitted(db).share)
    if not points:
        errors.print("No signals between them match.")
        return
    table = Table(box=None)
    for heading in ("from", "index", "90 %", f"−1{' ' * (2 * HALF - 3)}+1", "signals"):
        table.add_column(heading, no_wrap=True)
    for point in points:
        table.add_row(*_drawn(point))
    console.print(table)


def _drawn(point: Point) -> tuple[str, ...]:
    if point.index is None or point.low is None or point.high is None:
        return point.start, "–", "", "", str(point.n)
    line = [" "] * (2 * HALF + 1)
    line[HALF] = "·"
    low, at, high = (round((v + 1) * HALF) for v in (point.low, point.index, point.high))
    for column in range(low, high + 1):
        line[column] = "─"
    line[at] = "●"
    interval = f"{point.low:+.2f} … {point.high:+.2f}"
    return point.start, f"{point.index:+.2f}", interval, "".join(line), str(point.n)


@shifts.callback()
def listed(
    context: typer.Context,
    actor: Annotated[str | None, typer.Option(help="Actor or group that shifted.")] = None,
    toward: Names = [],  # noqa: B006
    against: Names = [],  # noqa: B006
    since: First = None,
    until: Last = None,
    known_by: Known = None,
    max_q: Annotated[float, typer.Option(help="Highest false discovery rate q.")] = 0.05,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    dataset: Sets = [],  # noqa: B006
) -> None:
    """List shifts of alignment, most certain first; `since` and `until` limit the onset."""
    if context.invoked_subcommand is not None:
        return
    options = {
        "actor": actor, "toward": toward, "against": against, "since": since, "until": until,
        "known_by": known_by, "max_q": max_q, "limit": limit, "dataset": dataset,
    }  # fmt: skip
    asked = _asked(ShiftQuery, options)
    with opened() as database, database.connect() as db:
        known = fitted(db)
        question = case.question_of(db, asked, Settings().alignment_datasets)
        if question.toward:
            rows = present.wanted(detect.named(db, question, known), asked)
        else:
            found, _ = stored.family(db, question, known)
            rows = present.wanted([row for row in found if row.q <= asked.max_q], asked)
        rows = sorted(rows, key=lambda row: present.order(row, asked.sort))[: asked.limit]
        rows = rows if question.toward else detect.confirmed(db, rows, known)
    if not rows:
        errors.print("No shift with a q that low matches.")
        return
    table = Table("onset", "who", "toward", "index", "p", "q", "verdict", box=None)
    for row in rows:
        table.add_row(*_told(row))
    console.print(table)


def _told(row: Detected) -> tuple[str, ...]:
    finding = row.finding
    against = f" against {', '.join(row.case.against)}" if row.case.against else ""
    levels = [f"{level.index:+.2f}" for level in (finding.before, finding.after) if level]
    onset = finding.onset if row.verdict != "insufficient_data" else None
    return (
        onset or "–",
        row.case.actor,
        ", ".join(row.case.toward) + against,
        " → ".join(levels),
        f"{finding.p:.2g}",
        f"{row.q:.2g}",
        present.label(row),
    )


@shifts.command("refresh")
def refreshed() -> None:
    """Recompute the shifts of all dyads whose events changed."""
    with opened() as database:
        _refresh(database, "")


@shifts.command("calibrate")
def calibrated(
    dataset: Sets = [],  # noqa: B006
    draws: Annotated[int, typer.Option(min=100, max=5000, help="Simulated series per cell.")] = 400,
) -> None:
    """Calibrate p to the loaded events: how large a change occurs by chance in them."""
    with opened() as database:
        datasets = dataset or list(Settings().alignment_datasets)
        for line in calibrate(database, datasets, draws):
            console.print(line, highlight=False)
        _refresh(database, " with the new calibration")


def _refresh(database: Database, how: str) -> None:
    try:
        console.print(f"{refresh_all(database, Event()):,} dyads were refreshed{how}.")
    except ChildError as failed:
        errors.print(f"{failed}: see its output above.", highlight=False)
        raise typer.Exit(1) from failed
