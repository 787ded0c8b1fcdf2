"""In which format a picture is written, by the name that it gets."""

from pathlib import Path

import typer

_FORMATS = {"": "PNG", ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}


def picture_format(output: Path) -> str:
    """The name that Pillow has for the format that the suffix says, in any case; PNG without one.

    Raises
    ------
    typer.BadParameter
        Nothing is written in that format.
    """
    try:
        return _FORMATS[output.suffix.lower()]
    except KeyError:
        raise typer.BadParameter(
            "a picture is written as .png, .jpg or .tif: give it such a name", param_hint="--output"
        ) from None
