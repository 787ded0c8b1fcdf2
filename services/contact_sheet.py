"""A contact sheet of the training data: small pictures, framed in the label's colour, and the split."""

from collections.abc import Iterator, Sequence

from core.errors import RejectedImage
from core.home import Home
from core.image_files import Limits, read_file
from core.printable import printable
from db.tables import LabelledImage
from images.decoding import GreyImage, decode
from services.context import Context
from services.sheet import Cell, sheet

MAX_SHOWN = 200
COLOURS = {"normal": "#2e8b57", "hemorrhage": "#d1362f"}
_CAPTION = 16
"""Characters."""


def contact_sheet(context: Context, images: Sequence[LabelledImage], kind: str) -> tuple[bytes, int]:
    """A picture of up to `MAX_SHOWN` images, in the order of label, split and group; and how many they are.

    Parameters
    ----------
    kind
        Name of the picture's format, as Pillow has it.
    """
    limits = Limits.of(context.settings)
    shown = sorted(_spread(images), key=lambda image: (image.label, image.split, image.patient_group))
    cells = [
        Cell(
            _picture(context.home, image, limits),
            f"{image.label} {image.split}\n{printable(image.patient_group)[:_CAPTION]}",
            COLOURS[image.label],
        )
        for image in shown
    ]
    return sheet(cells, kind), len(shown)


def _spread(images: Sequence[LabelledImage]) -> Iterator[LabelledImage]:
    """All of them, or as many as fit, evenly chosen."""
    count = min(MAX_SHOWN, len(images))
    yield from (images[number * len(images) // count] for number in range(count))


def _picture(home: Home, image: LabelledImage, limits: Limits) -> GreyImage | None:
    """The image; None where its file is gone or is not what was imported."""
    try:
        data = read_file(home.dataset / image.sha256, limits.max_file_mb, image.sha256)
        return decode(data, limits.max_pixels)
    except RejectedImage:
        return None
