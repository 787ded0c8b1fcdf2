"""`headct status` and `headct doctor`: is all well, and what to do if not."""

import json
import sys
from typing import Annotated

import typer

from cli.failures import in_words
from cli.terminal import fold, width
from core.printable import printable
from services.context import open_migrated

_INDENT = 5


def status(as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False) -> None:
    """Show counts by state, the queue, the workers, the oldest unfinished file, the model in use."""
    from cli.state import print_state
    from services.status import read_state

    state = read_state(open_migrated())
    if as_json:
        json.dump(
            state | {"problems": [in_words(error) for error in state["problems"]]}, sys.stdout, indent=1
        )
        sys.stdout.write("\n")
    else:
        print_state(state)


def doctor() -> None:
    """Check everything that headct needs; exit 1 if something has to be done."""
    from services.doctor import run_checks

    well = True
    # Elsewhere than on a terminal this may be kept, and a name can identify a patient.
    for name, error in run_checks(names=sys.stdout.isatty()):
        problem = in_words(error) if error else None
        well = well and problem is None
        first, *rest = _folded(f"{name}: {problem}" if problem else name)
        typer.echo(f"{'ok ' if problem is None else 'BAD'}  {first}")
        for line in rest:
            typer.echo(" " * _INDENT + line)
    if not well:
        raise typer.Exit(1)


def _folded(text: str) -> list[str]:
    """The text in lines that fit beside a verdict; elsewhere than on a terminal as it is."""
    lines = [printable(line) for line in text.split("\n")]
    if not sys.stdout.isatty():
        return lines
    return [part for line in lines for part in fold(line, width() - _INDENT)]
