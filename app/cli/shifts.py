"""Commands for alignment and for shifts of alignment."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from threading import Event
from typing import Annotated, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection

from app.db.engine import Database
from app.db.schema import StaleSchemaError, require_current_schema
from app.errors import InvalidParameterError
from app.settings import Settings
from app.shifts import detect, evidence, ranking, serialize, series
from app.shifts.detect import DetectedShift
from app.shifts.filter import AlignmentQuery, Granularity, ShiftQuery
from app.shifts.materialized.calibration import read_calibration
from app.shifts.materialized.rebuild import fit_calibration
from app.shifts.materialized.worker import RebuildProcessError, rebuild_in_processes
from app.shifts.question import read_question_days, resolve_open_question, resolve_question
from app.shifts.schemas import AlignmentPoint, EventShare, Shift
from app.shifts.statistics.null_distribution import Calibration, ThinCorpusError

shifts = typer.Typer(
    help="Shifts of alignment: which actors moved toward or away from which.",
    invoke_without_command=True,
)
Q = TypeVar("Q", bound=BaseModel)
console = Console()
errors = Console(stderr=True)
HALF_WIDTH = 14
"""Characters of the chart on either side of 0."""
SHOWN_EVENTS = 5
"""Events that are listed with a shift of named sides, largest share first."""

ActorsOption = Annotated[list[str], typer.Option(help="Actors or groups; may be repeated.")]
DatasetsOption = Annotated[
    list[str],
    typer.Option("--dataset", help="Dataset, instead of the configured ones; may be repeated."),
]
SinceOption = Annotated[str | None, typer.Option(help="First day, EDTF.")]
UntilOption = Annotated[str | None, typer.Option(help="Last day, EDTF.")]
KnownByOption = Annotated[str | None, typer.Option(help="Only events published by this day.")]


@contextmanager
def open_shift_database() -> Iterator[Database]:
    """Open the configured database; print errors of schema (exit 1) and input (exit 2)."""
    with closing(Database(Settings().database_url)) as database:
        try:
            require_current_schema(database)
            yield database
        except StaleSchemaError as stale:
            errors.print(str(stale))
            raise typer.Exit(1) from stale
        except (InvalidParameterError, ThinCorpusError) as error:
            message = str(error)
            if isinstance(error, InvalidParameterError):
                message = f"{error.fault.loc[-1]}: {message}. {error.fault.hint or ''}"
            errors.print(message)
            raise typer.Exit(2) from error


def _parse_query(model: type[Q], options: Mapping[str, object]) -> Q:
    try:
        return model.model_validate({k: v for k, v in options.items() if v not in (None, [])})
    except ValidationError as error:
        for e in error.errors():
            field = e.get("ctx", {}).get("field") or ".".join(map(str, e["loc"]))
            errors.print(f"{field}: {e['msg'].removeprefix('Value error, ')}")
        raise typer.Exit(2) from error


def print_alignment(
    actor: Annotated[str, typer.Argument(help="Actor or group whose alignment is measured.")],
    toward: Annotated[
        list[str], typer.Argument(help="Actors or groups toward which it is measured.")
    ],
    against: ActorsOption = [],  # noqa: B006
    granularity: Annotated[
        str, typer.Option(help="day, week, month, quarter or year.")
    ] = "quarter",
    since: SinceOption = None,
    until: UntilOption = None,
    known_by: KnownByOption = None,
    dataset: DatasetsOption = [],  # noqa: B006
) -> None:
    """Print the alignment index of an actor toward others over time, from −1 to +1."""
    options = {
        "actor": actor, "toward": toward, "against": against, "granularity": granularity,
        "since": since, "until": until, "known_by": known_by, "dataset": dataset,
    }  # fmt: skip
    asked = _parse_query(AlignmentQuery, options)
    with open_shift_database() as database, database.connect() as db:
        question = resolve_question(db, asked, Settings().alignment_datasets)
        size: Granularity = asked.granularity
        points, _, _ = series.build_alignment_series(
            db, question, *asked.day_range, size, read_calibration(db).prior_share
        )
    if not points:
        errors.print("No signals between them match.")
        return
    table = Table(box=None)
    for heading in ("from", "index", "90 %", f"−1{' ' * (2 * HALF_WIDTH - 3)}+1", "signals"):
        table.add_column(heading, no_wrap=True)
    for point in points:
        table.add_row(*_draw_point(point))
    console.print(table)


def _draw_point(point: AlignmentPoint) -> tuple[str, ...]:
    if point.index is None or point.low is None or point.high is None:
        return point.start, "–", "", "", str(point.n)
    line = [" "] * (2 * HALF_WIDTH + 1)
    line[HALF_WIDTH] = "·"
    low, at, high = (round((v + 1) * HALF_WIDTH) for v in (point.low, point.index, point.high))
    for column in range(low, high + 1):
        line[column] = "─"
    line[at] = "●"
    interval = f"{point.low:+.2f} … {point.high:+.2f}"
    return point.start, f"{point.index:+.2f}", interval, "".join(line), str(point.n)


@shifts.callback()
def print_shifts(
    context: typer.Context,
    actor: Annotated[str | None, typer.Option(help="Actor or group that shifted.")] = None,
    toward: ActorsOption = [],  # noqa: B006
    against: ActorsOption = [],  # noqa: B006
    since: SinceOption = None,
    until: UntilOption = None,
    known_by: KnownByOption = None,
    max_q: Annotated[float, typer.Option(help="Highest false discovery rate q.")] = 0.05,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    dataset: DatasetsOption = [],  # noqa: B006
) -> None:
    """List shifts of alignment, most certain first; `since` and `until` limit the onset."""
    if context.invoked_subcommand is not None:
        return
    options = {
        "actor": actor, "toward": toward, "against": against, "since": since, "until": until,
        "known_by": known_by, "max_q": max_q, "limit": limit, "dataset": dataset,
    }  # fmt: skip
    asked = _parse_query(ShiftQuery, options)
    with open_shift_database() as database, database.connect() as db:
        known = read_calibration(db)
        question = resolve_open_question(db, asked, Settings().alignment_datasets)
        listed = ranking.find_shifts_of_question(db, asked, question, known)
        rows = sorted(listed.rows, key=lambda row: serialize.shift_sort_key(row, asked.sort))
        rows = rows[: asked.limit]
        rows = rows if question.toward else detect.confirm_verdicts(db, rows, known)
        rows = serialize.add_formal_steps(db, rows)
        names = serialize.read_actor_names(db, rows)
        found = [
            serialize.serialize_shift(row, asked, ranking.find_scope(question), 0, names)
            for row in rows
        ]
        shares = [_list_largest_shares(db, row, known) if question.toward else [] for row in rows]
    if not found:
        errors.print("No shift with a q that low matches.")
        return
    table = Table("onset", "who", "toward", "index", "p", "q", "verdict", box=None)
    for shift in found:
        table.add_row(*_format_shift(shift))
    console.print(table)
    for shift, events in zip(found, shares, strict=True):
        if question.toward:
            console.print(f"\n{shift.sentence}", highlight=False)
            _print_evidence(events)


def _list_largest_shares(
    db: Connection, row: DetectedShift, known: Calibration
) -> list[EventShare]:
    days = read_question_days(db, row.question)
    found, _ = evidence.build_evidence(db, row.question, row, days, known.prior_share)
    return found[:SHOWN_EVENTS]


def _format_shift(shift: Shift) -> tuple[str, ...]:
    against = f" against {', '.join(shift.against)}" if shift.against else ""
    levels = [f"{level.index:+.2f}" for level in (shift.before, shift.after) if level]
    ends = [shift.onset_set[0].start, shift.onset_set[-1].end] if shift.onset_set else []
    size = len(shift.onset or "")
    onset = " … ".join(dict.fromkeys(day[:size] for day in ends))
    return (
        onset or shift.onset or "–",
        shift.actor,
        ", ".join(shift.toward) + against,
        " → ".join(levels),
        f"{shift.p:.2g}",
        f"{shift.q:.2g}",
        shift.label,
    )


def _print_evidence(events: Sequence[EventShare]) -> None:
    """Print the events with the largest shares of a change, each with its sources."""
    for event in events:
        console.print(f"  {event.share:+.3f}  {event.date}  {event.title}", highlight=False)
        for source in event.sources:
            grade = f" [{source.reliability or '–'}{source.credibility or '–'}]"
            address = f" {source.url}" if source.url else ""
            console.print(
                f"          {source.publisher}: {source.title}{grade}{address}",
                highlight=False, markup=False,
            )  # fmt: skip


@shifts.command("refresh")
def refresh_shifts() -> None:
    """Recompute the shifts of all dyads whose events changed."""
    with open_shift_database() as database:
        _refresh_dyads(database, "")


@shifts.command("calibrate")
def calibrate_shifts(
    dataset: DatasetsOption = [],  # noqa: B006
    draws: Annotated[int, typer.Option(min=100, max=5000, help="Simulated series per cell.")] = 400,
) -> None:
    """Calibrate p to the loaded events: how large a change occurs by chance in them."""
    with open_shift_database() as database:
        datasets = dataset or list(Settings().alignment_datasets)
        for line in fit_calibration(database, datasets, draws):
            console.print(line, highlight=False)
        _refresh_dyads(database, " with the new calibration")


def _refresh_dyads(database: Database, how: str) -> None:
    try:
        console.print(f"{rebuild_in_processes(database, Event()):,} dyads were refreshed{how}.")
    except RebuildProcessError as failed:
        errors.print(f"{failed}: see its output above.", highlight=False)
        raise typer.Exit(1) from failed
