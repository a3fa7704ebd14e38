"""The command line `entente`: each command's module is imported when the command runs.

`entente --help` therefore imports none of them, nor the database, HTTP and number libraries.
"""

import gc
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from app.version import read_program_version


@dataclass(frozen=True, slots=True)
class CommandSource:
    """Where a command is defined: a function or a group of commands in a module."""

    module: str
    attribute: str
    help: str
    """The first sentence of the command's help, which lists of commands show."""


COMMANDS = {
    "serve": CommandSource("app.cli.serve", "run_service", "Run the HTTP service."),
    "load": CommandSource(
        "app.ingest.command",
        "load_from_terminal",
        "Load files of events in bulk. Loading the same file again changes nothing.",
    ),
    "pull": CommandSource(
        "app.cli.pull",
        "pull_source",
        "Pull a dataset from its source: what is missing in the window is fetched and loaded.",
    ),
    "follow": CommandSource(
        "app.cli.pull",
        "follow_sources",
        "Keep datasets current from their sources, by a ledger of every file.",
    ),
    "pulls": CommandSource(
        "app.cli.pull",
        "list_pulls",
        "Show what was pulled: streams by state, or the items that are late, missing or failed.",
    ),
    "export": CommandSource(
        "app.cli.export",
        "export_events",
        "Write events to a file or standard output in any format; without --limit, all of them.",
    ),
    "dump": CommandSource(
        "app.cli.dump",
        "dump_datasets",
        "Write whole datasets as files for /v1/dumps: those that changed since their last dumps.",
    ),
    "timeline": CommandSource(
        "app.cli.timeline",
        "print_timeline",
        "List events, newest first, with the publishers that report them.",
    ),
    "alignment": CommandSource(
        "app.cli.shifts",
        "print_alignment",
        "Print the alignment index of an actor toward others over time, from −1 to +1.",
    ),
    "shifts": CommandSource(
        "app.cli.shifts",
        "shifts",
        "Shifts of alignment: which actors moved toward or away from which.",
    ),
    "watch": CommandSource(
        "app.cli.watch", "watch", "Follow changes of events, and keep watches that say them."
    ),
    "mcp": CommandSource(
        "app.cli.mcp",
        "answer_assistant",
        "Answer an assistant over standard input and output (Model Context Protocol).",
    ),
    "verify": CommandSource(
        "app.cli.verify",
        "verify_database",
        "Check the database's files, recompute every index and sum; exit 1 if anything differs.",
    ),
    "census": CommandSource(
        "app.cli.census",
        "print_census",
        "Count what the bundled record rests on: events, evidence, dates, stated signals.",
    ),
    "actors": CommandSource(
        "app.cli.actors", "actors", "Unresolved names of loaded events, and aliases for them."
    ),
    "db": CommandSource(
        "app.cli.database", "db", "Upgrade, check, back up and restore the database."
    ),
    "config": CommandSource(
        "app.cli.config", "print_configuration", "Print every setting, with secrets masked."
    ),
    "datasets": CommandSource(
        "app.cli.datasets",
        "datasets",
        "Datasets, their terms, who may read them, and what is searched.",
    ),
    "keys": CommandSource(
        "app.cli.keys", "keys", "Keys for writing, and for reading where reading is not open."
    ),
}


class LazyCommand(TyperCommand):
    """A command that is known by its name and help alone until it runs."""

    def __init__(self, name: str, source: CommandSource) -> None:
        super().__init__(name=name, help=source.help)
        self.source = source

    def load(self) -> TyperCommand | TyperGroup:
        """Import the module of the command, and return the command itself."""
        # Garbage collection during imports takes a seventh of the start and finds nothing.
        gc.disable()
        found = getattr(import_module(self.source.module), self.source.attribute)
        gc.freeze()
        gc.enable()
        if not isinstance(found, typer.Typer):
            function, found = found, typer.Typer(add_completion=False)
            found.command(self.name)(function)
        command = get_command(found)
        assert isinstance(command, TyperCommand | TyperGroup)
        return command

    def make_context(self, *words: Any, **options: Any) -> Any:
        """Parse the arguments as the command itself does."""
        return self.load().make_context(*words, **options)


class LazyProgram(TyperGroup):
    """The group of all commands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name, source in COMMANDS.items():
            self.add_command(LazyCommand(name, source))


main = typer.Typer(cls=LazyProgram, no_args_is_help=True, pretty_exceptions_enable=False)


def print_version(wanted: bool) -> None:
    """Print the version and exit, where the option asks for it."""
    if wanted:
        print(f"entente {read_program_version()}")
        raise typer.Exit


@main.callback()
def describe_program(
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """A sourced record of what states and alliances do."""
