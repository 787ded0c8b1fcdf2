"""The commands of `headct`, listed without their modules, whose imports take longer than most runs.

This list is all there is to registering one: a function of that name, or a group of commands, in its module.

After "Lazily Loading Subcommands" in Click's documentation.
"""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_group

COMMANDS = {
    "up": ("parts", "Run everything in the foreground until Ctrl-C or SIGTERM."),
    "watch": ("parts", "Run the scheduler: inbox to database to queue."),
    "worker": ("parts", "Run a worker: classifies, or trains (--queue training)."),
    "flower": ("parts", "Run Flower, the web page of the jobs."),
    "migrate": ("parts", "Bring the database, and the models of an earlier release, to this headct."),
    "redis": ("parts", "Run the embedded Redis."),
    "submit": ("files", "Take files in at once, and folders: of these, what is an image by its content."),
    "results": ("results", "Show the results."),
    "show": (
        "files",
        "Show one file: its arrivals, state, reason, every result it ever got, and what readers said.",
    ),
    "retry": ("files", "Put rejected or quarantined files back into the queue."),
    "label": (
        "files",
        "Record what a reader sees in images; the newest label counts, and the next training learns from it.",
    ),
    "reclassify": (
        "files",
        "Have classified files that lack a result of the version in use classified again; old results stay.",
    ),
    "status": (
        "operation",
        "Show counts by state, the queue, the workers, the oldest unfinished file, the model in use.",
    ),
    "doctor": ("operation", "Check everything that headct needs; exit 1 if something has to be done."),
    "backup": (
        "operation",
        "Copy database, images, models and secrets into a folder, which is a home then; headct may run.",
    ),
    "train": (
        "runs",
        "Queue a training run on the imported and labelled images; returns at once with its id.",
    ),
    "evaluate": (
        "evaluation",
        "Evaluate a version on the test split of the data set, or recipes by cross-validation (--cv).",
    ),
    "explain": ("files", "Draw an image, and beside it the same under a heat map by the model in use."),
    "demo": (
        "demo",
        "Start everything under a temporary home, classify a few images, show the results, stop everything.",
    ),
    "runs": ("runs", "List, follow, cancel and report training runs."),
    "models": ("models", "List, compare and show the versions of the network, and change the one in use."),
    "dataset": ("dataset", "Import and show the labelled images that training learns from."),
}
"""Module and help, which is the first line of the command's own, to which a test holds it."""
_HIDDEN = {"redis"}


class LazyGroup(TyperGroup):
    """Has of each command only what the list shows, until one is run or asked for its own help."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - inherited
        super().__init__(**attributes)
        self.commands = {
            name: TyperCommand(name, help=help_, hidden=name in _HIDDEN, rich_markup_mode=None)
            for name, (_, help_) in COMMANDS.items()
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
    app = _App(rich_markup_mode=None)
    command = getattr(import_module(f"cli.{COMMANDS[name][0]}"), name)
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name)
    else:
        app.command(hidden=name in _HIDDEN)(command)
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
