"""`headct label`: what a reader says of images."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.terminal import say
from cli.user import MAX_NAME, user_name
from core.errors import LabelConflict
from services.context import open_migrated

if TYPE_CHECKING:
    from db.tables import Arrival


def label(
    files: Annotated[list[str], typer.Argument(help="ids, or first digits of the SHA-256")],
    verdict: Annotated[Literal["hemorrhage", "normal"], typer.Argument(help="what they show")],
    by: Annotated[str | None, typer.Option(help="who read them; default: this user")] = None,
    note: Annotated[str | None, typer.Option(help="a remark that is kept beside the label")] = None,
) -> None:
    """Record what a reader sees in images; the newest label counts, and the next training learns from it."""
    from core.image_files import Limits
    from db.engine import read_session
    from db.queries import arrivals_of, find_file
    from training.labelled.labelling import Verdict, label_image

    reader = by or user_name()
    for hint, text in (("--by", reader), ("--note", note or "")):
        if any("\ud800" <= character <= "\udfff" for character in text):  # os.fsdecode of other bytes
            raise typer.BadParameter("must be text in UTF-8", param_hint=hint)
    if len(reader) > MAX_NAME:
        raise typer.BadParameter(f"at most {MAX_NAME} characters", param_hint="--by")
    context = open_migrated()
    limits = Limits.of(context.settings)
    with read_session(context.engine) as session:
        found = {file.id: file.sha256 for file in (find_file(session, name) for name in files)}
        names = {file_id: _name(arrivals_of(session, file_id)) for file_id in found}
    refused = False
    for file_id, sha256 in found.items():
        said = Verdict(file_id, verdict, reader, note)
        try:
            missing = label_image(context.engine, context.home, limits, sha256, names[file_id], said)
        except LabelConflict as error:
            say(f"headct: {error}", err=True)
            refused = True
            continue
        outcome = (
            f"but the next training does without it: {missing}" if missing else "and in the training data."
        )
        typer.echo(f"File {file_id} is labelled {verdict}, {outcome}")
    if refused:
        raise typer.Exit(1)


def _name(arrivals: "Sequence[Arrival]") -> str:
    return arrivals[0].source_name if arrivals else ""
