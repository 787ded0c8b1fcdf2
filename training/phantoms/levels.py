"""Normal synthetic slices of every level a head scan passes, from the neck to the vertex.

A series sent to the inbox is a whole head, while slices in teaching files are nearly all taken at the
ventricles. A network that never saw petrous bones or teeth takes them for blood.
"""

from collections.abc import Callable
from enum import StrEnum

import numpy as np

from models.labels import CLASSES
from training.phantoms.acquisition import acquire, choose_acquisition
from training.phantoms.canvas import Field, Frame
from training.phantoms.face import draw_face
from training.phantoms.neck import draw_neck
from training.phantoms.orbits import draw_orbits
from training.phantoms.skull_base import draw_skull_base
from training.phantoms.synthetic import SyntheticImage, generate_image
from training.phantoms.vertex import draw_vertex


class Level(StrEnum):
    """Where the slice lies, from below."""

    NECK = "neck"
    FACE = "face"
    SKULL_BASE = "skull base"
    ORBITS = "orbits"
    BRAIN = "brain"
    VERTEX = "vertex"


def generate_level(seed: int, level: Level, size: tuple[int, int] | None = None) -> SyntheticImage:
    """Draw one normal slice of a level, the same for the same arguments.

    Parameters
    ----------
    seed
        Any integer from 0 on.
    level
        `Level.BRAIN` is `generate_image` without a bleed.
    size
        (height, width) in pixels, each at least 64; None draws a tight crop or a whole field of view.
    """
    if level is Level.BRAIN:
        return generate_image(seed, None, size)
    rng = np.random.default_rng((seed, 1000 + list(Level).index(level)))
    draw, extent = _DRAWINGS[level]
    acquisition = choose_acquisition(rng, size, extent)
    image = acquire(draw(acquisition.frame, rng), acquisition, rng)
    return SyntheticImage(image, CLASSES[0], None)


_DRAWINGS: dict[Level, tuple[Callable[[Frame, np.random.Generator], Field], tuple[float, float]]] = {
    Level.NECK: (draw_neck, (150.0, 165.0)),
    Level.FACE: (draw_face, (172.0, 205.0)),
    Level.SKULL_BASE: (draw_skull_base, (172.0, 205.0)),
    Level.ORBITS: (draw_orbits, (168.0, 205.0)),
    Level.VERTEX: (draw_vertex, (150.0, 165.0)),
}
"""How a level is drawn, and about how wide and long (mm) the head is there."""
