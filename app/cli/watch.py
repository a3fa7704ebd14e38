"""The commands `entente watch …`: follow changes in the terminal, and keep watches."""

import inspect
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import wraps
from itertools import islice
from typing import Annotated

import typer

from app.cli.kept_watches import (
    Answer,
    DatabaseWatches,
    KeptWatches,
    ServiceRefusalError,
    open_service_watches,
)
from app.cli.output import JsonOption, print_data, print_table
from app.cli.terminal import console, errors, open_current_database, report_input_errors
from app.cli.watch_service import follow_service
from app.errors import ConflictError, InvalidBodyError, NotFoundError
from app.events.filter import EventFilter
from app.feeds.command import build_filter_options
from app.pull.items import PullError
from app.watches.follow import follow_changes
from app.watches.json_filter import NOT_WATCHED

watch = typer.Typer(help="Follow changes of events, and keep watches that say them.")
OwnerOption = Annotated[
    str | None,
    typer.Option("--owner", help="Name of the key that keeps it; with --url the key is the owner."),
]
WebhookOption = Annotated[
    str | None, typer.Option("--webhook", help="Address that gets each message.")
]
ServiceOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="Address of a running service, with the key in ENTENTE_KEY where it needs one; by"
        " default the database is read.",
    ),
]
AfterOption = Annotated[
    int | None,
    typer.Option("--after", min=0, help="Changes after this `seq`; the newest by default."),
]
WatchArgument = Annotated[str, typer.Argument(help="Id of the watch.")]
FILTERS = build_filter_options(EventFilter, NOT_WATCHED)


def _report_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Wrap a command so that what cannot be done is said in a line, and exits with 2."""

    @wraps(command)
    def run_and_report(**options: object) -> None:
        try:
            report_input_errors(command)(**options)
        except InvalidBodyError as wrong:
            for fault in wrong.faults:
                errors.print(f"{fault.loc[-1]}: {fault.message}. {fault.hint or ''}")
            raise typer.Exit(2) from wrong
        except ServiceRefusalError as refused:
            errors.print(_name_commands(refused), highlight=False)
            raise typer.Exit(refused.exit_code) from refused
        except (ConflictError, NotFoundError) as wrong:
            errors.print(_name_commands(wrong))
            raise typer.Exit(2) from wrong

    return run_and_report


def _name_commands(wrong: Exception) -> str:
    """Say what is wrong with the commands that help, where the API names its routes."""
    return str(wrong).replace("/v1/watches lists", "entente watch list shows")


def _add_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the parameters of `/v1/events` as options; they arrive as `filters`."""
    own = [p for p in inspect.signature(command).parameters.values() if p.name != "filters"]
    names = {option.name for option in FILTERS}

    @wraps(command)
    def run_with_filters(**options: object) -> None:
        chosen = {n: v for n, v in options.items() if n in names and v not in (None, [])}
        rest = {n: v for n, v in options.items() if n not in names}
        command(**rest, filters=chosen)

    # In a signature of keywords alone, the order of options is that of their names here.
    plain = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
    run_with_filters.__signature__ = inspect.Signature([*plain, *FILTERS])  # type: ignore[attr-defined]
    run_with_filters.__annotations__ = {p.name: p.annotation for p in [*plain, *FILTERS]}
    return run_with_filters


@watch.callback(invoke_without_command=True)
@_add_filters
@_report_errors
def follow_matches(
    context: typer.Context,
    filters: Answer,
    after: AfterOption = None,
    most: Annotated[
        int | None, typer.Option("--limit", min=1, help="End after so many changes.")
    ] = None,
    waits: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait for later changes, or end at the newest.")
    ] = True,
    service: ServiceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print each change of the events that match, as it is written; Ctrl+C ends it."""
    if context.invoked_subcommand is not None:
        return
    asked = EventFilter.model_validate(filters)
    with ExitStack() as resources:
        if service is not None:
            key = os.environ.get("ENTENTE_KEY", "")
            messages = follow_service(service, key, filters, after, waits=waits)
        else:
            database = resources.enter_context(closing(open_current_database()))
            messages = follow_changes(database, asked, after, waits=waits)
        try:
            for message in islice(messages, most):
                _print_message(message, as_json=as_json)
        except KeyboardInterrupt:
            return
        except PullError as failed:
            errors.print(str(failed))
            raise typer.Exit(failed.exit_code) from failed


def _print_message(message: Answer, *, as_json: bool) -> None:
    if as_json:  # a line each, for programs that read along
        print(json.dumps(message, ensure_ascii=False), flush=True)
        return
    data, word = message["data"], message["type"].removeprefix("event.")
    fields = ", ".join(field["field"] for field in data.get("changed", ()))
    event = data["event"]
    console.print(
        f"{data['change']['seq']:>9}  {word:<9}  {event['date']}  {event['title']}"
        + (f"  ({fields})" if fields else ""),
        highlight=False, markup=False, soft_wrap=True,
    )  # fmt: skip


@contextmanager
def _open_watches(service: str | None) -> Iterator[KeptWatches]:
    """Open the watches of a service, or of the database that the settings name."""
    if service is not None:
        with open_service_watches(service, os.environ.get("ENTENTE_KEY", "")) as kept:
            yield kept
        return
    with closing(open_current_database()) as database:
        yield DatabaseWatches(database)


@watch.command("add")
@_add_filters
@_report_errors
def add_event_watch(
    name: Annotated[str, typer.Argument(help="What you call it.")],
    filters: Answer,
    owner: OwnerOption = None,
    webhook: WebhookOption = None,
    after: AfterOption = None,
    service: ServiceOption = None,
) -> None:
    """Keep a watch on the events that match, and print its id, feeds and secret."""
    _keep({"name": name, "events": filters, "after": after}, owner, webhook, service)


@watch.command("add-shift")
@_report_errors
def add_shift_watch(
    name: Annotated[str, typer.Argument(help="What you call it.")],
    actor: Annotated[str, typer.Option(help="Who moves.")],
    toward: Annotated[list[str], typer.Option(help="Toward whom.")],
    owner: OwnerOption = None,
    verdict: Annotated[str, typer.Option(help="watch, weak, shift or strong.")] = "shift",
    direction: Annotated[str | None, typer.Option(help="away or toward.")] = None,
    dataset: Annotated[list[str], typer.Option(help="Datasets that count.")] = [],  # noqa: B006
    webhook: WebhookOption = None,
    service: ServiceOption = None,
) -> None:
    """Keep a watch on a shift, which says when its verdict is reached and when it falls."""
    question = {"actor": actor, "toward": toward, "verdict": verdict}
    question |= {"direction": direction} if direction else {}
    question |= {"dataset": dataset} if dataset else {}
    _keep({"name": name, "shift": question}, owner, webhook, service)


def _keep(body: Answer, owner: str | None, webhook: str | None, service: str | None) -> None:
    sent = body | ({"webhook": {"url": webhook}} if webhook else {})
    with _open_watches(service) as kept:
        shown = kept.add_watch(sent, owner)
    errors.print(f"Watch {shown.name!r}. Its feeds: {shown.feeds.atom}")
    if shown.secret:
        errors.print(f"Its secret is shown only once: {shown.secret}")
    print(shown.id)


@watch.command("list")
@_report_errors
def print_watches(
    owner: Annotated[str | None, typer.Option(help="Only watches of this key.")] = None,
    as_json: JsonOption = False,
    service: ServiceOption = None,
) -> None:
    """List the watches, the oldest first; at a service those that the key may see."""
    with _open_watches(service) as kept:
        shown = kept.list_watches(owner)
    rows = [w.model_dump(exclude={"secret"}) for w in shown]
    if print_data("json" if as_json else "table", rows):
        return
    columns = ("id", "owner", "name", "state", "waiting", "sent to")
    print_table(
        columns,
        [
            (w.id, w.owner, w.name, w.state, str(w.pending), w.webhook.url if w.webhook else "–")
            for w in shown
        ],
    )


@watch.command("remove")
@_report_errors
def drop_watch(ident: WatchArgument, service: ServiceOption = None) -> None:
    """Drop a watch with all that it has said and has to say."""
    with _open_watches(service) as kept:
        kept.delete_watch(ident)
    errors.print(f"Watch {ident} is dropped.")


@watch.command("pause")
@_report_errors
def halt_watch(ident: WatchArgument, service: ServiceOption = None) -> None:
    """Stop a watch where it is."""
    with _open_watches(service) as kept:
        kept.change_watch(ident, "paused")


@watch.command("resume")
@_report_errors
def continue_watch(
    ident: WatchArgument, after: AfterOption = None, service: ServiceOption = None
) -> None:
    """Let a paused or suspended watch go on from where it stopped."""
    with _open_watches(service) as kept:
        kept.change_watch(ident, "active", after)


@watch.command("deliveries")
@_report_errors
def print_deliveries(
    ident: WatchArgument,
    state: Annotated[str | None, typer.Option(help="pending, delivered, dead or kept.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    as_json: JsonOption = False,
    service: ServiceOption = None,
) -> None:
    """List what a watch said and has to say, newest first."""
    with _open_watches(service) as kept:
        shown = kept.list_deliveries(ident, state, limit)
    if not print_data("json" if as_json else "table", [d.model_dump() for d in shown]):
        columns = ("seq", "change", "state", "attempts", "last", "error")
        print_table(
            columns,
            [
                (str(d.seq), d.change, d.state, str(d.attempts), d.sent_at or "–", d.error or "")
                for d in shown
            ],
        )


@watch.command("replay")
@_report_errors
def retry_dead_letters(
    ident: WatchArgument,
    seq: Annotated[int | None, typer.Option(help="One of them; all where left out.")] = None,
    service: ServiceOption = None,
) -> None:
    """Try dead letters of a watch again."""
    with _open_watches(service) as kept:
        count = kept.replay_deliveries(ident, seq)
    errors.print(f"{count} dead letters wait again.")


@watch.command("test")
@_report_errors
def try_watch(ident: WatchArgument, service: ServiceOption = None) -> None:
    """Send a test message to the webhook of a watch; exit 1 where it does not arrive."""
    with _open_watches(service) as kept:
        found = kept.send_test(ident)
    if not found.arrived:
        errors.print(f"It did not arrive: {found.error}")
        raise typer.Exit(1)
    errors.print(f"It arrived after {found.seconds:.2f} seconds, answered {found.status}.")
