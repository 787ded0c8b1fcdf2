"""The state of the running system, as `headct status` prints it."""

from typing import Any

from cli.failures import in_words
from core.printable import printable


def print_state(state: dict[str, Any]) -> None:
    """Print what `services.status.read_state` found."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, count in state["files"].items():
        table.add_row(name, str(count))
    table.add_row("intake", "pauses" if state["intake_paused"] else "takes files")
    table.add_row("free disk", Text(printable(f"{state['free_mb']} MiB below {state['free_mb_below']}")))
    queues = state["queues"] or {}
    table.add_row("queue", ", ".join(f"{name} {depth}" for name, depth in queues.items()) or "unknown")
    table.add_row("workers alive", ", ".join(state["workers"]) or "none: start `headct up`")
    for worker, age in state["heard_seconds_ago"].items():
        table.add_row("took a message", f"{worker}, {age:.0f} s ago")
    oldest = state["oldest_unfinished_seconds"]
    table.add_row("oldest unfinished", "nothing waits" if oldest is None else f"{oldest:.0f} s")
    table.add_row("model in use", state["model_version"] or "none")
    console = Console()
    console.print(table)
    for error in state["problems"]:
        console.print(in_words(error), style="red", markup=False)
