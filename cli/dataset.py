"""`headct dataset`: the labelled images that training learns from."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.arguments import picture_format, write_output
from cli.printing import print_table, say
from core.printable import printable
from db.states import Split
from services.context import open_migrated

if TYPE_CHECKING:
    from db.tables import LabelledImage

dataset = typer.Typer(
    help="Import and show the labelled images that training learns from.", no_args_is_help=True
)


@dataset.command("import")
def import_folder(
    folder: Annotated[
        Path, typer.Argument(help="holds labels.csv, or the folders Normal/ and Hemorrhage/", metavar="DIR")
    ],
) -> None:
    """Add a folder of labelled images. Whatever is there already is passed over."""
    from cli.progress import progress
    from services.dataset import add, examine, labelled
    from services.image_files import kinds

    context = open_migrated()
    with progress("Looking at images") as told:
        found = examine(context, folder, told)
    _print_files("not taken", ((path, str(error)) for path, error in found.unreadable))
    if found.others:
        typer.echo(f"Passed over, no images by their content: {kinds(found.others)}.", err=True)
    done = add(context, folder, found.images)
    _print_files("left out", ((path, "it would join two splits") for path in done.left_out))
    print_dataset(labelled(context))
    unnamed = sum(image.group is None for image in found.images)
    if unnamed:
        typer.echo(
            f"{unnamed} images name no patient. Those that look alike share a group, but of slices of one "
            "patient many do not. Name patients in the column group of labels.csv before the first import."
        )
    typer.echo(f"{done.added} images added, {done.already_there} there already (or the same pixels twice).")


def _print_files(problem: str, files: Iterable[tuple[Path, str]]) -> None:
    for path, reason in files:
        say(f"headct: {problem}: {printable(str(path))}: {reason}", err=True)


@dataset.command()
def show(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="write a contact sheet there: .png, .jpg or .tif")
    ] = None,
) -> None:
    """Show how many images there are by label and split. Also their patients, and the fingerprint."""
    from core.errors import DatasetError
    from services.contact_sheet import contact_sheet
    from services.dataset import labelled
    from training.dataset import load_dataset

    kind = picture_format(output) if output else ""  # or it is refused before anything is shown
    context = open_migrated()
    images = labelled(context)
    print_dataset(images)
    try:
        typer.echo(f"fingerprint {load_dataset(context.engine, context.home).fingerprint}")
    except DatasetError as error:
        say(f"It cannot be trained on yet: {error}")
    if output and images:
        drawn, shown = contact_sheet(context, images, kind)
        write_output(output, drawn)
        say(f"{shown} of {len(images)} images are in {output}.")


@dataset.command()
def relabel(
    image: Annotated[str, typer.Argument(help="the first digits of its SHA-256")],
    label: Annotated[Literal["hemorrhage", "normal"], typer.Argument(help="the right label")],
) -> None:
    """Correct the label of an imported image; its split stays."""
    from services.dataset import relabel as correct

    correct(open_migrated(), image, label)
    typer.echo(f"It is {label} in the next training.")


def print_dataset(images: "Sequence[LabelledImage]") -> None:
    """Print how many images and groups there are by split and label, and what is odd about the groups."""
    from models.labels import CLASSES

    labels_of: dict[str, set[str]] = defaultdict(set)
    for image in images:
        labels_of[image.patient_group].add(image.label)
    chosen = [
        [image for image in images if image.label in labels]
        for labels in (*([label] for label in CLASSES), CLASSES)
    ]
    rows = [
        ("groups", *(str(len({image.patient_group for image in some})) for some in chosen)),
        ("images", *(str(len(some)) for some in chosen)),
        *(
            (f"  {split}", *(str(sum(one.split == split for one in some)) for some in chosen))
            for split in Split
        ),
    ]
    print_table(["", *CLASSES, "all"], rows, right=True)
    if mixed := sum(len(labels) > 1 for labels in labels_of.values()):
        typer.echo(f"{mixed} of the groups have slices of both labels, so they count in both rows.")
