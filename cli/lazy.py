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
    "web": ("parts", "Run the web page: worklist, viewer, models, training, system."),
    "migrate": ("parts", "Bring the database, and earlier models, to this headct."),
    "redis": ("parts", "Run the embedded Redis."),
    "submit": ("files", "Take files in at once, and the images in folders."),
    "results": ("results", "Show the results."),
    "studies": ("studies", "The worklist of studies, and all that is known of one."),
    "show": ("files", "Show all that is known of one file."),
    "retry": ("files", "Put rejected or quarantined files back into the queue."),
    "label": ("files", "Record what a reader sees in images."),
    "reclassify": ("files", "Classify files again that lack a result of the version in use."),
    "status": ("operation", "Show counts by state, the queue, the workers, the model in use."),
    "doctor": ("operation", "Check everything that headct needs."),
    "backup": ("operation", "Copy database, images, models and secrets into a folder."),
    "train": ("runs", "Queue a training run on the imported and labelled images."),
    "evaluate": ("evaluation", "Evaluate a version on the test split, or recipes (--cv)."),
    "explain": ("files", "Draw an image, and beside it a heat map by the model in use."),
    "demo": ("demo", "Classify a few images under a temporary home, for a first look."),
    "runs": ("runs", "List, follow, cancel and report training runs."),
    "models": ("models", "List and compare versions of the network; change that in use."),
    "user": ("accounts", "Accounts of the web page, and their tokens."),
    "audit": ("accounts", "Show who looked at or changed what on the web page."),
    "dataset": ("dataset", "Import and show the labelled images that training learns from."),
}
"""Module, and what the list says, which has to fit 80 columns; the command's own help begins so too."""
_HIDDEN = {"redis"}


class _QuickGroup(TyperGroup):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's own copy of Click
        _leave_defaults(self, ctx, args)
        return super().parse_args(ctx, args)


class LazyGroup(_QuickGroup):
    """Has of each command only what the list shows, until one is run or asked for its own help."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - inherited
        super().__init__(**attributes)
        self.commands = {
            name: TyperCommand(name, short_help=text, hidden=name in _HIDDEN, rich_markup_mode=None)
            for name, (_, text) in COMMANDS.items()
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - Typer's own copy of Click
        """The command itself, in place of what was listed."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, load(name) if name and listed else None, rest


def load(name: str) -> Any:  # noqa: ANN401 - Typer's own copy of Click
    """The command of that name, from its module."""
    app = _App(rich_markup_mode=None)
    command = getattr(import_module(f"cli.{COMMANDS[name][0]}"), name)
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name, cls=_QuickGroup)
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
