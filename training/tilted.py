"""Tilted slices through whole heads: as of one that lay askew, where one side shows bone, the other brain."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from core.errors import NotACtSlice
from core.image_files import Limits
from images.constants import Preprocessing
from images.decoding import GreyImage, decode
from images.preprocessing import preprocess
from training.batches import Images
from training.dataset import Record, read_record

_SHARE = 0.6
"""Of the slices: those that one is cut through."""
_SLANTS = (0.7, 3.0)
"""Slices between the middle of a picture and its edge."""
_SIDEWAYS = 0.65
"""Of the planes: those where one side lies lower; the others are tilted in any direction."""
_HEAD = 0.95
"""Of the way from the middle of a picture to its edge: what a head reaches."""
_WIDER, _WIDEST = 1.5, 10.0
"""Times the lesser of the distances beside it, and mm or slices: a wider step is a gap, not cut through."""
_FEWEST, _MOST = 3, 100
"""Slices of a run: of more they are so thin that planes hardly differ from them."""


def tilted(records: Sequence[Record], limits: Limits, on_image: Callable[[], None] = lambda: None) -> Images:
    """Tilted planes through the middles of slices of whole heads, prepared, with the slices' labels.

    A plane through a slice that bleeds, between two that do, bleeds; one through a normal slice is made if
    all that it meets are normal. Beyond the ends of a head, and in a gap of it, the last slice goes on. None
    without whole heads. `on_image` is called before each slice is read, and may raise to stop.
    """
    rng = np.random.default_rng(0)
    made: list[tuple[Record, NDArray[np.float32]]] = []
    for head in _heads(records):
        images = []
        for record in head:
            on_image()
            images.append(decode(read_record(record, limits), limits.max_pixels))
        made += _through(head, images, rng)
    pixels = [pixels for _, pixels in made]
    size = Preprocessing().input_shape
    return Images(
        np.stack(pixels) if pixels else np.zeros((0, *size), dtype=np.float32),
        np.array([record.target for record, _ in made], dtype=np.intp),
        np.array([record.group for record, _ in made], dtype=np.str_),
        np.array([record.source for record, _ in made], dtype=np.str_),
    )


def _through(
    head: Sequence[Record], images: Sequence[GreyImage], rng: np.random.Generator
) -> Iterator[tuple[Record, NDArray[np.float32]]]:
    if len({image.shape for image in images}) > 1:
        return
    for middle, record in enumerate(head):
        offsets = _offsets(images[0].shape, rng)
        low, high = (middle + round(_HEAD * float(end)) for end in (offsets.min(), offsets.max()))
        met = {one.target for one in head[max(low, 0) : high + 1]}
        beside = {one.target for one in head[max(middle - 1, 0) : middle + 2]}
        if rng.random() < _SHARE and (beside == {1} if record.target else met == {0}):
            try:
                yield record, preprocess(_plane(images, middle + offsets), Preprocessing())
            except NotACtSlice:
                continue


def _offsets(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """How many slices each pixel of a tilted plane lies above its middle."""
    y, x = np.meshgrid(*(np.linspace(-1.0, 1.0, side, dtype=np.float32) for side in shape), indexing="ij")
    angle = rng.uniform(0.0, 2.0 * np.pi)
    across = x if rng.random() < _SIDEWAYS else np.cos(angle) * x + np.sin(angle) * y
    return np.asarray(across * rng.uniform(*_SLANTS) * rng.choice((-1, 1)), dtype=np.float32)


def _plane(images: Sequence[GreyImage], positions: NDArray[np.float32]) -> GreyImage:
    """Each pixel between the two slices that it lies between."""
    positions = np.clip(positions, 0.0, len(images) - 1.0)
    plane = np.zeros(positions.shape, dtype=np.float32)
    for number in range(int(positions.min()), int(np.ceil(positions.max())) + 1):
        plane += images[number] * np.clip(1.0 - np.abs(positions - number), 0.0, 1.0)
    return np.asarray(plane.round(), dtype=np.uint8) if images[0].dtype == np.uint8 else plane


def _heads(records: Sequence[Record]) -> Iterator[list[Record]]:
    """Runs of neighbouring slices of one study, from the feet."""
    studies: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        if record.study is not None and record.position is not None:
            studies[record.source, record.study].append(record)
    for slices in studies.values():
        slices.sort(key=lambda record: record.position or 0.0)
        steps = np.diff([record.position or 0.0 for record in slices])
        beside = np.pad(steps, 1, constant_values=np.inf)
        usual = np.minimum(np.minimum(beside[:-2], beside[2:]), _WIDEST / _WIDER)
        apart = (steps <= 0.0) | (steps > _WIDER * usual)
        for run in np.split(np.arange(len(slices)), np.flatnonzero(apart) + 1):
            if _FEWEST <= len(run) <= _MOST:
                yield [slices[i] for i in run]
