"""The commands `entente watch …`: follow changes in the terminal, and keep watches."""

import asyncio
import inspect
import json
import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import wraps
from itertools import islice
from typing import Annotated, Any

import typer
from sqlalchemy import Row

from app.access.keys import Principal
from app.cli.output import JsonOption, print_data, print_table
from app.cli.terminal import console, errors, open_current_database, report_input_errors
from app.cli.watch_service import follow_service
from app.db.engine import Database
from app.db.lineage_table import read_version
from app.errors import ConflictError, InvalidBodyError, NotFoundError
from app.events.filter import EventFilter
from app.feeds.command import build_filter_options
from app.pull.items import PullError
from app.settings import Settings
from app.watches import delivery_store, watch_store
from app.watches.follow import follow_changes
from app.watches.keep import keep_watch, render_delivery, render_watch, require_watch, resolve_watch
from app.watches.payloads import build_test_message, encode_message
from app.watches.schemas import NOT_WATCHED, WatchBody
from app.watches.sender import send_message

watch = typer.Typer(help="Follow changes of events, and keep watches that say them.")
OPERATOR = Principal("", "", "admin")
"""Who works on the database itself may see every watch."""
OwnerOption = Annotated[str, typer.Option("--owner", help="Name of the key that keeps it.")]
UrlOption = Annotated[str | None, typer.Option("--url", help="Webhook that gets each message.")]
AfterOption = Annotated[
    int | None,
    typer.Option("--after", min=0, help="Changes after this `seq`; the newest by default."),
]
WatchArgument = Annotated[str, typer.Argument(help="Id of the watch.")]
FILTERS = build_filter_options(EventFilter, NOT_WATCHED)


def _report_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Wrap a command so that what cannot be done is said in a line, and exits with 2."""

    @wraps(command)
    def run_and_report(**options: Any) -> None:
        try:
            report_input_errors(command)(**options)
        except InvalidBodyError as wrong:
            for fault in wrong.faults:
                errors.print(f"{fault.loc[-1]}: {fault.message}. {fault.hint or ''}")
            raise typer.Exit(2) from wrong
        except (ConflictError, NotFoundError) as wrong:
            errors.print(str(wrong).replace("/v1/watches lists", "entente watch list shows"))
            raise typer.Exit(2) from wrong

    return run_and_report


def _add_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the parameters of `/v1/events` as options; they arrive as `filters`."""
    own = [p for p in inspect.signature(command).parameters.values() if p.name != "filters"]
    names = {option.name for option in FILTERS}

    @wraps(command)
    def run_with_filters(**options: Any) -> None:
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
    filters: dict[str, Any],
    after: AfterOption = None,
    most: Annotated[
        int | None, typer.Option("--limit", min=1, help="End after so many changes.")
    ] = None,
    waits: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait for later changes, or end at the newest.")
    ] = True,
    service: Annotated[
        str | None,
        typer.Option(
            "--url",
            help="Address of a running service, with the key in ENTENTE_KEY where it needs one; by"
            " default the database is read.",
        ),
    ] = None,
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


def _print_message(message: dict[str, Any], *, as_json: bool) -> None:
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


@watch.command("add")
@_add_filters
@_report_errors
def add_event_watch(
    name: Annotated[str, typer.Argument(help="What you call it.")],
    filters: dict[str, Any],
    owner: OwnerOption,
    url: UrlOption = None,
    after: AfterOption = None,
) -> None:
    """Keep a watch on the events that match, and print its id, feeds and secret."""
    _keep({"name": name, "events": filters, "after": after}, owner, url)


@watch.command("add-shift")
@_report_errors
def add_shift_watch(
    name: Annotated[str, typer.Argument(help="What you call it.")],
    owner: OwnerOption,
    actor: Annotated[str, typer.Option(help="Who moves.")],
    toward: Annotated[list[str], typer.Option(help="Toward whom.")],
    verdict: Annotated[str, typer.Option(help="watch, weak, shift or strong.")] = "shift",
    direction: Annotated[str | None, typer.Option(help="away or toward.")] = None,
    dataset: Annotated[list[str], typer.Option(help="Datasets that count.")] = [],  # noqa: B006
    url: UrlOption = None,
) -> None:
    """Keep a watch on a shift, which says when its verdict is reached and when it falls."""
    question = {"actor": actor, "toward": toward, "verdict": verdict}
    question |= {"direction": direction} if direction else {}
    question |= {"dataset": dataset} if dataset else {}
    _keep({"name": name, "shift": question}, owner, url)


def _keep(body: dict[str, Any], owner: str, url: str | None) -> None:
    sent = WatchBody.model_validate(body | ({"webhook": {"url": url}} if url else {}))
    with closing(open_current_database()) as database:
        with database.connect() as db:
            resolved = resolve_watch(db, sent, Settings())
        row = _write_watch(database, sent, resolved, owner)
    kept = watch_store.read_secrets(row)
    shown = render_watch(row)
    errors.print(f"Watch {shown.name!r}. Its feeds: {shown.feeds.atom}")
    if kept:
        errors.print(f"Its secret is shown only once: {kept[0].secret}")
    print(shown.id)


def _write_watch(
    database: Database, sent: WatchBody, resolved: dict[str, Any], owner: str
) -> Row[Any]:
    with database.write() as db:
        if not watch_store.has_key_in_force(db, owner):
            raise NotFoundError(
                f"No key in force with the scope watch is named {owner!r}; entente keys list shows"
                " them."
            )
        who = Principal("", owner, "watch")
        return require_watch(db, keep_watch(db, sent, resolved, who, Settings()), who)


@watch.command("list")
def print_watches(
    owner: Annotated[str | None, typer.Option(help="Only watches of this key.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the watches, the oldest first."""
    with closing(open_current_database()) as database, database.connect() as db:
        rows = watch_store.list_watches_after(db, owner, None, 100_000)
    shown = [render_watch(row) for row in rows]
    if print_data(
        "json" if as_json else "table", [w.model_dump(exclude={"secret"}) for w in shown]
    ):
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
def drop_watch(ident: WatchArgument) -> None:
    """Drop a watch with all that it has said and has to say."""
    with closing(open_current_database()) as database, database.write() as db:
        row = require_watch(db, ident, OPERATOR)
        watch_store.remove_watch(db, row.id)
    errors.print(f"Watch {row.name!r} is dropped.")


@watch.command("pause")
@_report_errors
def halt_watch(ident: WatchArgument) -> None:
    """Stop a watch where it is."""
    with closing(open_current_database()) as database, database.write() as db:
        watch_store.stop_watch(db, require_watch(db, ident, OPERATOR).id, "paused", None)


@watch.command("resume")
@_report_errors
def continue_watch(ident: WatchArgument, after: AfterOption = None) -> None:
    """Let a paused or suspended watch go on from where it stopped."""
    with closing(open_current_database()) as database, database.write() as db:
        row = require_watch(db, ident, OPERATOR)
        if after is not None and after > read_version(db):
            raise NotFoundError(f"The newest version is {read_version(db)}.")
        watch_store.resume_watch(db, row.id, after)


@watch.command("deliveries")
@_report_errors
def print_deliveries(
    ident: WatchArgument,
    state: Annotated[str | None, typer.Option(help="pending, delivered, dead or kept.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    as_json: JsonOption = False,
) -> None:
    """List what a watch said and has to say, newest first."""
    with closing(open_current_database()) as database, database.connect() as db:
        row = require_watch(db, ident, OPERATOR)
        ancestry = read_version(db).ancestry
        rows = delivery_store.list_deliveries_after(db, row.id, state, None, limit)
        shown = [render_delivery(one, ancestry) for one in rows]
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
) -> None:
    """Try dead letters of a watch again."""
    with closing(open_current_database()) as database, database.write() as db:
        row = require_watch(db, ident, OPERATOR)
        count = delivery_store.replay_deliveries(db, row.id, seq)
    errors.print(f"{count} dead letters wait again.")


@watch.command("test")
@_report_errors
def try_watch(ident: WatchArgument) -> None:
    """Send a test message to the webhook of a watch; exit 1 where it does not arrive."""
    with closing(open_current_database()) as database:
        _send_test_now(database, ident)


def _send_test_now(database: Database, ident: str) -> None:
    with database.connect() as db:
        row = require_watch(db, ident, OPERATOR)
    if not row.url:
        raise ConflictError("The watch has no webhook; its feeds say what it has to say.")
    settings, now = Settings(), watch_store.format_now()
    body = encode_message(build_test_message(row.id, row.name, now))
    sending = send_message(
        row.url, watch_store.make_test_id(row.id), body, watch_store.read_secrets(row),
        allow_private=settings.watch_private_addresses, contact=settings.contact,
    )  # fmt: skip
    found = asyncio.run(sending)
    if not found.arrived:
        errors.print(f"It did not arrive: {found.error}")
        raise typer.Exit(1)
    errors.print(f"It arrived after {found.seconds:.2f} seconds, answered {found.status}.")
