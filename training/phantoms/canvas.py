"""Drawing anatomy: smooth shapes in millimetres of the head, filled with Hounsfield units."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from training.phantoms.tissue import AIR

Field = NDArray[np.float32]
Points = NDArray[np.float64]

_FINER = 2
"""Shapes are drawn this many times finer than the grid, so that their edges have partial volume."""


@dataclass(frozen=True)
class Frame:
    """Where the head lies in a grid of pixels.

    In the head's own coordinates x grows to the right of the image and y to the back, both in mm from the
    middle of the head.

    Attributes
    ----------
    height, width
        Of the grid, in pixels.
    spacing
        mm per pixel.
    row, column
        Pixel of the middle of the head.
    tilt
        Degrees by which the head leans in the image.
    stretch
        Factor along y by which a tilted gantry lengthens the section.
    """

    height: int
    width: int
    spacing: float
    row: float
    column: float
    tilt: float
    stretch: float

    @cached_property
    def _to_pixels(self) -> Points:
        """The matrix from x and y in mm to columns and rows."""
        cosine, sine = np.cos(np.radians(self.tilt)), np.sin(np.radians(self.tilt))
        turned = np.array([[cosine, -sine], [sine * self.stretch, cosine * self.stretch]])
        return np.asarray(turned / self.spacing)

    def pixels(self, points: Points) -> Points:
        """Columns and rows of points (n, 2) given as x and y in mm."""
        return np.asarray(points @ self._to_pixels + (self.column, self.row))

    def coordinates(self) -> tuple[Field, Field]:
        """The x and y in mm of every pixel, each float32 (height, width)."""
        rows = (np.arange(self.height, dtype=np.float32) - np.float32(self.row))[:, np.newaxis]
        columns = (np.arange(self.width, dtype=np.float32) - np.float32(self.column))[np.newaxis, :]
        angle = np.radians(self.tilt)
        cosine, sine = np.float32(np.cos(angle) * self.spacing), np.float32(np.sin(angle) * self.spacing)
        x = cosine * columns - sine * rows
        y = (sine * columns + cosine * rows) / np.float32(self.stretch)
        return x.astype(np.float32), y.astype(np.float32)


class Canvas:
    """Shapes over one another; each is a little different every time, as no two heads are the same."""

    _MODE: ClassVar = "F"

    def __init__(self, frame: Frame, rng: np.random.Generator, base: float = AIR) -> None:
        self.frame = frame
        self.rng = rng
        self._image = Image.new(self._MODE, (frame.width * _FINER, frame.height * _FINER), self._ink(base))
        self._draw = ImageDraw.Draw(self._image)

    def area(self, points: ArrayLike, value: float, jitter: float = 1.0) -> None:
        """Fill the smooth closed curve through points (n, 2), each moved by about `jitter` mm."""
        self._draw.polygon(self._pixels(_closed_curve(self._moved(points, jitter))), fill=self._ink(value))

    def both(self, points: ArrayLike, value: float, jitter: float = 1.0) -> None:
        """Fill an area and its mirror image, which differ by their jitter."""
        for mirror in _SIDES:
            self.area(np.asarray(points) * mirror, value, jitter)

    def blob(self, centre: ArrayLike, radii: tuple[float, float], value: float, turn: float = 0.0) -> None:
        """Fill an uneven ellipse; `radii` in mm along x and y before it is turned by `turn` degrees."""
        ragged = 1.0 + self.rng.normal(0.0, 0.06, (len(_CIRCLE), 1))
        cosine, sine = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        turned = (_CIRCLE * ragged * radii) @ np.array([[cosine, sine], [-sine, cosine]])
        self.area(turned + np.asarray(centre), value, jitter=0.0)

    def pair(self, centre: ArrayLike, radii: tuple[float, float], value: float, turn: float = 0.0) -> None:
        """Fill a blob on either side; `turn` is that of the one at positive x."""
        for mirror in _SIDES:
            moved = self._moved(np.asarray(centre)[np.newaxis] * mirror, 1.0)[0]
            self.blob(moved, radii, value, turn * float(mirror[0]))

    def line(self, points: ArrayLike, width: float, value: float, jitter: float = 0.7) -> None:
        """Draw a line of `width` mm through points (n, 2)."""
        pixels = self._pixels(self._moved(points, jitter))
        thick = max(1, round(width / self.frame.spacing * _FINER))
        joint = "curve" if thick > 4 else None  # the gaps at the bends of a thinner one are not seen
        self._draw.line(pixels, fill=self._ink(value), width=thick, joint=joint)

    def lines(self, points: ArrayLike, width: float, value: float, jitter: float = 0.7) -> None:
        """Draw a line and its mirror image."""
        for mirror in _SIDES:
            self.line(np.asarray(points) * mirror, width, value, jitter)

    def cells(
        self, centre: ArrayLike, radii: tuple[float, float], count: int, size: float, value: float
    ) -> None:
        """Scatter `count` small discs of up to `size` mm radius over an ellipse: air cells, bits of bone."""
        angle, distance = self.rng.uniform(0.0, 2.0 * np.pi, count), np.sqrt(self.rng.random(count))
        offsets = np.stack((np.cos(angle), np.sin(angle)), axis=1) * distance[:, np.newaxis] * radii
        radius = self.rng.uniform(0.4, 1.0, (count, 1)) * size / self.frame.spacing * _FINER
        middle = self.frame.pixels(np.asarray(centre) + offsets) * _FINER
        for left_top, right_bottom in zip(middle - radius, middle + radius, strict=True):
            self._draw.ellipse((*left_top, *right_bottom), fill=self._ink(value))

    def read(self) -> Field:
        """What is drawn, float32 (height, width)."""
        return np.array(self._image.reduce(_FINER), dtype=np.float32)

    def _ink(self, value: float) -> float:
        return value

    def _moved(self, points: ArrayLike, jitter: float) -> Points:
        fixed = np.asarray(points, dtype=np.float64)
        return fixed + self.rng.normal(0.0, jitter, fixed.shape) if jitter else fixed

    def _pixels(self, points: Points) -> list[float]:
        pixels: list[float] = (self.frame.pixels(points) * _FINER).ravel().tolist()
        return pixels


class Shares(Canvas):
    """A canvas whose values are shares of a pixel, 0..1, in steps of 1/255: four times less to fill."""

    _MODE: ClassVar = "L"

    def __init__(self, frame: Frame, rng: np.random.Generator) -> None:
        super().__init__(frame, rng, 0.0)

    def read(self) -> Field:
        """The share of each pixel, float32 (height, width)."""
        return super().read() * np.float32(1.0 / 255.0)

    def _ink(self, value: float) -> float:
        return min(255, round(255.0 * value))


def smooth_noise(rng: np.random.Generator, height: int, width: int, cells: int) -> Field:
    """Noise of unit deviation that varies over about a `cells`-th of the image; float32 (height, width)."""
    coarse = Image.fromarray(rng.standard_normal((cells, cells), dtype=np.float32))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)


def symmetric(half: ArrayLike) -> Points:
    """A closed outline from the points of its right half, listed from front to back."""
    right = np.asarray(half, dtype=np.float64)
    left = right[::-1] * (-1.0, 1.0)
    return np.concatenate((right, left[np.abs(left[:, 0]) > 1e-6]))


def _closed_curve(points: Points) -> Points:
    """The Catmull-Rom spline through the points, back to the first one."""
    before, after, next_but_one = (np.roll(points, by, axis=0) for by in (1, -1, -2))
    slope, bend = after - before, 2.0 * before - 5.0 * points + 4.0 * after - next_but_one
    twist = 3.0 * points - before - 3.0 * after + next_but_one
    curve = points + 0.5 * _STEPS * (slope + _STEPS * (bend + _STEPS * twist))
    return np.asarray(curve.transpose(1, 0, 2).reshape(-1, 2))


_SIDES = (np.array([1.0, 1.0]), np.array([-1.0, 1.0]))
_STEPS = np.linspace(0.0, 1.0, 6, endpoint=False)[:, np.newaxis, np.newaxis]
_TURN = np.linspace(0.0, 2.0 * np.pi, 10, endpoint=False)
_CIRCLE = np.stack((np.cos(_TURN), np.sin(_TURN)), axis=1)
