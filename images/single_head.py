"""Whether an image shows more than one head: a sheet of slices, two side by side, a slice and a scout."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, pairwise, product
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import NotACtSlice
from core.reasons import ReasonCode
from images.decoding import GreyImage
from images.head import BONE, Mask, Pyramid, dark_and_white

_LEAST_SIDE = 100
"""Of the reduced image that is looked at, in pixels: the head of a thumbnail still has a rim."""
_TISSUE = 0.25
"""Tissue is brighter than this part of the way from the image's dark to its white."""
_RULE, _EVEN = 0.93, 0.03
"""A line from edge to edge of which this part is of one grey, within this part of the image's range."""
_EVERY = 4
"""Pixels of a line that are compared."""
_CONVEX, _ONE_HEAD = 0.95, 1.45
"""Part of its hull that a lone head fills at least; its greatest aspect. Then no more is looked at."""
_LEAST_BOX = 6
"""Pixels; what is narrower is no head."""
_SMALLEST = 0.12
"""What is less thick than this part of the thickest body is none: letters, a thin head holder."""
_CORE = 0.5
"""The core of a lobe lies deeper than this part of its body's thickness: two heads that touch have two."""
_LEAST_CORE = 0.6
"""Thickness of a lobe, as a part of its body's."""
_SECTORS = 24
_SQUARE = np.ones((3, 3), dtype=np.uint8)

# Two skulls. The limits were chosen on sheets of slices and on 3,200 single ones (docs/evaluation.md).
_LARGE, _LARGE_GREY, _LARGE_FILL = 0.8, 0.3, 0.6
"""One of the two is nearly as thick as the thickest body; it may be full of blood, or at the skull base."""
_GREY, _FILL = 0.65, 0.65
"""Of the other: part of its core that is neither bone nor air, and of its box that it fills; an ellipse
fills 0.785."""
_RIM = 0.8
"""Of both: the part of the directions in which bone lies around the core."""
_ASPECT = 1.9
_OVERLAP = 0.2
"""Of the smaller box, in the direction in which the two lie beside each other."""

_ALIKE, _ALIKE_GREY, _ALIKE_RIM, _ALIKE_FILL = 0.85, 0.1, 0.9, 0.7
"""Of both of two that are nearly as thick as the thickest; in these the brain is dark, or full of blood."""
_TILED, _TILES, _TILE = 0.82, 4, 0.08
"""A body fills more of its box than one head does, and has so many insides of skulls of such a part of it."""

# Two bodies of any content.
_COUNTED, _AS_THICK, _AS_LONG = 0.25, 0.5, 0.4
"""Least thickness of what stands in the way of an empty line; the second's least thickness and length."""
_BODY_FILL = 0.5, 0.9
"""Of its box; a panel or a square logo fills all of it, a face in pieces less."""


class _Box(NamedTuple):
    """A bounding box, in pixels of the reduced image."""

    left: int
    top: int
    width: int
    height: int

    @property
    def is_compact(self) -> bool:
        return max(self.width, self.height) < _ASPECT * min(self.width, self.height)

    def is_beside(self, other: "_Box") -> bool:
        """Whether they lie beside or above each other."""
        for axis in (0, 1):
            overlap = min(self[axis] + self[axis + 2], other[axis] + other[axis + 2]) - max(
                self[axis], other[axis]
            )
            if overlap <= _OVERLAP * min(self[axis + 2], other[axis + 2]):
                return True
        return False


_Outline = cv2.typing.MatLike


@dataclass(frozen=True)
class _Body:
    """A connected piece of tissue, its holes filled; `depth` is each pixel's distance from its outline."""

    box: _Box
    depth: cv2.typing.MatLike
    thickness: float
    area: int


@dataclass(frozen=True)
class _Lobe:
    """One core of a body and what lies around it; the fractions are those of the constants."""

    box: _Box
    thickness: float
    grey: float
    rim: float
    fill: float


def check_single_head(levels: Pyramid) -> None:
    """Refuse an image with more than one head, of which one would be read in silence.

    Raises
    ------
    NotACtSlice
        It shows two skulls with something grey inside, or two bodies of like size with nothing between them.
    """
    small = levels[-1] if min(levels[-1].shape) >= _LEAST_SIDE or len(levels) == 1 else levels[-2]
    dark, white = dark_and_white(small)
    if white <= dark:
        return
    tissue, bone = _padded(small > dark + _TISSUE * (white - dark)), _padded(small > BONE * white)
    _blank_rules(small, tissue, bone, _EVEN * (white - dark))
    opened = cv2.morphologyEx(tissue, cv2.MORPH_OPEN, _SQUARE)
    outlines, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines or _is_one_egg(outlines):
        return  # most slices
    bodies = _bodies(outlines)
    cores = [_cores(body) for body in bodies]
    tiled = any(_is_tiled(body, bone) for body in bodies)
    if sum(count for count, _ in cores) < 2 and not tiled:
        return
    grey = tissue & ~bone
    lobes = [
        lobe
        for body, (count, labels) in zip(bodies, cores, strict=True)
        for lobe in _lobes(body, count, labels, grey, bone)
    ]
    if tiled or _are_two_skulls(lobes) or any(_are_apart(bodies, axis) for axis in (0, 1)):
        raise NotACtSlice(
            ReasonCode.SEVERAL_HEADS,
            "The image shows several slices. Submit them one by one, one an image.",
        )


def _padded(mask: NDArray[np.bool_]) -> Mask:
    return cv2.copyMakeBorder(mask.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)  # type: ignore[return-value]


def _blank_rules(small: GreyImage, tissue: Mask, bone: Mask, tolerance: float) -> None:
    """Blank lines of one grey from edge to edge: the gaps of a sheet on a light ground, a page's border."""
    rows = _rules(small, tissue, tolerance)
    columns = _rules(small.T, tissue.T, tolerance)
    for mask in (tissue, bone):
        mask[rows] = mask[:, columns] = 0


def _rules(small: GreyImage, tissue: Mask, tolerance: float) -> NDArray[np.intp]:
    """Rows of the padded masks that are of one grey."""
    inside = tissue[1:-1, 1:-1]
    full = np.flatnonzero(np.count_nonzero(inside, axis=1) > _RULE * inside.shape[1])
    if not full.size:
        return full
    some = slice(None, None, _EVERY)
    values = small[full, some].astype(np.float32)
    even = np.abs(values - np.median(values, axis=1, keepdims=True)) <= tolerance
    return np.asarray(1 + full[even.mean(axis=1) > _RULE])


def _is_one_egg(outlines: Sequence[_Outline]) -> bool:
    """Whether there is one round body, and what is beside it too small to count as another."""
    areas = [cv2.contourArea(outline) for outline in outlines]
    largest = areas.index(max(areas))
    outline, area = outlines[largest], areas.pop(largest)
    width, height = cv2.boundingRect(outline)[2:]
    if max(width, height) > _ONE_HEAD * min(width, height):
        return False
    # A convex body is at least as thick as area over girth, and no body is thicker than a disc of its area.
    if math.pi * (_SMALLEST * area / cv2.arcLength(outline, closed=True)) ** 2 < max(areas, default=0.0):
        return False
    return area > _CONVEX * cv2.contourArea(cv2.convexHull(outline))


def _bodies(outlines: Sequence[_Outline]) -> list[_Body]:
    """The thickest pieces of tissue."""
    bodies = []
    for number, outline in enumerate(outlines):
        box = _Box(*cv2.boundingRect(outline))
        if min(box.width, box.height) < _LEAST_BOX:
            continue
        filled = np.zeros((box.height + 2, box.width + 2), dtype=np.uint8)
        cv2.drawContours(filled, outlines, number, 1, cv2.FILLED, offset=(1 - box.left, 1 - box.top))
        depth = cv2.distanceTransform(filled, cv2.DIST_L2, 3)
        bodies.append(_Body(box, depth, float(depth.max()), int(np.count_nonzero(filled))))
    thickest = max((body.thickness for body in bodies), default=0.0)
    return [body for body in bodies if body.thickness >= _SMALLEST * thickest]


def _cores(body: _Body) -> tuple[int, cv2.typing.MatLike]:
    """How many cores a body has, and their labels from 1 on, as large as its depth."""
    deep = (body.depth > _CORE * body.thickness).view(np.uint8)
    count, labels = cv2.connectedComponents(deep)
    return count - 1, labels


def _lobes(body: _Body, count: int, labels: cv2.typing.MatLike, grey: Mask, bone: Mask) -> Iterator[_Lobe]:
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
        box = _Box(*cv2.boundingRect(grown.view(np.uint8)))
        yield _Lobe(
            box._replace(left=box.left + left, top=box.top + top),
            thickness,
            grey=float(grey[core].mean()),
            rim=len(np.unique((turns * _SECTORS).astype(np.intp) % _SECTORS)) / _SECTORS,
            fill=float(np.count_nonzero(grown)) / (box.width * box.height),
        )


def _are_two_skulls(lobes: Sequence[_Lobe]) -> bool:
    thickest = max((lobe.thickness for lobe in lobes), default=0.0)
    rimmed = [lobe for lobe in lobes if lobe.rim >= _RIM and lobe.box.is_compact]
    large = [
        lobe
        for lobe in rimmed
        if lobe.thickness >= _LARGE * thickest and lobe.grey >= _LARGE_GREY and lobe.fill >= _LARGE_FILL
    ]
    clear = [lobe for lobe in rimmed if lobe.grey >= _GREY and lobe.fill >= _FILL]
    alike = [
        lobe
        for lobe in rimmed
        if lobe.thickness >= _ALIKE * thickest
        and lobe.grey >= _ALIKE_GREY
        and lobe.rim >= _ALIKE_RIM
        and lobe.fill >= _ALIKE_FILL
    ]
    pairs = chain(product(large, clear), combinations(alike, 2))
    return any(one.box.is_beside(other.box) for one, other in pairs)


def _is_tiled(body: _Body, bone: Mask) -> bool:
    """Whether it is heads that touch so closely that they leave no room between their cores."""
    left, top, width, height = body.box
    if body.area <= _TILED * width * height:
        return False
    here = np.s_[top - 1 : top + height + 1, left - 1 : left + width + 1]
    inside = ((body.depth > 0.0) & (bone[here] == 0)).view(np.uint8)
    opened = cv2.morphologyEx(inside, cv2.MORPH_OPEN, _SQUARE)
    _, _, stats, _ = cv2.connectedComponentsWithStats(opened)
    areas = stats[1:, cv2.CC_STAT_AREA]
    shapes = stats[1:, cv2.CC_STAT_WIDTH] * stats[1:, cv2.CC_STAT_HEIGHT]
    return bool(np.count_nonzero((areas > _FILL * shapes) & (areas > _TILE * body.area)) >= _TILES)


def _are_apart(bodies: Sequence[_Body], axis: int) -> bool:
    """Whether an empty line from edge to edge (a column for axis 0) parts two bodies that are much alike."""
    thickest = max(body.thickness for body in bodies)
    counted = sorted(
        (body for body in bodies if body.thickness >= _COUNTED * thickest), key=lambda body: body.box[axis]
    )
    sides: list[list[_Body]] = [[]]
    end = counted[0].box[axis]
    for body in counted:
        if body.box[axis] > end:
            sides.append([])
        sides[-1].append(body)
        end = max(end, body.box[axis] + body.box[axis + 2])
    alike = sorted(
        (
            (max(body.thickness for body in side), max(box.width, box.height))
            for side in sides
            if (box := _around(side)).is_compact
            and _BODY_FILL[0] < sum(body.area for body in side) / (box.width * box.height) < _BODY_FILL[1]
        ),
        reverse=True,
    )
    return any(
        second >= _AS_THICK * first and shorter >= _AS_LONG * longer
        for (first, longer), (second, shorter) in pairwise(alike)
    )


def _around(bodies: Sequence[_Body]) -> _Box:
    left, top = (min(body.box[axis] for body in bodies) for axis in (0, 1))
    right, bottom = (max(body.box[axis] + body.box[axis + 2] for body in bodies) for axis in (0, 1))
    return _Box(left, top, right - left, bottom - top)
