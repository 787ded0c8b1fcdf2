"""The pieces of tissue in a reduced image, and their lobes: what `images.single_head` judges."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from images.head import Mask

_LEAST_BOX = 6
"""Pixels; what is narrower is no head."""
SMALLEST = 0.12
"""What is less thick than this part of the thickest body is none: letters, a thin head holder."""
_CORE = 0.5
"""The core of a lobe lies deeper than this part of its body's thickness: two heads that touch have two."""
_LEAST_CORE = 0.6
"""Thickness of a lobe, as a part of its body's."""
_SECTORS = 24
SQUARE = np.ones((3, 3), dtype=np.uint8)
_ASPECT = 1.9
_OVERLAP = 0.2
"""Of the smaller box, in the direction in which the two lie beside each other."""


class Box(NamedTuple):
    """A bounding box, in pixels of the reduced image."""

    left: int
    top: int
    width: int
    height: int

    @property
    def is_compact(self) -> bool:
        return max(self.width, self.height) < _ASPECT * min(self.width, self.height)

    def is_beside(self, other: "Box") -> bool:
        """Whether they lie beside or above each other."""
        for axis in (0, 1):
            overlap = min(self[axis] + self[axis + 2], other[axis] + other[axis + 2]) - max(
                self[axis], other[axis]
            )
            if overlap <= _OVERLAP * min(self[axis + 2], other[axis + 2]):
                return True
        return False


Outline = cv2.typing.MatLike


@dataclass(frozen=True)
class Body:
    """A connected piece of tissue, its holes filled; `depth` is each pixel's distance from its outline."""

    box: Box
    depth: cv2.typing.MatLike
    thickness: float
    area: int


@dataclass(frozen=True)
class Lobe:
    """One core of a body and what lies around it; the fractions are those of the constants."""

    box: Box
    thickness: float
    grey: float
    rim: float
    fill: float


def outlines_of(tissue: Mask) -> Sequence[Outline]:
    """The outer outlines of what is more than two pixels wide."""
    opened = cv2.morphologyEx(tissue, cv2.MORPH_OPEN, SQUARE)
    return cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]


def bodies_of(outlines: Sequence[Outline]) -> list[Body]:
    """The thickest pieces of tissue."""
    bodies = []
    for number, outline in enumerate(outlines):
        box = Box(*cv2.boundingRect(outline))
        if min(box.width, box.height) < _LEAST_BOX:
            continue
        filled = np.zeros((box.height + 2, box.width + 2), dtype=np.uint8)
        cv2.drawContours(filled, outlines, number, 1, cv2.FILLED, offset=(1 - box.left, 1 - box.top))
        depth = cv2.distanceTransform(filled, cv2.DIST_L2, 3)
        bodies.append(Body(box, depth, float(depth.max()), int(np.count_nonzero(filled))))
    thickest = max((body.thickness for body in bodies), default=0.0)
    return [body for body in bodies if body.thickness >= SMALLEST * thickest]


def cores_of(body: Body) -> tuple[int, cv2.typing.MatLike]:
    """How many cores a body has, and their labels from 1 on, as large as its depth."""
    deep = (body.depth > _CORE * body.thickness).view(np.uint8)
    count, labels = cv2.connectedComponents(deep)
    return count - 1, labels


def lobes_of(body: Body, count: int, labels: cv2.typing.MatLike, grey: Mask, bone: Mask) -> Iterator[Lobe]:
    left, top, width, height = body.box
    here = np.s_[top - 1 : top + height + 1, left - 1 : left + width + 1]
    grey, bone = grey[here], bone[here]
    reach = 2 * round(_CORE * body.thickness + 1.0) + 1
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    for core in (labels == number for number in range(1, count + 1)):
        thickness = float(body.depth[core].max())
        if thickness < _LEAST_CORE * body.thickness:
            continue
        grown = cv2.dilate(core.view(np.uint8), around).view(np.bool_) & (body.depth > 0.0)
        rows, columns = np.nonzero(core)
        y, x = np.nonzero(grown & ~core & (bone > 0))
        turns = np.arctan2(y - rows.mean(), x - columns.mean()) / (2.0 * np.pi) % 1.0
        box = Box(*cv2.boundingRect(grown.view(np.uint8)))
        yield Lobe(
            box._replace(left=box.left + left, top=box.top + top),
            thickness,
            grey=float(grey[core].mean()),
            rim=len(np.unique((turns * _SECTORS).astype(np.intp) % _SECTORS)) / _SECTORS,
            fill=float(np.count_nonzero(grown)) / (box.width * box.height),
        )


def box_around(bodies: Sequence[Body]) -> Box:
    left, top = (min(body.box[axis] for body in bodies) for axis in (0, 1))
    right, bottom = (max(body.box[axis] + body.box[axis + 2] for body in bodies) for axis in (0, 1))
    return Box(left, top, right - left, bottom - top)
