"""How a scanner and an export show a head: framing, head-rest, streaks, blur, noise, window."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from training.phantoms.canvas import Canvas, Field, Frame
from training.phantoms.tissue import AIR, PLASTIC

_WORKING_SIDE = 256
"""Pixels of the longer side in which anatomy is drawn; the finest of it, 1 mm, is about one pixel."""
_MAX_TILT = 15.0


@dataclass(frozen=True)
class Acquisition:
    """One exported slice: size (height, width) in pixels, and the frame of the head in the working grid.

    `cropped` says that the image is cut close to the head, as slices in teaching files are; otherwise it is
    the whole field of view, with the head's support in it.
    """

    size: tuple[int, int]
    frame: Frame
    cropped: bool


def choose_acquisition(
    rng: np.random.Generator, size: tuple[int, int] | None, extent: tuple[float, float]
) -> Acquisition:
    """Frame a head of about `extent` (width, length) in mm; `size` is drawn where None."""
    cropped = bool(rng.random() < 0.5)
    if size is None:
        height = int(rng.integers(190, 420)) if cropped else int(rng.choice((256, 400, 512, 512)))
        size = (height, int(height * rng.uniform(0.8, 0.95)) if cropped else height)
    height, width = size
    scale = _WORKING_SIDE / max(size)
    rows, columns = round(height * scale), round(width * scale)
    fits = max(extent[1] / rows, extent[0] / columns)
    spacing = fits * (rng.uniform(1.02, 1.15) if cropped else rng.uniform(1.12, 1.6))
    slack_y, slack_x = rows - extent[1] / spacing, columns - extent[0] / spacing
    frame = Frame(
        height=rows,
        width=columns,
        spacing=float(spacing),
        row=float(rows / 2.0 + rng.uniform(-0.35, 0.25) * max(slack_y, 0.0)),
        column=float(columns / 2.0 + rng.uniform(-0.3, 0.3) * max(slack_x, 0.0)),
        tilt=float(np.clip(rng.normal(0.0, 6.0), -_MAX_TILT, _MAX_TILT)),
        stretch=float(rng.uniform(0.97, 1.06)),
    )
    return Acquisition(size, frame, cropped)


def acquire(
    hounsfield: Field,
    acquisition: Acquisition,
    rng: np.random.Generator,
    widest: float = 350.0,
    *,
    all_windows: bool = False,
) -> NDArray[np.uint8]:
    """Turn HU in the working grid to the exported image, uint8 of `acquisition.size`.

    `widest` is the widest window in HU; a clot cannot be told from brain in one much wider than 150. With
    `all_windows` those of 60 to 140 HU are as frequent as the usual one.
    """
    if not acquisition.cropped or rng.random() < 0.4:
        hounsfield = np.maximum(hounsfield, _support(acquisition.frame, rng))
    height, width = acquisition.size
    blurred = ndimage.gaussian_filter(hounsfield, rng.uniform(0.35, 0.8), truncate=3.0)
    resized = Image.fromarray(blurred).resize((width, height), Image.Resampling.BICUBIC)
    shown = np.array(resized, dtype=np.float32)
    shown += _noise(rng, height, width)
    if not acquisition.cropped and rng.random() < 0.3:
        _pad(shown)
    return _windowed(shown, rng, widest, all_windows=all_windows)


def add_streaks(hounsfield: Field, frame: Frame, rng: np.random.Generator, strength: float) -> None:
    """Add the dark and bright bands of beam hardening between dense bones, in place; `strength` in HU.

    They run from side to side through the posterior fossa, between the petrous bones.
    """
    x, y = frame.coordinates()
    rows = y + np.float32(rng.normal(0.0, 0.06)) * x
    profile = np.interp(rows, np.arange(-10.0, 60.0, 3.0), rng.normal(-0.3, 1.0, 24) * strength)
    reach = np.exp(-((x / 45.0) ** 2) - ((y - 15.0) / 20.0) ** 2)
    hounsfield += np.asarray(profile * reach * (hounsfield > -50.0), dtype=np.float32)


def add_metal_streaks(
    hounsfield: Field, frame: Frame, rng: np.random.Generator, source: tuple[float, float]
) -> None:
    """Add the rays that a filling at `source` (x and y in mm) throws through the image, in place."""
    x, y = frame.coordinates()
    x, y = x - np.float32(source[0]), y - np.float32(source[1])
    rays = ndimage.gaussian_filter1d(rng.normal(0.0, 1.0, 360), 1.5, mode="wrap") * rng.uniform(80.0, 550.0)
    ray = ((np.arctan2(y, x) + np.pi) * (359.0 / (2.0 * np.pi))).astype(np.intp)
    hounsfield += np.asarray(rays[ray] / (1.0 + np.hypot(x, y) / 25.0), dtype=np.float32)


def _support(frame: Frame, rng: np.random.Generator) -> Field:
    """Head-rest (sides, or a trough behind the head) and table, HU; AIR elsewhere."""
    level = Frame(frame.height, frame.width, frame.spacing, frame.row, frame.column, 0.0, 1.0)
    canvas = Canvas(level, rng)
    density, thick = PLASTIC * rng.uniform(0.4, 2.0), rng.uniform(1.2, 3.5)
    half, back = rng.uniform(92.0, 108.0), rng.uniform(106.0, 122.0)
    angle = np.linspace(0.0, np.pi, 25)
    trough = np.stack((half * np.cos(angle), back * np.sin(angle) ** rng.uniform(0.5, 0.9)), axis=1)
    trough[[0, -1], 1] = rng.uniform(-60.0, 10.0, 2)
    if rng.random() < 0.5:
        canvas.line(trough, thick, density)
    else:
        side = int(rng.integers(5, 10))
        canvas.line(trough[:side], thick, density)
        canvas.line(trough[-side:], thick, density)
    if rng.random() < 0.4:
        reach = np.linspace(-160.0, 160.0, 20)
        depth = back + rng.uniform(8.0, 40.0) - reach**2 / rng.uniform(500.0, 1500.0)
        for offset in (0.0, rng.uniform(6.0, 20.0)):
            canvas.line(np.stack((reach, depth + offset), axis=1), rng.uniform(1.0, 2.5), density)
    return canvas.read()


def _noise(rng: np.random.Generator, height: int, width: int) -> Field:
    """Quantum noise of 2 to 8 HU after a soft to a sharp kernel."""
    shrink = 2 if max(height, width) > 380 else 1
    grains = rng.standard_normal((-(-height // shrink), -(-width // shrink)), dtype=np.float32)
    blurred = ndimage.gaussian_filter(grains, rng.uniform(0.4, 0.9), truncate=2.0)
    blurred *= np.float32(min(rng.gamma(6.0, 0.7), 7.5) / float(blurred.std()))
    return np.asarray(Image.fromarray(blurred).resize((width, height), Image.Resampling.BICUBIC))


def _pad(shown: Field) -> None:
    """Leave only the reconstruction circle, as many scanners do."""
    height, width = shown.shape
    rows, columns = np.ogrid[-1.0 : 1.0 : height * 1j, -1.0 : 1.0 : width * 1j]
    shown[rows**2 + columns**2 > 1.0] = AIR


def _windowed(
    hounsfield: Field, rng: np.random.Generator, widest: float, *, all_windows: bool
) -> NDArray[np.uint8]:
    """Show a brain window: mostly level 40, width 80 HU; sometimes wider, rarely as for bone."""
    kind = rng.random()
    level, width = 40.0, 80.0
    if kind < 0.05:
        width = rng.uniform(120.0, widest)
        level = rng.uniform(35.0, 60.0)
    elif all_windows and kind < 0.6:
        level, width = rng.uniform(30.0, 46.0), rng.uniform(60.0, 140.0)
    elif kind < 0.5:
        level, width = rng.uniform(30.0, 44.0), rng.uniform(70.0, 120.0)
    shown = (hounsfield - np.float32(level - width / 2.0)) * np.float32(255.0 / width)
    return np.asarray(np.clip(shown, 0.0, 255.0), dtype=np.uint8)
