"""Whether an image shows more than one head: a sheet of slices, two side by side, a slice and a scout."""

import math
from collections.abc import Sequence
from itertools import chain, combinations, pairwise, product

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import NotACtSlice
from core.reasons import ReasonCode
from images.bodies import (
    SMALLEST,
    SQUARE,
    Body,
    Lobe,
    bodies_of,
    box_around,
    cores_of,
    lobes_of,
    outlines_of,
)
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
_CONVEX, _ONE_HEAD, _NO_PANEL = 0.95, 1.45, 0.9
"""Least part of its hull that a lone head fills; its greatest aspect; only a panel fills more of its box."""

# Two skulls. The limits were chosen on sheets of slices and on single ones (docs/operations.md).
_LARGE, _LARGE_GREY, _LARGE_FILL = 0.8, 0.3, 0.6
"""One of the two is nearly as thick as the thickest body; it may be full of blood, or at the skull base."""
_GREY, _FILL = 0.65, 0.65
"""Of the other: part of its core that is neither bone nor air, and of its box that it fills; an ellipse
fills 0.785."""
_RIM = 0.8
"""Of both: the part of the directions in which bone lies around the core."""

_ALIKE, _ALIKE_GREY, _ALIKE_RIM, _ALIKE_FILL = 0.85, 0.1, 0.9, 0.7
"""Of both of two that are nearly as thick as the thickest; in these the brain is dark, or full of blood."""
_TILED, _TILES, _TILE = 0.82, 4, 0.08
"""A body fills more of its box than one head does, and has so many insides of skulls of such a part of it."""

# Two bodies of any content.
_COUNTED, _AS_THICK, _AS_LONG = 0.25, 0.5, 0.4
"""Least thickness of what stands in the way of an empty line; the second's least thickness and length."""
_BODY_FILL = 0.5, 0.9
"""Of its box; a panel or a square logo fills all of it, a face in pieces less."""


def check_single_head(levels: Pyramid) -> None:
    """Refuse an image with more than one head, of which one would be read in silence.

    Raises
    ------
    NotACtSlice
        It shows two skulls with something grey inside, or two bodies of like size with nothing between them.
    """
    if _is_one_egg(levels[-1]):
        return  # most slices
    small = levels[-1] if min(levels[-1].shape) >= _LEAST_SIDE or len(levels) == 1 else levels[-2]
    dark, white = dark_and_white(small)
    if white <= dark:
        return
    tissue, bone = (_padded(small > dark + part * (white - dark)) for part in (_TISSUE, BONE))
    _blank_rules(small, tissue, bone, _EVEN * (white - dark))
    outlines = outlines_of(tissue)
    bodies = bodies_of(outlines)
    cores = [cores_of(body) for body in bodies]
    tiled = any(_is_tiled(body, bone) for body in bodies)
    if sum(count for count, _ in cores) < 2 and not tiled:
        return
    grey = tissue & ~bone
    lobes = [
        lobe
        for body, (count, labels) in zip(bodies, cores, strict=True)
        for lobe in lobes_of(body, count, labels, grey, bone)
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


def _is_one_egg(small: GreyImage) -> bool:
    """Whether there is one round body, and what is beside it too small to count as another."""
    dark, white = dark_and_white(small)
    outlines = outlines_of((small > dark + _TISSUE * (white - dark)).view(np.uint8))
    if not outlines:
        return True
    areas = [cv2.contourArea(outline) for outline in outlines]
    largest = areas.index(max(areas))
    outline, area = outlines[largest], areas.pop(largest)
    width, height = cv2.boundingRect(outline)[2:]
    if max(width, height) > _ONE_HEAD * min(width, height) or area > _NO_PANEL * width * height:
        return False
    # A convex body is at least as thick as area over girth, and no body is thicker than a disc of its area.
    if math.pi * (SMALLEST * area / cv2.arcLength(outline, closed=True)) ** 2 < max(areas, default=0.0):
        return False
    return area > _CONVEX * cv2.contourArea(cv2.convexHull(outline))


def _are_two_skulls(lobes: Sequence[Lobe]) -> bool:
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


def _is_tiled(body: Body, bone: Mask) -> bool:
    """Whether it is heads that touch so closely that they leave no room between their cores."""
    left, top, width, height = body.box
    if body.area <= _TILED * width * height:
        return False
    here = np.s_[top - 1 : top + height + 1, left - 1 : left + width + 1]
    inside = ((body.depth > 0.0) & (bone[here] == 0)).view(np.uint8)
    opened = cv2.morphologyEx(inside, cv2.MORPH_OPEN, SQUARE)
    _, _, stats, _ = cv2.connectedComponentsWithStats(opened)
    areas = stats[1:, cv2.CC_STAT_AREA]
    shapes = stats[1:, cv2.CC_STAT_WIDTH] * stats[1:, cv2.CC_STAT_HEIGHT]
    return bool(np.count_nonzero((areas > _FILL * shapes) & (areas > _TILE * body.area)) >= _TILES)


def _are_apart(bodies: Sequence[Body], axis: int) -> bool:
    """Whether an empty line from edge to edge (a column for axis 0) parts two bodies that are much alike."""
    thickest = max(body.thickness for body in bodies)
    counted = sorted(
        (body for body in bodies if body.thickness >= _COUNTED * thickest), key=lambda body: body.box[axis]
    )
    sides: list[list[Body]] = [[]]
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
            if (box := box_around(side)).is_compact
            and _BODY_FILL[0] < sum(body.area for body in side) / (box.width * box.height) < _BODY_FILL[1]
        ),
        reverse=True,
    )
    return any(
        second >= _AS_THICK * first and shorter >= _AS_LONG * longer
        for (first, longer), (second, shorter) in pairwise(alike)
    )
