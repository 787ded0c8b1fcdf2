"""A contact sheet of the training data: small pictures, framed in the label's colour, and the split."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from core.errors import DatasetError, RejectedImage
from core.home import Home
from core.image_files import Limits, read_file
from core.printable import printable
from db.tables import LabelledImage
from images.decoding import decode
from services.context import Context

MAX_SHOWN = 200
_QUALITY = 95
"""Of a JPEG: letters stay clean."""
_COLUMNS, _SIDE, _FRAME, _GAP, _CAPTION = 16, 104, 4, 8, 26
_COLOURS = {"normal": "#2e8b57", "hemorrhage": "#d1362f"}


def write_sheet(context: Context, images: Sequence[LabelledImage], path: Path, kind: str) -> int:
    """Write up to `MAX_SHOWN` images, in the order of label, split and group; returns how many.

    Parameters
    ----------
    kind
        Name of the picture's format, as Pillow has it.

    Raises
    ------
    DatasetError
        The file cannot be written.
    """
    limits = Limits.of(context.settings)
    shown = sorted(_spread(images), key=lambda image: (image.label, image.split, image.patient_group))
    columns = min(_COLUMNS, len(shown))
    width, height = _SIDE + _GAP, _SIDE + _CAPTION + _GAP
    rows = -(-len(shown) // columns)
    sheet = Image.new("RGB", (columns * width + _GAP, rows * height + _GAP), "#181818")
    draw = ImageDraw.Draw(sheet)
    for number, image in enumerate(shown):
        corner = _GAP + number % columns * width, _GAP + number // columns * height
        sheet.paste(_picture(context.home, image, limits), corner)
        below = corner[0], corner[1] + _SIDE + 1
        draw.text(
            below,
            f"{image.label} {image.split}\n{printable(image.patient_group)[:16]}",
            "#d0d0d0",
            font_size=10,
        )
    try:
        sheet.save(path, kind, quality=_QUALITY)
    except OSError as error:
        raise DatasetError(
            f"{printable(str(path))} cannot be written: {error.strerror}. Name another file."
        ) from error
    return len(shown)


def _spread(images: Sequence[LabelledImage]) -> Iterator[LabelledImage]:
    """All of them, or as many as fit, evenly chosen."""
    count = min(MAX_SHOWN, len(images))
    yield from (images[number * len(images) // count] for number in range(count))


def _picture(home: Home, image: LabelledImage, limits: Limits) -> Image.Image:
    """The image in its frame; an empty frame where its file is gone or is not what was imported."""
    inner = (_SIDE - 2 * _FRAME, _SIDE - 2 * _FRAME)
    try:
        data = read_file(home.dataset / image.sha256, limits.max_file_mb, image.sha256)
        grey = Image.fromarray(decode(data, limits.max_pixels)).convert("L")
        picture = ImageOps.pad(grey, inner).convert("RGB")
    except RejectedImage:
        picture = Image.new("RGB", inner)
    return ImageOps.expand(picture, _FRAME, _COLOURS[image.label])
