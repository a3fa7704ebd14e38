"""Commands for alignment and for shifts of alignment."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from threading import Event
from typing import Annotated

import typer
from rich.text import Text
from sqlalchemy import Connection

from app.cli.output import (
    CsvOption,
    JsonOption,
    choose_form,
    colour_text,
    print_data,
    print_reason,
    print_table,
    show_activity,
)
from app.cli.terminal import console, errors, open_current_database, report_input_errors
from app.db.engine import Database
from app.db.lineage_table import read_version
from app.settings import Settings
from app.shifts import answers, detect, evidence, ranking, serialize, series
from app.shifts.alignment_schemas import AlignmentPoint
from app.shifts.detect import DetectedShift
from app.shifts.evidence_schemas import EventShare
from app.shifts.filter import AlignmentQuery, Granularity, ShiftQuery
from app.shifts.materialized.calibration import read_calibration
from app.shifts.materialized.joint_families import drop_other_families
from app.shifts.materialized.rebuild import fit_calibration
from app.shifts.materialized.worker import RebuildProcessError, rebuild_in_processes
from app.shifts.question import read_question_days, resolve_open_question, resolve_question
from app.shifts.schemas import Shift
from app.shifts.statistics.null_distribution import Calibration, ThinCorpusError

shifts = typer.Typer(
    help="Shifts of alignment: which actors moved toward or away from which.",
    invoke_without_command=True,
)
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


def _drop_empty(options: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in options.items() if value not in (None, [])}


@report_input_errors
def print_alignment(
    words: Annotated[
        list[str],
        typer.Argument(metavar="[ACTOR] [TOWARD]...", help="As --actor and --toward, in order."),
    ] = [],  # noqa: B006
    actor: Annotated[str | None, typer.Option(help="Actor or group that is measured.")] = None,
    toward: ActorsOption = [],  # noqa: B006
    against: ActorsOption = [],  # noqa: B006
    granularity: Annotated[
        str, typer.Option(help="day, week, month, quarter or year.")
    ] = "quarter",
    since: SinceOption = None,
    until: UntilOption = None,
    known_by: KnownByOption = None,
    dataset: DatasetsOption = [],  # noqa: B006
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Print the alignment index of an actor toward others over time, from −1 to +1."""
    form = choose_form(as_json, as_csv)
    actor, *rest = [actor, *words] if actor else [*words, ""]
    toward = [*filter(None, rest), *toward]
    if not actor or not toward:
        raise typer.BadParameter(
            "name an actor and others, as in: entente alignment --actor ARM --toward RUS",
            param_hint="--actor" if not actor else "--toward",
        )
    options = {
        "actor": actor, "toward": toward, "against": against, "granularity": granularity,
        "since": since, "until": until, "known_by": known_by, "dataset": dataset,
    }  # fmt: skip
    asked = AlignmentQuery.model_validate(_drop_empty(options))
    with closing(open_current_database()) as database, database.connect() as db:
        question = resolve_question(db, asked, Settings().alignment_datasets)
        size: Granularity = asked.granularity
        points, moved, _ = series.build_alignment_series(
            db, question, *asked.day_range, size, read_calibration(db).prior_share
        )
        is_empty = not any(point.n for point in points)
        reason = answers.explain_empty_answer(db, asked, question) if is_empty else None
        remarks = answers.describe_index(db, question, asked.day_range, points, moved).remarks
    if is_empty:
        points = []
    if not print_data(form, [point.model_dump() for point in points]) and points:
        line = f"−1{' ' * (2 * HALF_WIDTH - 3)}+1"
        print_table(("from", "index", "90 %", line, "signals"), [_draw_point(p) for p in points])
    if is_empty:
        errors.print("No signals between them match.")
        print_reason(reason, " ".join(remarks))
    elif form == "table":
        for remark in remarks:
            errors.print(remark, markup=False)


def _draw_point(point: AlignmentPoint) -> tuple[str | Text, ...]:
    if point.index is None or point.low is None or point.high is None:
        return point.start, "–", "", "", str(point.n)
    line = [" "] * (2 * HALF_WIDTH + 1)
    line[HALF_WIDTH] = "·"
    low, at, high = (round((v + 1) * HALF_WIDTH) for v in (point.low, point.index, point.high))
    for column in range(low, high + 1):
        line[column] = "─"
    line[at] = "●"
    interval = f"{point.low:+.2f} … {point.high:+.2f}"
    index = colour_text(f"{point.index:+.2f}", "together" if point.index > 0 else "apart")
    return point.start, index, interval, "".join(line), str(point.n)


@shifts.callback()
@report_input_errors
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
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List shifts of alignment, most certain first; `since` and `until` limit the onset."""
    if context.invoked_subcommand is not None:
        return
    form = choose_form(as_json, as_csv)
    options = {
        "actor": actor, "toward": toward, "against": against, "since": since, "until": until,
        "known_by": known_by, "max_q": max_q, "limit": limit, "dataset": dataset,
    }  # fmt: skip
    asked = ShiftQuery.model_validate(_drop_empty(options))
    with closing(open_current_database()) as database, database.connect() as db:
        known, version = read_calibration(db), read_version(db)
        question = resolve_open_question(db, asked, Settings().alignment_datasets)
        listed = ranking.find_shifts_of_question(db, asked, question, known)
        rows = sorted(listed.rows, key=lambda row: serialize.shift_sort_key(row, asked.sort))
        rows = rows[: asked.limit]
        rows = rows if question.toward else detect.confirm_verdicts(db, rows, known)
        rows = serialize.add_formal_steps(db, rows)
        names = serialize.read_actor_names(db, rows)
        found = [
            serialize.serialize_shift(row, asked, ranking.find_scope(question), version, names)
            for row in rows
        ]
        shares = [_list_largest_shares(db, row, known) if question.toward else [] for row in rows]
        reason = None if found else answers.explain_empty_answer(db, asked, question)
        remark = None if found else answers.describe_actor_acted_for(db, question)
    if not found:
        errors.print("No shift with a q that low matches; --max-q 1 lists all.")
        print_reason(reason, remark)
    if print_data(form, [shift.model_dump() for shift in found]) or not found:
        return
    columns = ("onset", "who", "toward", "index", "p", "q", "verdict")
    print_table(columns, [_format_shift(shift) for shift in found])
    for shift, events in zip(found, shares, strict=True):
        if question.toward:
            console.print(f"\n{shift.sentence}", highlight=False)
            _print_evidence(events)


def _list_largest_shares(
    db: Connection, row: DetectedShift, known: Calibration
) -> list[EventShare]:
    days = read_question_days(db, row.question)
    found = evidence.build_evidence(db, row.question, row, days, known.prior_share).events
    return found[:SHOWN_EVENTS]


def _format_shift(shift: Shift) -> tuple[str | Text, ...]:
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
        colour_text(shift.label, "strong" if shift.verdict == "strong" else None),
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
def refresh_shifts(
    drop_others: Annotated[
        bool,
        typer.Option(
            "--drop-others",
            help="Drop what is kept for other values of ENTENTE_ALIGNMENT_DATASETS.",
        ),
    ] = False,
) -> None:
    """Recompute the shifts of all dyads whose events changed."""
    with closing(open_current_database()) as database:
        for family in drop_other_families(database) if drop_others else ():
            console.print(f"{family} are no longer kept together.", highlight=False)
        _refresh_dyads(database, "")


@shifts.command("calibrate")
def calibrate_shifts(
    dataset: DatasetsOption = [],  # noqa: B006
    draws: Annotated[int, typer.Option(min=100, max=5000, help="Simulated series per cell.")] = 400,
) -> None:
    """Calibrate p to the loaded events: how large a change occurs by chance in them."""
    with closing(open_current_database()) as database:
        datasets = dataset or list(Settings().alignment_datasets)
        try:
            with show_activity("Calibrating …"):
                for line in fit_calibration(database, datasets, draws):
                    console.print(line, highlight=False)
        except ThinCorpusError as thin:
            errors.print(f"{thin}. Load more events first: entente load --help")
            raise typer.Exit(2) from thin
        _refresh_dyads(database, " with the new calibration")


def _refresh_dyads(database: Database, how: str) -> None:
    try:
        with show_activity("Recomputing shifts …"):
            count = rebuild_in_processes(database, Event())
        console.print(f"{count:,} dyads were refreshed{how}.")
    except RebuildProcessError as failed:
        errors.print(f"{failed}: see its output above.", highlight=False)
        raise typer.Exit(1) from failed
