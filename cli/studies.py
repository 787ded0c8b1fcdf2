"""`headct studies`: the worklist, and all that is known of one study."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.arguments import Since, parse_since, picture_format, write_output
from cli.printing import (
    NOTICE,
    Column,
    as_wide,
    counted,
    figure,
    local,
    moments,
    print_facts,
    print_rows,
    print_table,
    say,
    sentences,
    tell,
)
from cli.results import LABEL_STYLES, Format, Label, Limit, most_rows, write_rows
from db.states import ImageLabel, StudyState
from db.worklist import STUDY_COLUMNS, WorklistFilter
from services.context import open_migrated

if TYPE_CHECKING:
    from sqlalchemy import Row

    from services.studies import Slice, Study

studies = typer.Typer(help="The worklist of studies, and all that is known of one.")
Reference = Annotated[str, typer.Argument(help="id, study UID, accession number or name")]
_STYLES = {**LABEL_STYLES, StudyState.OPEN: "yellow"}
_LABEL = max(map(len, ImageLabel))


@studies.callback(invoke_without_command=True)
def list_studies(
    command: typer.Context,
    output: Annotated[Format, typer.Option("--format", help="how to print")] = Format.TABLE,
    state: Annotated[StudyState | None, typer.Option(help="only studies in this state")] = None,
    label: Label = None,
    since: Since = None,
    limit: Limit = None,
    sort: Annotated[
        Literal["urgency", "time", "probability"],
        typer.Option(help="most urgent, newest or most probable first"),
    ] = "urgency",
) -> None:
    """Show the worklist: unread before read, stat before routine, then by label and probability."""
    if command.invoked_subcommand is not None:
        return
    from services.worklist import find

    shown = most_rows(limit, output)
    wanted = WorklistFilter(
        state=state,
        label=label,
        since=parse_since(since),
        studies_only=True,
        sort="received" if sort == "time" else sort,
        descending=sort != "urgency",
        limit=shown,
    )
    found = find(open_migrated(), wanted)
    if output is not Format.TABLE:
        write_rows(found.rows, output, STUDY_COLUMNS)
        return
    print_worklist(found.rows)
    if found.matching > shown:
        tell(f"{shown} of {found.matching} shown; --limit 0 shows all.")
    tell(NOTICE, "dim")


def print_worklist(rows: "Sequence[Row[Any]]") -> None:
    """Print rows of the view `studies`."""
    received, shortly = moments("received", "received_at")
    before = [
        Column[Any]("id", 4, lambda row: str(row.study_id)),
        as_wide("study", rows, _name, 40),
        Column[Any]("", 4, lambda row: "STAT" if row.priority == "stat" else "", {"STAT": "bold red"}),
    ]
    after = [
        Column[Any]("label", _LABEL, lambda row: row.label or row.state, _STYLES),
        Column[Any]("prob.", 5, lambda row: figure(row.probability), right=True),
        Column[Any]("assessed", 11, _assessed, right=True),
        Column[Any]("reader", len("hemorrhage"), lambda row: row.reader_label or ""),
    ]
    narrow = [before[0], Column[Any]("study", 20, _name, cut=True), before[2], *after[:2]]
    last = Column[Any]("remark", 40, remark)
    print_rows([[*before, received, *after], [*before, shortly, *after], narrow], rows, last)


def remark(row: "Row[Any]") -> str:
    """Why it has its label, whether more is awaited, and warnings."""
    open_again = "Further images are awaited" if row.label and row.state == StudyState.OPEN else None
    return sentences([row.label_reason, open_again, row.warnings])


def _name(row: "Row[Any]") -> str:
    return row.name or row.accession_number or row.study_uid or ""


def _assessed(row: "Row[Any]") -> str:
    return f"{'-' if row.images_assessed is None else row.images_assessed} of {row.images_received}"


@studies.command()
def show(
    study: Reference,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="draw all slices there: .png, .jpg or .tif"),
    ] = None,
) -> None:
    """Show all that is known of one study: its result, its slices in order, what readers said.

    With -o also a picture of all slices.
    """
    from services.strip import strip
    from services.studies import show as look_up

    kind = picture_format(output) if output else ""
    context = open_migrated()
    found = look_up(context, study)
    print_study(found)
    if output:
        write_output(output, strip(context, found, kind, NOTICE))
        say(f"{output} written: {counted(len(found.slices), 'slice')}.")


def print_study(found: "Study") -> None:
    """Print all that is known of one study."""
    row = found.row
    facts = {
        "id": row.study_id,
        "study UID": row.study_uid,
        "name": row.name,
        "accession number": row.accession_number,
        "study time": row.study_time,
        "priority": row.priority,
        "state": row.state,
        "label": row.label,
        "why": row.label_reason,
        "probability": None if row.probability is None else f"{row.probability:.4f}",
        "threshold": None if row.threshold is None else f"{row.threshold:.4f}",
        "rule": row.rule,
        "model": row.model_version,
        "images expected": row.images_expected,
        "images received": row.images_received,
        "assessed": row.images_assessed,
        "uncertain": row.images_uncertain,
        "warnings": row.warnings,
        "received": row.received_at,
        "final": row.finalised_at,
    }
    print_facts((name, _shown(fact)) for name, fact in facts.items() if fact is not None)
    tell("")
    slices = [_slice_row(number, one) for number, one in enumerate(found.slices, 1)]
    print_table(["", "file", "mm", "label", "prob.", "drives", "why"], slices, LABEL_STYLES)
    tell("")
    if len(found.results) > 1:
        former = [
            (str(one.number), local(one.finalised_at), one.label, figure(one.probability), one.model_version)
            for one in found.results
        ]
        print_table(["result", "final", "label", "prob.", "model"], former, LABEL_STYLES)
        tell("")
    if found.readings:
        said = [(local(one.read_at), one.label, one.reader, one.note or "") for one in found.readings]
        print_table(["read", "label", "reader", "note"], said)
        tell("")
    tell(NOTICE)


def _slice_row(number: int, one: "Slice") -> tuple[str, ...]:
    image, source = one.image, one.source
    return (
        str(number),
        "" if source is None else str(source.file_id),
        "" if image.position_mm is None else f"{image.position_mm:.1f}",
        image.label or "no result",
        figure(image.probability),
        ">>>" if one.drives else "",
        image.label_code or "",
    )


def _shown(fact: object) -> str:
    return local(fact) if isinstance(fact, datetime) and fact.tzinfo else str(fact)
