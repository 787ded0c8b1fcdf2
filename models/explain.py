"""Where in a head the network sees what speaks for a hemorrhage, and a picture of it."""

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from images.constants import Preprocessing
from images.decoding import GreyImage
from images.preprocessors import preprocessor_of

Heat = NDArray[np.float32]

_OPACITY = 0.7
_QUALITY = 95
"""Of a JPEG: letters stay clean."""
_SIDE, _GAP, _CAPTION, _FONT = 440, 16, 48, 13
"""Pixels: longest side of a picture, space around it, height of the title and size of its letters."""


def heat_map(cells: NDArray[np.float32], size: int) -> Heat:
    """The heat map of a prepared image.

    Parameters
    ----------
    cells
        float32 (h, w), log-odds of a bleed in each cell, as the network gives them (`Scores.heat`). It learns
        them from painted bleeds, whose place is known, and from heads without one; they are not calibrated.
    size
        Side of the prepared image in pixels.

    Returns
    -------
    float32 (size, size) in 0..1
        Near 0 all over a head in which nothing looks like blood.
    """
    chances = 0.5 + 0.5 * np.tanh(0.5 * cells)  # the logistic function, without overflow
    return np.asarray(cv2.resize(chances, (size, size), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def in_image(heat: Heat, image: GreyImage, constants: Preprocessing) -> Heat:
    """The heat map of a prepared image, laid over the image that it was prepared from.

    Parameters
    ----------
    heat
        float32 (size, size).
    image
        Grey (height, width), as it was prepared.

    Returns
    -------
    float32 (height, width)
        0 outside the square that was cut out.
    """
    matrix = preprocessor_of(constants).placement(image, constants)
    height, width = image.shape
    return np.asarray(cv2.warpAffine(heat, matrix, (width, height), flags=cv2.INTER_LINEAR), dtype=np.float32)


def heat_overlay(heat: Heat) -> bytes:
    """A PNG of the heat map alone, to be laid over its image: clear where the heat is 0.

    Parameters
    ----------
    heat
        float32 (height, width) in 0..1.
    """
    levels = (np.clip(heat, 0.0, 1.0) * 255.0).astype(np.uint8)
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)
    overlay = np.dstack((colours, (levels * _OPACITY).astype(np.uint8)))
    return cv2.imencode(".png", overlay, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def heat_pair(
    image: NDArray[np.floating] | NDArray[np.uint8], heat: Heat, title: str, kind: str = "PNG"
) -> bytes:
    """A picture file: the image, and beside it the same under its heat map.

    Parameters
    ----------
    image
        Grey (height, width), any range.
    heat
        float32 (height, width) in 0..1; 0 is clear, 1 is bright.
    kind
        The format by Pillow's name.
    """
    low, high = float(image.min()), float(image.max())
    grey = ((image - low) * (255.0 / max(high - low, 1e-6))).astype(np.uint8)
    colours = cv2.applyColorMap((np.clip(heat, 0.0, 1.0) * 255.0).astype(np.uint8), cv2.COLORMAP_INFERNO)
    plain, opacity = np.repeat(grey[..., np.newaxis], 3, axis=2), _OPACITY * heat[..., np.newaxis]
    overlaid = plain * (1.0 - opacity) + colours[..., ::-1] * opacity  # OpenCV's colours begin with blue
    factor = _SIDE / max(grey.shape)
    size = max(1, round(grey.shape[1] * factor)), max(1, round(grey.shape[0] * factor))
    sheet = Image.new("RGB", (2 * size[0] + 3 * _GAP, size[1] + _CAPTION + 2 * _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((_GAP, _GAP // 2), title, "black", font_size=_FONT)
    for number, picture in enumerate((plain, overlaid.astype(np.uint8))):
        shown = Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC)
        sheet.paste(shown, (_GAP + number * (size[0] + _GAP), _CAPTION + _GAP))
    file = io.BytesIO()
    sheet.save(file, kind, quality=_QUALITY)
    return file.getvalue()
