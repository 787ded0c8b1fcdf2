"""`headct submit`, `results`, `show`, `retry`: the files and what became of them."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.moments import Since, parse_since
from cli.numbers import BIGINT_MAX
from cli.printing import Format, print_file, write_rows
from db.states import FileState
from services.context import open_migrated

# On a terminal a longer table is of no use; `--limit 0` and the other formats give all.
_TABLE_ROWS = 50


def submit(
    paths: Annotated[list[Path], typer.Argument(help="image files, and folders of them")],
    wait: Annotated[
        bool, typer.Option("--wait", help="wait for the results; exit 1 if any was rejected")
    ] = False,
    move: Annotated[bool, typer.Option("--move/--copy", help="whether the files are removed here")] = False,
) -> None:
    """Take files in at once, and folders: of these, what is an image by its content."""
    from cli.submission import submit_paths, wait_for_results

    context = open_migrated()
    file_ids, refused = submit_paths(context, paths, move=move)
    rejected = wait_for_results(context, file_ids) if wait else 0
    if refused or rejected:
        raise typer.Exit(1)


def results(
    output: Annotated[Format, typer.Option("--format", help="how to print")] = Format.TABLE,
    state: Annotated[FileState | None, typer.Option(help="only files in this state")] = None,
    label: Annotated[
        Literal["hemorrhage", "normal", "uncertain"] | None, typer.Option(help="only this label")
    ] = None,
    since: Since = None,
    limit: Annotated[
        int | None,
        typer.Option(min=0, max=BIGINT_MAX, help=f"at most this many, 0 for all (a table: {_TABLE_ROWS})"),
    ] = None,
    sort: Annotated[
        Literal["time", "probability"], typer.Option(help="newest or most probable first")
    ] = "time",
) -> None:
    """Show the results."""
    from cli.results_table import print_table
    from db.results import ResultFilter, count_results, each_result, largest_id, read_connection

    context = open_migrated()
    shown = limit if limit is not None else (_TABLE_ROWS if output is Format.TABLE else 0)
    wanted = ResultFilter(state=state, label=label, since=parse_since(since), sort=sort, limit=shown)
    rows = each_result(context.engine, wanted)
    if output is not Format.TABLE:
        write_rows(rows, output)
        return
    with read_connection(context.engine) as connection:
        matching, largest = count_results(connection, wanted) if shown else 0, largest_id(connection)
    note = f"{shown} of {matching} shown; --limit 0 shows all." if matching > shown else ""
    print_table(rows, largest, note)


def show(file: Annotated[str, typer.Argument(help="id, or the first digits of the SHA-256")]) -> None:
    """Show one file: its arrivals, state, reason, every result it ever got, and what readers said."""
    from db.engine import read_session
    from db.queries import arrivals_of, find_file, predictions_of
    from db.readings import readings_of
    from db.results import results_of

    with read_session(open_migrated().engine) as session:
        found = find_file(session, file)
        print_file(
            found,
            arrivals_of(session, found.id),
            predictions_of(session, found.id),
            readings_of(session, found.id),
            next((row.model_version for row in results_of(session, [found.id])), None),
        )


def retry(
    files: Annotated[list[str] | None, typer.Argument(help="ids or SHA-256s")] = None,
    quarantined: Annotated[bool, typer.Option("--quarantined", help="all that are quarantined")] = False,
    rejected: Annotated[bool, typer.Option("--rejected", help="all that are rejected")] = False,
) -> None:
    """Put rejected or quarantined files back into the queue."""
    from services.requeue import retry as ask_again

    if not (files or quarantined or rejected):
        raise typer.BadParameter("name files, or give --quarantined or --rejected")
    done = ask_again(open_migrated(), files or [], quarantined=quarantined, rejected=rejected)
    typer.echo(f"{done.moved} of {done.asked} files wait again.")
    if done.refused:
        named = ", ".join(f"{file_id} is {state}" for file_id, state in done.refused.items())
        typer.echo(f"Only rejected and quarantined files can be retried: {named}.", err=True)
        raise typer.Exit(1)
