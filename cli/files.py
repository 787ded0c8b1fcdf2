"""`headct submit`, `show`, `retry`, `reclassify`, `label`, `explain`: files, and what becomes of them."""

import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.advice import advice_on
from cli.arguments import MAX_NAME, Since, parse_since, picture_format, user_name, write_output
from cli.printing import NOTICE, counted, local, print_facts, print_table, say, tell, width
from cli.results import LABEL_STYLES, print_results
from core.printable import printable
from models.labels import CLASSES
from services.context import Context, open_migrated

if TYPE_CHECKING:
    from sqlalchemy import Row

    from db.tables import Arrival, File, Prediction, Reading

Frame = Annotated[int | None, typer.Option("--frame", min=0, help="which image of a file of several, from 0")]
Reference = Annotated[str, typer.Argument(help="id, or the first digits of the SHA-256")]
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
"""No id or SHA-256 of a file is one."""
_SILENCE_S = 30
_STAMPED = {
    "classified": "classified_at",
    "label": "label",
    "why": "label_reason",
    "probability": "probability",
    "threshold": "threshold",
    "uncertain from": "uncertain_low",
    "uncertain below": "uncertain_high",
    "temperature": "temperature",
    "distance": "domain_distance",
    "greatest distance": "domain_limit",
    "model": "model_version",
    "weights": "weights_sha256",
    "preprocessing": "preprocessing_version",
}
"""What stands on every result, and the column that holds it."""
_NAMES, _RESULT = 19, 22
"""Columns of the terminal for these names, and at least for a result beside others."""


def submit(
    paths: Annotated[list[Path], typer.Argument(help="images, zip and tar files, and folders of them")],
    wait: Annotated[
        bool, typer.Option("--wait", help="wait for the results; exit 1 if any was rejected")
    ] = False,
    move: Annotated[bool, typer.Option("--move/--copy", help="whether the files are removed here")] = False,
    study: Annotated[
        str | None, typer.Option(help="the files are the slices of one study, which gets this name")
    ] = None,
    stat: Annotated[bool, typer.Option("--stat", help="they go before all others")] = False,
) -> None:
    """Take files in at once, and the images and archives in folders.

    An image is known by its content; a file that is named itself is always taken.
    """
    from cli.progress import progress
    from scheduler.asked import LONGEST_STUDY, Asked, study_name
    from services.image_files import kinds
    from services.submit import submit as take_in

    if study is not None and not (study.strip() and study.isprintable() and len(study) <= LONGEST_STUDY):
        why = f"must be one line of 1 to {LONGEST_STUDY} characters in UTF-8"
        raise typer.BadParameter(why, param_hint="--study")
    asked = Asked(None if study is None else study_name(study), stat)
    context = open_migrated()
    with progress("Taking in") as told:
        done = take_in(context, paths, asked, move=move, told=told)
    for path, reason in done.left.items():
        say(f"headct: {printable(str(path))}: {reason}.", err=True)
    note = f"; passed over, no images by their content: {kinds(done.others)}" if done.others else ""
    known = len(done.taken) - done.new
    say(
        f"{counted(len(done.taken), 'file')} taken in: {done.new} new, {known} known already{note}.", err=True
    )
    rejected = _wait_for_results(context, done.taken) if wait and done.taken else 0
    if done.left or rejected:
        raise typer.Exit(1)


def _wait_for_results(context: Context, files: Sequence[tuple[str, int]]) -> int:
    """Wait until all files have a final state, print them as named; returns how many have no result.

    Ctrl-C ends the wait only; the files go on.
    """
    from cli.failures import warn_unless_running
    from cli.progress import progress
    from services.results import results_by_name
    from services.submit import finished_counts, members

    file_ids = list(dict.fromkeys(file_id for _, file_id in files))
    warn_unless_running(context)
    with progress("Classifying") as told:
        moved, before, said = time.monotonic(), 0, False
        for finished, total in finished_counts(context, file_ids):
            if finished > before:
                moved, before = time.monotonic(), finished
            elif time.monotonic() - moved > _SILENCE_S and not said:
                said = True
                say(f"Nothing finished for {_SILENCE_S} s. Is there a worker? See `headct status`.", err=True)
            told(finished, total)
    rows = results_by_name(context, [*files, *members(context, file_ids)])
    print_results(rows, max((row.file_id for row in rows), default=0))
    return sum(row.state not in ("classified", "unpacked") for row in rows)


def show(file: Reference) -> None:
    """Show all that is known of one file.

    Its arrivals, state, reason, every result it ever got, and what readers said.
    """
    from services.show import show as look_up

    print_file(*look_up(open_migrated(), file))


def print_file(
    file: "File",
    arrivals: "Sequence[Arrival]",
    predictions: "Sequence[Prediction]",
    readings: "Sequence[Reading]",
    rows: "Sequence[Row[Any]]",
    members: Mapping[str, int] = MappingProxyType({}),
) -> None:
    """Print all that is known of one file; `rows` are those of its images in `results`.

    Of an archive `members` are the files that came out of it, by state.
    """
    facts = (
        ("id", str(file.id)),
        ("sha256", file.sha256),
        ("size", f"{file.size_bytes:,} bytes"),
        ("state", file.state),
        (
            "reason",
            f"{file.reason or ''} ({file.reason_code})" if file.reason_code else file.reason or "",
        ),
        ("what to do", advice_on(file.reason_code) or ""),
        ("warnings", file.warnings or ""),
        ("members", ", ".join(f"{count} {state}" for state, count in members.items())),
        ("attempts", str(file.attempts)),
        ("received", local(file.received_at)),
        ("finished", local(file.finished_at)),
    )
    print_facts((name, fact) for name, fact in facts if fact)
    tell("")
    print_table(["arrived", "file"], [(local(one.arrived_at), one.source_name) for one in arrivals])
    tell("")
    beside = max(1, (width() - _NAMES) // _RESULT)
    for start in range(0, len(predictions), beside):
        _print_predictions(predictions[start : start + beside])
    if len(rows) > 1:
        _print_images(rows)
    elif not predictions and not members:
        tell("No result yet.\n")
    shown = next((row.model_version for row in rows), None)
    if result := next((one for one in predictions if one.model_version == shown), None):
        tell(f"`headct results` shows the result of {shown}.")
        newest = readings[-1] if readings else None
        if newest and result.label in CLASSES and newest.label != result.label:
            tell(
                f"The newest reader, {newest.reader}, disagrees: {newest.label}, not {result.label}.",
                "yellow",
            )
        tell("")
    if readings:
        said = [(local(one.read_at), one.label, one.reader, one.note or "") for one in readings]
        print_table(["read", "label", "reader", "note"], said)
        tell("")
    tell(NOTICE)


def _print_images(rows: "Sequence[Row[Any]]") -> None:
    """A line for each image of a file of several."""
    table = [
        (
            str(row.frame),
            row.label or "",
            "" if row.probability is None else f"{row.probability:.3f}",
            row.reader_label or "",
            row.model_version or "",
            row.label_reason or "",
        )
        for row in rows
    ]
    heads = ["frame", "label", "prob.", "reader", "model", "why"]
    kept = [number for number in range(len(heads)) if any(row[number] for row in table)]
    print_table([heads[number] for number in kept], [[row[number] for number in kept] for row in table])
    tell("")


def _print_predictions(predictions: "Sequence[Prediction]") -> None:
    """Results beside each other, and of each all that any of them has."""
    stamped = [
        (name, *(_stamped(getattr(one, column)) for one in predictions)) for name, column in _STAMPED.items()
    ]
    print_table(
        [""] * (len(predictions) + 1),
        [row for row in stamped if any(row[1:])],
        dict.fromkeys(_STAMPED, "bold") | LABEL_STYLES,
    )
    tell("")


def _stamped(value: datetime | float | str | None) -> str:
    if isinstance(value, datetime):
        return local(value)
    return f"{value:.4f}" if isinstance(value, float) else value or ""


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
    waits = "waits" if done.asked == 1 else "wait"
    typer.echo(f"{done.moved} of {counted(done.asked, 'file')} {waits} again.")
    if done.refused:
        named = ", ".join(f"{file_id} is {state}" for file_id, state in done.refused.items())
        typer.echo(f"Only rejected and quarantined files can be retried: {named}.", err=True)
        raise typer.Exit(1)


def reclassify(
    since: Since = None,
    study: Annotated[
        str | None, typer.Option(help="only those of this study: id, UID, accession number or name")
    ] = None,
) -> None:
    """Classify files again that lack a result of the version in use.

    Old results stay.
    """
    from services.requeue import reclassify as ask_again

    moved, version = ask_again(open_migrated(), parse_since(since), study)
    waits = "waits" if moved == 1 else "wait"
    typer.echo(f"{counted(moved, 'file')} {waits} to be classified again, by {version}; new ones go first.")


def label(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="files... verdict",
            help="ids, or first digits of the SHA-256; last what they show: hemorrhage or normal",
        ),
    ],
    study: Annotated[
        bool, typer.Option("--study", help="these are studies: id, UID, accession number or name")
    ] = False,
    frame: Frame = None,
    by: Annotated[str | None, typer.Option(help="who read them; default: this user")] = None,
    note: Annotated[str | None, typer.Option(help="a remark that is kept beside the label")] = None,
) -> None:
    """Record what a reader sees in images, or in whole studies.

    The newest label counts, and the next training learns from that of images.
    """
    from services.label import label as record
    from services.label import label_frame

    *files, verdict = words
    if verdict not in CLASSES:
        raise typer.BadParameter(
            "the verdict is missing: end with hemorrhage or normal", param_hint="verdict"
        )
    if not files:
        raise typer.BadParameter("name the files before the verdict", param_hint="files")
    reader = by or user_name()
    _check_texts(reader, note)
    if study or all(map(_UID.fullmatch, files)):
        from services.studies import label as record_of_studies

        for study_id in record_of_studies(open_migrated(), files, verdict, reader, note):
            typer.echo(f"Study {study_id} is labelled {verdict} as a whole. No slice is, for training.")
        return
    if frame is not None:
        if len(files) > 1:
            raise typer.BadParameter("name one file", param_hint="--frame")
        labelled = label_frame(open_migrated(), files[0], frame, verdict, reader, note)
        typer.echo(f"Image {frame} of file {labelled} is labelled {verdict}. No training learns from it.")
        return
    refused = False
    for file_id, conflict, left_out in record(open_migrated(), files, verdict, reader, note):
        if conflict:
            say(f"headct: {conflict}", err=True)
            refused = True
            continue
        outcome = (
            f"but the next training does without it: {left_out}" if left_out else "and in the training data."
        )
        typer.echo(f"File {file_id} is labelled {verdict}, {outcome}")
    if refused:
        raise typer.Exit(1)


def _check_texts(reader: str, note: str | None) -> None:
    for hint, text in (("--by", reader), ("--note", note or "")):
        if any("\ud800" <= character <= "\udfff" for character in text):  # os.fsdecode of other bytes
            raise typer.BadParameter("must be text in UTF-8", param_hint=hint)
    if len(reader) > MAX_NAME:
        raise typer.BadParameter(f"at most {MAX_NAME} characters", param_hint="--by")


def explain(
    file: Reference,
    output: Annotated[Path, typer.Option("--output", "-o", help="file to write: .png, .jpg or .tif")],
    frame: Frame = None,
) -> None:
    """Draw an image, and beside it a heat map by the model in use."""
    from models.explain import heat_pair
    from services.explain import explain as look_again

    kind = picture_format(output)
    file_id, version, decision, image, heat = look_again(open_migrated(), file, frame)
    found = decision.label + (f" ({decision.reason.text})" if decision.reason else "")
    which = f"file {file_id}" if frame is None else f"file {file_id}, image {frame}"
    title = (
        f"{which}: {found}, probability {decision.probability:.3f}, "
        f"model {version}\n{NOTICE} The heat map does not outline a bleed."
    )
    write_output(output, heat_pair(image, heat, title, kind))
    typer.echo(f"{found}, probability {decision.probability:.3f}, model {version}")
    say(f"{output} written. {NOTICE}")
