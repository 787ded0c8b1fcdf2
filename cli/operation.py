"""`headct status`, `doctor` and `backup`: is all well, what to do if not, and a copy in case."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.failures import in_words
from cli.printing import folded, print_facts, say, tell, width
from core.errors import NotLookedAt, NotRunning
from services.context import open_home, open_migrated

_INDENT = 5


def status(as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False) -> None:
    """Show counts by state, the queue, the workers, the oldest unfinished file, the model in use."""
    from services.status import read_state

    state = read_state(open_migrated())
    if as_json:
        told = {"problems": [in_words(error) for error in state["problems"]]}
        json.dump(state | told, sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        print_state(state)


def print_state(state: dict[str, Any]) -> None:
    """Print what `services.status.read_state` found."""
    queues, oldest = state["queues"] or {}, state["oldest_unfinished_seconds"]
    print_facts(
        (
            *((name, str(count)) for name, count in state["files"].items()),
            ("intake", _intake(state)),
            ("free disk", f"{state['free_mb']} MiB below {state['free_mb_below']}"),
            ("queue", ", ".join(f"{name} {depth}" for name, depth in queues.items()) or "unknown"),
            ("workers alive", _alive(state["workers"])),
            *(
                ("took a message", f"{worker}, {age:.0f} s ago")
                for worker, age in state["heard_seconds_ago"].items()
            ),
            ("oldest unfinished", "nothing waits" if oldest is None else f"{oldest:.0f} s"),
            ("model in use", state["model_version"] or "none"),
        )
    )
    for error in state["problems"]:
        tell(in_words(error) or "", "red")


def _intake(state: Mapping[str, Any]) -> str:
    stopped = any(isinstance(error, NotRunning) for error in state["problems"])
    if stopped or state["scheduler_runs"] is False:
        return "does not run"
    return "pauses" if state["intake_paused"] else "takes files"


def _alive(workers: Sequence[str] | None) -> str:
    return "unknown" if workers is None else ", ".join(workers) or "none"


def doctor() -> None:
    """Check everything that headct needs; exit 1 if something has to be done."""
    from services.doctor import run_checks

    well = True
    # Elsewhere than on a terminal this may be kept, and a name can identify a patient.
    for name, error in run_checks(names=sys.stdout.isatty()):
        problem = in_words(error) if error else None
        well = well and problem is None
        first, *rest = folded(f"{name}: {problem}" if problem else name, width() - _INDENT)
        verdict = "ok " if error is None else "-- " if isinstance(error, NotLookedAt) else "BAD"
        typer.echo(f"{verdict}  {first}")
        for line in rest:
            typer.echo(" " * _INDENT + line)
    if not well:
        raise typer.Exit(1)


def backup(folder: Annotated[Path, typer.Argument(help="where to; once more only adds what is new")]) -> None:
    """Copy database, images, models and secrets into a folder, which is a home then; headct may run."""
    from services.backup import back_up

    database, copied = back_up(open_home(), folder)
    say(f"database: {database}")
    typer.echo(f"files: {copied.new} copied, {copied.known} were there already")
