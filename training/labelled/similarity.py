"""Finds images of the same slice, or of the same series, where nobody says which patient they are of.

The head is cut out and turned upright as by preprocessing 2, bone is flattened, and slow changes of
brightness are taken away; so crop, size, tint, tilt and window count little. Perceptual hashes choose the
pairs that are compared at all (after Zauner, "Implementation and Benchmarking of Perceptual Image Hash
Functions", 2010); normalised correlation decides. docs/training-data.md has the rates that were measured.
"""

from collections.abc import Sequence

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from images.constants import Preprocessing
from images.decoding import GreyImage
from images.preprocessing_2 import preprocess

Signature = NDArray[np.int8]
"""int8 (SIDE, SIDE): the head's structure, 0 being its surroundings' mean."""

SIDE = 56
MIN_AGREEMENT = 0.79
"""Correlation from which two images are taken for one patient. Of the development set, pairs of the same
slice reach 0.91 to 1.00, and pairs of different patients at most 0.78."""

SAME_SLICE = 0.90
"""Correlation from which two images are taken for the same slice, whatever a table says of their patients."""

PREPROCESSING = Preprocessing(version="2", size=2 * SIDE)
"""With version 3, whose search for the head is coarser, 30 % of one patient's pairs are found, not 37 %."""
_FLAT = 1.0
"""Brightness is clipped to +-this, so that the skull does not outweigh the brain."""
_SLOW = 6.0
"""Standard deviation in pixels of the Gaussian whose result is subtracted."""
_HASH_SIDE = 16
_MAX_DISTANCE = 80
"""Of 256 bits. In the development set the pairs that correlate enough differ in up to 76; this lets
about one pair in twenty through."""


def signature(image: GreyImage) -> Signature:
    """What of an image is compared.

    Raises
    ------
    NotACtSlice
        No head is found.
    """
    head = np.clip(preprocess(image, PREPROCESSING)[:, :, 0], -_FLAT, _FLAT)
    structure = head - ndimage.gaussian_filter(head, _SLOW)
    small = structure.reshape(SIDE, 2, SIDE, 2).mean(axis=(1, 3))
    return np.asarray(np.rint(np.clip(small, -1.0, 1.0) * 127.0), dtype=np.int8)


def similar_pairs(new: Sequence[Signature], known: Sequence[Signature]) -> list[tuple[int, int, float]]:
    """Pairs i < j that show the same slice or series, also mirrored, and their agreement; i is a new one.

    Parameters
    ----------
    new, known
        Numbered in this order: `known[0]` has the index `len(new)`. Known ones are not compared with
        each other.
    """
    if not new:
        return []
    images = np.stack([*new, *known]).astype(np.float32)
    patterns, mirrored = _patterns(images), _patterns(images[: len(new), :, ::-1])
    hashes, mirrored_hashes = _hashes(images), _hashes(images[: len(new), :, ::-1])
    pairs = []
    for i in range(len(new)):
        rest = hashes[i + 1 :]
        distance = np.minimum(_distances(rest, hashes[i]), _distances(rest, mirrored_hashes[i]))
        candidates = i + 1 + np.flatnonzero(distance <= _MAX_DISTANCE)
        agreement = (patterns[candidates] @ np.stack([patterns[i], mirrored[i]]).T).max(axis=1)
        pairs += [
            (i, int(j), float(value))
            for j, value in zip(candidates, agreement, strict=True)
            if value >= MIN_AGREEMENT
        ]
    return pairs


def _patterns(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 (N, SIDE * SIDE) of mean 0 and length 1, so that a product of two is their correlation."""
    flat = images.reshape(len(images), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6))


def _hashes(images: NDArray[np.float32]) -> NDArray[np.uint64]:
    """uint64 (N, 4): the 256 bits of each image's perceptual hash."""
    pictures = [Image.fromarray((image + 128.0).astype(np.uint8)) for image in images]
    bits = [imagehash.phash(picture, hash_size=_HASH_SIDE, highfreq_factor=2).hash for picture in pictures]
    return np.packbits(np.stack(bits).reshape(len(bits), -1), axis=1).view(np.uint64)


def _distances(hashes: NDArray[np.uint64], one: NDArray[np.uint64]) -> NDArray[np.intp]:
    return np.asarray(np.bitwise_count(hashes ^ one).sum(axis=1, dtype=np.intp))
