"""Sections through the top of the head: little brain in a thick ring of bone that is cut at a slant."""

import numpy as np
from scipy import ndimage

from training.phantoms.canvas import Canvas, Field, Frame, Points, symmetric
from training.phantoms.soft_tissue import draw_skin, texture
from training.phantoms.tissue import BONE, CEREBROSPINAL_FLUID, FALX, GREY_MATTER, SPONGY_BONE, WHITE_MATTER


def draw_vertex(frame: Frame, rng: np.random.Generator) -> Field:
    """The last slices: from a ring with gyri inside to bone alone, both smaller than the head below."""
    size = rng.uniform(0.45, 1.0)
    outline = size * symmetric(
        [(0, -76), (24, -70), (46, -48), (60, -12), (66, 24), (50, 58), (24, 70), (0, 72)]
    )
    canvas = Canvas(frame, rng)
    draw_skin(canvas, outline * (1.0 + rng.uniform(4.0, 9.0) / 70.0))
    canvas.area(outline, BONE, jitter=1.5)
    if size < 0.6 and rng.random() < 0.5:
        canvas.cells((0, 10.0), (12.0, 12.0), 5, 5.0, rng.uniform(60.0, SPONGY_BONE))
        return _slanted(canvas, rng)
    bone = rng.uniform(10.0, 24.0)
    inner = outline * np.clip(1.0 - bone / np.abs(outline).max(axis=0), 0.3, 1.0)
    canvas.area(inner, GREY_MATTER + 3.0, jitter=1.0)
    canvas.area(inner * 0.82, WHITE_MATTER + 5.0, jitter=3.0)
    _draw_gyri(canvas, inner)
    return _slanted(canvas, rng)


def _draw_gyri(canvas: Canvas, inner: Points) -> None:
    """Sulci from the edge inwards, as wide as age makes them, and the falx in the middle."""
    rng = canvas.rng
    width = rng.uniform(0.8, 3.0)
    front, back = inner[:, 1].min(), inner[:, 1].max()
    for place in rng.permutation(inner)[: int(rng.integers(5, 16))]:
        start = place * rng.uniform(0.9, 1.0)
        steps = np.linspace(0.0, rng.uniform(0.25, 0.75), 6)[:, np.newaxis]
        path = start * (1.0 - steps) + rng.normal(0.0, 3.0, (6, 2)) * steps**0.5
        canvas.line(path, width * rng.uniform(0.6, 1.3), WHITE_MATTER - 12.0)
    bend = rng.normal(0.0, 1.5)
    canvas.line([(0, front), (bend, 0), (0, back)], width + 1.0, CEREBROSPINAL_FLUID + 10.0, jitter=0.3)
    canvas.line([(0, front), (bend, 0), (0, back)], rng.uniform(1.0, 2.0), FALX + 6.0, jitter=0.3)
    canvas.blob((0, back - 1.0), (3.5, 3.5), FALX + 6.0)


def _slanted(canvas: Canvas, rng: np.random.Generator) -> Field:
    """Blur the bone's inner edge, which a thick slice cuts at a slant, and brighten the brain near it."""
    hounsfield = texture(canvas.read(), rng)
    pixels = rng.uniform(0.5, 2.5) / canvas.frame.spacing
    bone = ndimage.gaussian_filter((hounsfield > 150.0).astype(np.float32), pixels)
    blurred = np.maximum(hounsfield, bone * np.float32(0.5 * BONE) - np.float32(200.0))
    near = ndimage.gaussian_filter(bone, 6.0 / canvas.frame.spacing, truncate=2.0)
    return np.asarray(
        blurred + (hounsfield > 0.0) * near * np.float32(rng.uniform(0.0, 20.0)), dtype=np.float32
    )
