"""In which format a picture is written, by the name that it gets."""

from pathlib import Path

import typer

from core.printable import printable
from services.image_files import is_folder

_FORMATS = {"": "PNG", ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}


def picture_format(output: Path) -> str:
    """The name that Pillow has for the format that the suffix says, in any case; PNG without one.

    Raises
    ------
    typer.BadParameter
        Nothing is written in that format, or no file can be there.
    """
    if not is_folder(output.parent) or is_folder(output):
        raise typer.BadParameter(
            f"there is no folder for it, or a folder in its place: {printable(str(output))}",
            param_hint="--output",
        )
    try:
        return _FORMATS[output.suffix.lower()]
    except KeyError:
        raise typer.BadParameter(
            "a picture is written as .png, .jpg or .tif: give it such a name", param_hint="--output"
        ) from None
