"""`headct demo`: the whole system under a temporary home, on a few images, for a first look."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    images: Annotated[
        Path | None,
        typer.Option(help="folder of images, with a labels.csv if there is one; default: synthetic images"),
    ] = None,
) -> None:
    """Start everything under a temporary home, classify a few images, show the results, stop everything."""
    from cli.demonstration import demonstrate

    demonstrate(images)
