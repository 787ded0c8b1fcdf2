"""The commands of `headct`, listed without their modules, whose imports take longer than most runs.

This list is all there is to registering one: a function of that name, or a group of commands, in its module.

After "Lazily Loading Subcommands" in Click's documentation.
"""

from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_group


class Listed(NamedTuple):
    """Where a command is, and what the list of commands says of it."""

    module: str
    help: str
    hidden: bool = False


COMMANDS = {
    "up": Listed("cli.parts", "Run everything in the foreground until Ctrl-C or SIGTERM."),
    "watch": Listed("cli.parts", "Run the scheduler: inbox to database to queue."),
    "worker": Listed("cli.parts", "Run a worker: classifies, or trains (--queue training)."),
    "flower": Listed("cli.parts", "Run Flower, the web page of the jobs."),
    "migrate": Listed(
        "cli.parts", "Bring the database, and the models of an earlier release, to this headct."
    ),
    "redis": Listed("cli.parts", "Run the embedded Redis.", hidden=True),
    "submit": Listed(
        "cli.files", "Take files in at once, and folders: of these, what is an image by its content."
    ),
    "results": Listed("cli.results", "Show the results."),
    "show": Listed(
        "cli.files",
        "Show one file: its arrivals, state, reason, every result it ever got, and what readers said.",
    ),
    "retry": Listed("cli.files", "Put rejected or quarantined files back into the queue."),
    "label": Listed(
        "cli.files",
        "Record what a reader sees in images; the newest label counts, and the next training learns from it.",
    ),
    "reclassify": Listed(
        "cli.files",
        "Have classified files that lack a result of the version in use classified again; old results stay.",
    ),
    "status": Listed(
        "cli.operation",
        "Show counts by state, the queue, the workers, the oldest unfinished file, the model in use.",
    ),
    "doctor": Listed(
        "cli.operation", "Check everything that headct needs; exit 1 if something has to be done."
    ),
    "backup": Listed(
        "cli.operation",
        "Copy database, images, models and secrets into a folder, which is a home then; headct may run.",
    ),
    "train": Listed(
        "cli.runs",
        "Queue a training run on the imported and labelled images; returns at once with its id.",
    ),
    "evaluate": Listed(
        "cli.evaluation",
        "Evaluate a version on the test part of the data set, or recipes by cross-validation (--cv).",
    ),
    "explain": Listed(
        "cli.files", "Draw an image, and beside it the same under a heat map by the model in use."
    ),
    "demo": Listed(
        "cli.demo",
        "Start everything under a temporary home, classify a few images, show the results, stop everything.",
    ),
    "runs": Listed("cli.runs", "List, follow, cancel and report training runs."),
    "models": Listed(
        "cli.models", "List, compare and show the versions of the network, and change the one in use."
    ),
    "dataset": Listed("cli.dataset", "Import and show the labelled images that training learns from."),
}
"""In the order of the list. The help is the first line of the command's own, to which a test holds it."""


class LazyGroup(TyperGroup):
    """Has of each command only what the list shows, until one is run or asked for its own help."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - inherited
        super().__init__(**attributes)
        self.commands = {
            name: TyperCommand(name, help=listed.help, hidden=listed.hidden, rich_markup_mode=None)
            for name, listed in COMMANDS.items()
        }

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's own copy of Click
        _leave_defaults(self, ctx, args)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - Typer's own copy of Click
        """The command itself, in place of what was listed."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, load(name) if name and listed else None, rest


def load(name: str) -> Any:  # noqa: ANN401 - Typer's own copy of Click
    """The command of that name, from its module."""
    listed, app = COMMANDS[name], _App(rich_markup_mode=None)
    command = getattr(import_module(listed.module), name)
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name)
    else:
        app.command(hidden=listed.hidden)(command)
    return get_group(app).commands[name]


class _App(typer.Typer):
    def command(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - inherited
        return super().command(*arguments, cls=_QuickCommand, **options)


class _QuickCommand(TyperCommand):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's own copy of Click
        _leave_defaults(self, ctx, args)
        return super().parse_args(ctx, args)


def _leave_defaults(command: TyperCommand | TyperGroup, ctx: Any, args: list[str]) -> None:  # noqa: ANN401
    """Have options that are not given keep their defaults: to convert these Typer would import pydantic."""
    given, _, _ = command.make_parser(ctx).parse_args(list(args))
    for option in command.get_params(ctx):
        asked_for = option.name in given or option.required or option.multiple
        if isinstance(option, TyperOption) and not asked_for:
            option.process_value = lambda ctx, value: value  # type: ignore[method-assign]  # noqa: ARG005
