"""The commands `entente pull`, `entente follow` and `entente pulls`."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.output import CsvOption, JsonOption, choose_form, print_data
from app.db.engine import Database
from app.db.schema import StaleSchemaError, require_current_schema
from app.edtf import EdtfError, parse_bounds
from app.ingest.loading.tuning import tune_process_for_loading
from app.ingest.remote.address import is_address
from app.ingest.remote.errors import DownloadError
from app.json_encoding import encode_json
from app.pull import ledger
from app.pull.follow import Follower
from app.pull.items import PullError, PullItem, PullWindow
from app.pull.replica import ReplicaRound, ReplicaSource
from app.pull.round import Order, Round, RoundReport
from app.pull.sources import SOURCES, SourceOptions, make_source, read_secret
from app.pull.terms import require_terms
from app.pull.turn import take_turn
from app.pull.wire import Wire
from app.settings import Settings

EXIT_REJECTED = 3
"""Exit code: everything was asked for, and rows or files were refused."""
ORIGINAL = "entente"
"""What another Entente is called among the sources."""
NAMED_SOURCES = (*SOURCES, ORIGINAL)
MAX_SHOWN = 20
"""Items that a table shows."""
errors = Console(stderr=True, highlight=False, soft_wrap=True)
AcceptOption = Annotated[
    bool, typer.Option("--accept-terms", help="Accept the terms of the source, once.")
]
StreamsOption = Annotated[
    str,
    typer.Option(
        "--streams",
        help="For gdelt: export, mentions, translation.export, translation.mentions; by default the"
        " first two.",
    ),
]
CountriesOption = Annotated[
    str,
    typer.Option(
        "--countries",
        help="For acled: names as it writes them, or codes, with commas.",
    ),
]


DatasetOption = Annotated[
    str | None,
    typer.Option("--dataset", help="For entente, and with --where: the dataset, by its code."),
]
WhereOption = Annotated[
    list[str],
    typer.Option(
        "--where",
        help="For gdelt: only rows of these countries (country=ARM,AZE) or root codes (root=18,19);"
        " they go into --dataset.",
    ),
]
BeginAgainOption = Annotated[
    bool,
    typer.Option(
        "--begin-again",
        help="For entente: compare everything from the beginning, and retract the events that are"
        " not at the original.",
    ),
]


def pull_source(
    source: Annotated[str, typer.Argument(help=f"One of {', '.join(NAMED_SOURCES)}.")],
    address: Annotated[
        str | None, typer.Argument(help="For entente: the address of the other service.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="First day, as 2026-11-01 or 2026-11.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day, as 2026-11-30 or 2026-11.")] = None,
    release: Annotated[str, typer.Option(help="For ucdp: one release, as 26.1 or 26.0.8.")] = "",
    streams: StreamsOption = "",
    countries: CountriesOption = "",
    where: WhereOption = [],  # noqa: B006
    order: Annotated[Order, typer.Option(help="Which files come first.")] = "newest",
    max_files: Annotated[int | None, typer.Option(min=1, help="Most files to fetch.")] = None,
    max_bytes: Annotated[int | None, typer.Option(min=1, help="Most bytes to fetch.")] = None,
    dry_run: Annotated[
        bool, typer.Option(help="Ask for lists alone, and say what would be fetched.")
    ] = False,
    dataset: DatasetOption = None,
    begin_again: BeginAgainOption = False,
    accept_terms: AcceptOption = False,
    as_json: JsonOption = False,
) -> None:
    """Pull a dataset from its source: what is missing in the window is fetched and loaded."""
    if (words := _list_words(source, address)) and words[0] == ORIGINAL:
        _refuse_options(
            since=since, until=until, release=release, streams=streams, countries=countries,
            max_files=max_files, max_bytes=max_bytes, dry_run=dry_run, where=where,
        )  # fmt: skip
        wanted = ReplicaOptions(words[1:], dataset, begin_again, accept_terms, as_json)
        _follow_original(wanted, every=None, once=True)
        return
    window = _parse_window(since, until)
    options = SourceOptions(_split_words(streams), release, countries, where, dataset or "")
    with _report_failures(), ExitStack() as resources:
        database, settings = _open_database(resources)
        wire = resources.enter_context(closing(Wire(settings)))
        one = Round(database, make_source(source, settings, options), wire, window, is_forced=True)
        one.order, one.max_files, one.max_bytes = order, max_files, max_bytes
        if dry_run:
            _print_plan(one, as_json)
            return
        if not resources.enter_context(take_turn(database, one.source.name)):
            errors.print(f"Another process pulls {source}; this one ends.")
            return
        require_terms(database, one.source, accept_terms, ledger.format_instant(wire.now))
        one.is_ended = resources.enter_context(_catch_end()).is_set
        one.on_item = resources.enter_context(_show_progress())
        report = one.run()
        _print_report(report, as_json)
    if code := _choose_exit_code(report):
        raise typer.Exit(code)


def follow_sources(
    sources: Annotated[
        list[str],
        typer.Argument(
            help=f"Any of {', '.join(SOURCES)}; or entente and the address of another service."
        ),
    ],
    since: Annotated[
        str | None, typer.Option(help="First day, at the first round; by default the newest.")
    ] = None,
    every: Annotated[
        int | None, typer.Option(min=1, help="Minutes between rounds; by default the source's.")
    ] = None,
    once: Annotated[bool, typer.Option(help="One round, as from cron or a timer.")] = False,
    streams: StreamsOption = "",
    countries: CountriesOption = "",
    where: WhereOption = [],  # noqa: B006
    order: Annotated[Order, typer.Option(help="Which files come first.")] = "newest",
    max_files: Annotated[
        int | None, typer.Option(min=1, help="Most files of a round; the rest comes in the next.")
    ] = None,
    dataset: DatasetOption = None,
    begin_again: BeginAgainOption = False,
    accept_terms: AcceptOption = False,
    as_json: JsonOption = False,
) -> None:
    """Keep datasets current from their sources, by a ledger of every file.

    Each source is looked at by its own pace, and when a file is to be asked for again. A dataset of
    another Entente is kept in step by its changes.
    """
    if sources[0] == ORIGINAL:
        _refuse_options(
            since=since, streams=streams, countries=countries, max_files=max_files, where=where
        )
        wanted = ReplicaOptions(sources[1:], dataset, begin_again, accept_terms, as_json)
        _follow_original(wanted, every=every, once=once)
        return
    options = SourceOptions(_split_words(streams), "", countries, where, dataset or "")
    window = _parse_window(since, None)
    reports: list[RoundReport] = []
    with _report_failures(), ExitStack() as resources:
        database, settings = _open_database(resources)
        ended = resources.enter_context(_catch_end())
        found = [make_source(name, settings, options) for name in dict.fromkeys(sources)]
        for one in found:
            if not resources.enter_context(take_turn(database, one.name)):
                errors.print(f"Another process follows {one.name}; this one ends.")
                return
            require_terms(database, one, accept_terms, ledger.format_instant(datetime.now(UTC)))

        def make_rounds() -> list[Round]:
            rounds = []
            for one in found:
                with database.connect() as db:
                    begun = ledger.read_source(db, one.name).last_round is not None
                    if every is None and not ledger.is_due(db, one.name, one.every):
                        continue
                first = PullWindow() if begun else window
                made = Round(database, one, Wire(settings), first, order=order, max_files=max_files)
                made.is_ended = ended.is_set
                rounds.append(made)
            return rounds

        def note_report(report: RoundReport) -> None:
            reports.append(report)
            del reports[:-100]
            _print_report(report, as_json)

        pace = every * 60.0 if every is not None else float(min(one.every for one in found))
        Follower(make_rounds, pace, note_report, ended).follow(once=once)
    if once and (code := max(map(_choose_exit_code, reports), default=0)):
        raise typer.Exit(code)


def _list_words(source: str, address: str | None) -> list[str]:
    """List the words after the command; only `entente` has an address."""
    if address is not None and source != ORIGINAL:
        raise typer.BadParameter(f"{address} is one word too many after {source}")
    return [source] if address is None else [source, address]


def _refuse_options(**options: object) -> None:
    """Refuse options that do not go with another Entente."""
    if wrong := [f"--{name.replace('_', '-')}" for name, value in options.items() if value]:
        raise typer.BadParameter(f"{', '.join(wrong)} does not go with {ORIGINAL}")


@dataclass(frozen=True, slots=True)
class ReplicaOptions:
    """What a command says of another Entente."""

    addresses: Sequence[str]
    dataset: str | None
    begins_again: bool
    accepts_terms: bool
    as_json: bool


def _follow_original(wanted: ReplicaOptions, *, every: int | None, once: bool) -> None:
    """Keep a dataset in step with another Entente, for one round or until the end."""
    if len(wanted.addresses) != 1 or not is_address(wanted.addresses[0]) or not wanted.dataset:
        raise typer.BadParameter(
            "needs one address and the dataset: entente https://host.example --dataset gdelt"
        )
    base = wanted.addresses[0].rstrip("/")
    with _report_failures(), ExitStack() as resources:
        database, settings = _open_database(resources)
        key = read_secret(settings.original_key, settings.original_key_file)
        source = ReplicaSource(base, wanted.dataset, key)
        ended = resources.enter_context(_catch_end())
        if not resources.enter_context(take_turn(database, source.name)):
            errors.print(f"Another process follows {source.name}; this one ends.")
            return
        begins = [wanted.begins_again]

        def make_rounds() -> list[ReplicaRound]:
            made = ReplicaRound(database, source, Wire(settings), wanted.accepts_terms)
            made.begins_again = begins[0]
            made.is_ended = ended.is_set
            return [made]

        def note_report(report: RoundReport) -> None:
            begins[0] = False
            if once or report.rows or report.listed:
                _print_report(report, wanted.as_json)

        pace = every * 60.0 if every is not None else float(source.every)
        Follower(make_rounds, pace, note_report, ended).follow(once=once)


def list_pulls(
    source: Annotated[str | None, typer.Option(help="Only one source.")] = None,
    gaps: Annotated[
        bool, typer.Option("--gaps", help="List the items that are not loaded, with the reason.")
    ] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show what was pulled: streams by state, or the items that are late, missing or failed."""
    form = choose_form(as_json, as_csv)
    with _report_failures(), ExitStack() as resources:
        database, _ = _open_database(resources)
        with database.connect() as db:
            known = dict.fromkeys([*SOURCES, *ledger.list_pulled_sources(db)])
            names = [source] if source is not None else list(known)
            if gaps:
                rows = [
                    {"source": name, **_describe_gap(item)}
                    for name in names
                    for item in ledger.read_open_items(db, name)
                ]
            else:
                rows = [
                    one | {"age": _describe_age(str(one["newest"]))}
                    for one in ledger.count_states(db, names)
                ]
    if form != "table":
        print_data(form, rows)
        return
    for row in rows:
        print("  ".join(str(value) for value in row.values() if value is not None))


def _describe_gap(item: PullItem) -> dict[str, object]:
    return {
        "stream": item.stream, "item": item.name, "stamp": item.stamp, "state": item.state,
        "tries": item.tries, "next_try": item.next_try, "error": item.error,
    }  # fmt: skip


def _describe_age(stamp: str) -> str:
    age = datetime.now(UTC) - datetime.fromisoformat(stamp).replace(tzinfo=UTC)
    hours = int(age.total_seconds() // 3600)
    return "" if hours > 24 * 3650 else f"{hours // 24} d {hours % 24} h old"


def _split_words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _parse_window(since: str | None, until: str | None) -> PullWindow:
    found: list[datetime | None] = []
    for option, text, end in (("--since", since, False), ("--until", until, True)):
        if text is None:
            found.append(None)
            continue
        try:
            day = parse_bounds(text)[end]
        except EdtfError as wrong:
            raise typer.BadParameter(str(wrong), param_hint=option) from wrong
        found.append(datetime.combine(day, time(23, 59) if end else time(0), UTC))
    if found[0] is not None and found[1] is not None and found[0] > found[1]:
        raise typer.BadParameter("is before --since", param_hint="--until")
    return PullWindow(*found)


def _open_database(resources: ExitStack) -> tuple[Database, Settings]:
    settings = Settings()
    database = resources.enter_context(closing(Database(settings.database_url)))
    try:
        require_current_schema(database)
    except StaleSchemaError as stale:
        raise PullError(str(stale)) from stale
    tune_process_for_loading(database)
    return database, settings


@contextmanager
def _report_failures() -> Iterator[None]:
    try:
        yield
    except PullError as failed:
        errors.print(str(failed), markup=False)
        raise typer.Exit(failed.exit_code) from failed
    except DownloadError as failed:
        errors.print(f"The source: {failed}", markup=False)
        raise typer.Exit(1) from failed


@contextmanager
def _catch_end() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM and SIGINT set, so that a round ends after its item."""
    ended = threading.Event()
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: ended.set()) for number in numbers]
    try:
        yield ended
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def _show_progress() -> Iterator[Callable[[PullItem, int, int], None]]:
    if not errors.is_terminal:
        yield lambda *_: None
        return
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=errors, transient=True,
    ) as shown:  # fmt: skip
        task = shown.add_task("", total=None)
        yield lambda item, number, total: shown.update(
            task, description=item.name[-50:], completed=number, total=total
        )


def _print_plan(one: Round, as_json: bool) -> None:
    """Print what would be fetched."""
    due = one.plan()
    sizes = [item.size for item in due if item.size is not None]
    plan = {
        "source": one.source.name,
        "files": len(due),
        "bytes": sum(sizes),
        "files_of_unknown_size": len(due) - len(sizes),
        "first": min((item.stamp for item in due), default=None),
        "last": max((item.stamp for item in due), default=None),
        "terms": one.source.terms,
        "items": [item.name for item in due],
    }
    if as_json:
        sys.stdout.write(encode_json(plan).decode() + "\n")
        return
    for name, value in plan.items():
        if name != "items":
            print(f"{name.replace('_', ' ')}: {value}")
    for item in due[:MAX_SHOWN]:
        print(f"  {item.name}  {item.size if item.size is not None else '?'} bytes")
    if len(due) > MAX_SHOWN:
        print(f"  and {len(due) - MAX_SHOWN} more")


def _print_report(report: RoundReport, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(encode_json(asdict(report)).decode() + "\n")
        sys.stdout.flush()
        return
    came = ", ".join(f"{count} {state}" for state, count in sorted(report.outcomes.items()))
    if not came and not report.rows and not report.retracted:
        came = "nothing new"
    print(
        f"{report.source}: {came + '; ' if came else ''}{report.rows:,} rows, {report.new:,} new,"
        f" {report.changed:,} changed, {report.retracted:,} retracted,"
        f" {report.rejected:,} rejected; {report.requests} requests, {report.received:,} bytes"
        + (f"; {report.left} files left" if report.left else ""),
        flush=True,
    )
    if report.stopped:
        errors.print(report.stopped, markup=False)


def _choose_exit_code(report: RoundReport) -> int:
    if report.stopped:
        return 1
    refused = report.rejected or any(report.outcomes.get(s) for s in ("bad", "refused"))
    return EXIT_REJECTED if refused else 0
