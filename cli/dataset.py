"""`headct dataset`: the labelled images that training learns from."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.terminal import say
from services.context import open_migrated

dataset = typer.Typer(
    help="Import and show the labelled images that training learns from.", no_args_is_help=True
)


@dataset.command("import")
def import_folder(
    folder: Annotated[
        Path, typer.Argument(help="holds labels.csv, or the folders Normal/ and Hemorrhage/", metavar="DIR")
    ],
) -> None:
    """Add a folder of labelled images; whatever is there already is passed over."""
    from cli.dataset_printing import print_dataset, print_files
    from cli.submission import progress_bar
    from core.image_files import Limits
    from db.engine import read_session
    from db.labelled_images import labelled_images
    from services.image_files import kinds
    from training.labelled.examining import examine_all
    from training.labelled.folder import list_folder
    from training.labelled.importing import import_images

    context = open_migrated()
    found = list_folder(folder)
    limits = Limits.of(context.settings)
    with progress_bar() as bar:
        images, unreadable = examine_all(bar.track(found.listed, description="Looking at images"), limits)
    print_files("not taken", [(path, str(error)) for path, error in unreadable])
    if found.others:
        typer.echo(f"Passed over, no images by their content: {kinds(found.others)}.", err=True)
    done = import_images(context.engine, context.home, images, folder, limits)
    print_files("left out", [(path, "it would join two splits") for path in done.left_out])
    with read_session(context.engine) as session:
        print_dataset(labelled_images(session))
    unnamed = sum(image.group is None for image in images)
    if unnamed:
        typer.echo(
            f"{unnamed} images name no patient. Those that look alike share a group, but of slices of one "
            "patient many do not. Name patients in the column group of labels.csv before the first import."
        )
    typer.echo(f"{done.added} images added, {done.already_there} there already (or the same pixels twice).")


@dataset.command()
def show(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="write a contact sheet there: .png, .jpg or .tif")
    ] = None,
) -> None:
    """Show how many images there are by label and split, their patients, and the fingerprint."""
    from cli.contact_sheet import write_sheet
    from cli.dataset_printing import print_dataset
    from cli.picture_format import picture_format
    from core.errors import DatasetError
    from core.image_files import Limits
    from db.engine import read_session
    from db.labelled_images import labelled_images
    from training.dataset import load_dataset

    if output is not None:
        picture_format(output)  # or it is refused before anything is shown
    context = open_migrated()
    with read_session(context.engine) as session:
        images = labelled_images(session)
    print_dataset(images)
    try:
        typer.echo(f"fingerprint {load_dataset(context.engine, context.home).fingerprint}")
    except DatasetError as error:
        say(f"It cannot be trained on yet: {error}")
    if output is not None and images:
        shown = write_sheet(context.home, images, output, Limits.of(context.settings))
        say(f"{shown} of {len(images)} images are in {output}.")


@dataset.command()
def relabel(
    image: Annotated[str, typer.Argument(help="the first digits of its SHA-256")],
    label: Annotated[Literal["hemorrhage", "normal"], typer.Argument(help="the right label")],
) -> None:
    """Correct the label of an imported image; its split stays."""
    from sqlalchemy.orm import Session

    from db.labelled_images import relabel_imported

    context = open_migrated()
    with Session(context.engine) as session, session.begin():
        relabel_imported(session, image, label)
    typer.echo(f"It is {label} in the next training.")
