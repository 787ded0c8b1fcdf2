"""A sheet of small pictures in frames, each with a caption."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageOps

from images.decoding import GreyImage

_QUALITY = 95
"""Of a JPEG: letters stay clean."""
_COLUMNS, _SIDE, _FRAME, _GAP, _CAPTION, _HEADING = 16, 104, 4, 8, 26, 22
_FONT, _HEADING_FONT = 10, 13


@dataclass(frozen=True)
class Cell:
    """A picture on the sheet.

    Attributes
    ----------
    picture
        Grey (height, width) in 0..255; None is shown black.
    caption
        At most two lines.
    colour
        Of the frame.
    """

    picture: GreyImage | None
    caption: str
    colour: str


def sheet(cells: Sequence[Cell], kind: str, heading: str = "") -> bytes:
    """A picture file with these, row by row; `kind` is the format by Pillow's name."""
    columns = min(_COLUMNS, max(1, len(cells)))
    width, height = _SIDE + _GAP, _SIDE + _CAPTION + _GAP
    lines = heading.split("\n") if heading else []
    above = _HEADING * len(lines)
    least = max((len(line) * _HEADING_FONT * 6 // 10 + 2 * _GAP for line in lines), default=0)
    size = max(columns * width + _GAP, least), above + -(-len(cells) // columns) * height + _GAP
    drawn = Image.new("RGB", size, "#181818")
    draw = ImageDraw.Draw(drawn)
    for number, line in enumerate(lines):
        draw.text((_GAP, _GAP // 2 + number * _HEADING), line, "#f0f0f0", font_size=_HEADING_FONT)
    for number, cell in enumerate(cells):
        corner = _GAP + number % columns * width, above + _GAP + number // columns * height
        drawn.paste(_framed(cell), corner)
        draw.text((corner[0], corner[1] + _SIDE + 1), cell.caption, "#d0d0d0", font_size=_FONT)
    file = io.BytesIO()
    drawn.save(file, kind, quality=_QUALITY)
    return file.getvalue()


def _framed(cell: Cell) -> Image.Image:
    inner = (_SIDE - 2 * _FRAME, _SIDE - 2 * _FRAME)
    picture = Image.new("RGB", inner)
    if cell.picture is not None:
        picture = ImageOps.pad(Image.fromarray(cell.picture).convert("L"), inner).convert("RGB")
    return ImageOps.expand(picture, _FRAME, cell.colour)
