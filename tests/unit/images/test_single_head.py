"""An image of several heads is refused; one head is not, whatever else is on the image."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.errors import NotACtSlice
from core.reasons import ReasonCode
from images.constants import Preprocessing
from images.decoding import GreyImage, decode
from images.head import pyramid
from images.preprocessors import preprocessor_of
from images.single_head import check_single_head
from training.phantoms.bleeds import Bleed
from training.phantoms.levels import Level, generate_level
from training.phantoms.synthetic import generate_image

DATA = Path(__file__).parents[4] / "shared" / "data"
KINDS = (None, *Bleed)
HEADS = [generate_image(seed, KINDS[seed % len(KINDS)], (260, 230)).image for seed in range(24)]


def shows_several(image: GreyImage) -> bool:
    try:
        check_single_head(pyramid(image))
    except NotACtSlice:
        return True
    return False


def sheet(heads: Sequence[GreyImage], columns: int, gap: int = 0, ground: int = 0) -> GreyImage:
    """Heads in rows and columns, with a border and gaps of this many pixels in this grey."""
    rows = [heads[start : start + columns] for start in range(0, len(heads), columns)]
    frame = {"mode": "constant", "constant_values": ground}
    padded = [np.hstack([np.pad(head, ((0, gap), (0, gap)), **frame) for head in row]) for row in rows]
    return np.pad(np.vstack(padded), ((gap, 0), (gap, 0)), **frame)  # type: ignore[no-any-return,call-overload]


@pytest.mark.parametrize(
    ("rows", "columns", "gap", "ground"),
    [
        (1, 2, 0, 0),
        (2, 1, 0, 0),
        (1, 2, 12, 255),
        (1, 2, 12, 120),
        (2, 2, 0, 0),
        (2, 2, 6, 255),
        (2, 3, 0, 0),
        (3, 2, 20, 0),
        (4, 5, 4, 255),
        (6, 6, 0, 0),
    ],
)
def test_a_sheet_of_slices_is_refused(rows: int, columns: int, gap: int, ground: int) -> None:
    found = []
    for first in range(8):
        heads = [HEADS[(first + number) % len(HEADS)] for number in range(rows * columns)]
        found.append(shows_several(sheet(heads, columns, gap, ground)))
    assert sum(found) >= 7


def test_a_sheet_whose_black_is_grey_is_refused() -> None:
    lifted = [(head * 0.6 + 80.0).astype(np.uint8) for head in HEADS]
    found = [shows_several(sheet(lifted[first : first + 4], 2, 4, 80)) for first in range(20)]
    assert sum(found) >= 18


def test_slices_of_other_sizes_beside_each_other_are_refused() -> None:
    found = []
    for large, small in zip(HEADS[:12], HEADS[12:], strict=True):
        half = cv2.resize(small, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        found.append(shows_several(np.hstack([large, np.pad(half, ((100, 30), (5, 5)))])))
    assert sum(found) >= 10


def test_most_large_slices_with_a_column_of_thumbnails_are_refused() -> None:
    found = []
    for number, head in enumerate(HEADS):
        large = cv2.resize(head, (453, 512))
        thumbs = [cv2.resize(HEADS[number - back], (113, 128)) for back in (1, 2, 3, 4)]
        found.append(shows_several(np.hstack([large, np.vstack(thumbs)])))
    assert sum(found) >= 18


def with_text(image: GreyImage) -> GreyImage:
    image = image.copy()
    for row, text in enumerate(("R", "kV 120", "IMG 12", "W80 L40")):
        cv2.putText(image, text, (4, 20 + 60 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)
    return image


def with_colour_bar(image: GreyImage) -> GreyImage:
    bar = np.zeros((len(image), 40), dtype=np.uint8)
    bar[30:-30, 10:30] = np.linspace(255, 0, len(bar) - 60)[:, np.newaxis]
    return np.hstack([image, bar])


def with_logo(image: GreyImage) -> GreyImage:
    image = np.pad(image, ((70, 0), (0, 0)))
    image[8:60, 8:60] = 255
    cv2.putText(image, "HOSPITAL", (70, 45), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
    return image


def with_holder(image: GreyImage) -> GreyImage:
    image = np.pad(image, ((0, 30), (30, 30)))
    height, width = image.shape
    cv2.ellipse(image, (width // 2, height // 2), (width // 2 - 4, height // 2 - 4), 0, 20, 160, 200, 6)
    return image


def with_pillow(image: GreyImage) -> GreyImage:
    image = np.pad(image, ((0, 50), (0, 0)))
    height, width = image.shape
    cv2.ellipse(image, (width // 2, height + 5), (width // 3, 35), 0, 180, 360, 110, -1)
    return image


def in_a_viewer(image: GreyImage) -> GreyImage:
    return np.pad(np.pad(image, 20, constant_values=0), ((40, 20), (120, 20)), constant_values=60)


DECORATIONS: list[Callable[[GreyImage], GreyImage]] = [
    with_text,
    with_colour_bar,
    with_logo,
    with_holder,
    with_pillow,
    in_a_viewer,
    lambda image: np.pad(image, 24, constant_values=255),
    lambda image: np.pad(image, ((0, 0), (0, 200))),
    lambda image: (image * 0.75 + 60.0).astype(np.uint8),
    lambda image: image.astype(np.float32),
]


@pytest.mark.parametrize("decorated", DECORATIONS)
def test_one_head_with_something_beside_it_is_not_refused(
    decorated: Callable[[GreyImage], GreyImage],
) -> None:
    assert not any(shows_several(decorated(head)) for head in HEADS)


@pytest.mark.parametrize("level", list(Level))
def test_a_slice_of_any_level_is_one_head(level: Level) -> None:
    assert not any(shows_several(generate_level(seed, level).image) for seed in range(12))


@pytest.mark.skipif(not DATA.is_dir(), reason="the real slices are not here")
def test_no_real_slice_is_refused_and_pairs_of_them_are() -> None:
    folders = (
        (DATA / "head_ct" / "images", 1),
        (DATA / "phe" / "images", 25),
        (DATA / "dicom" / "ge_head", 1),
    )
    slices = [
        decode(path.read_bytes())
        for folder, step in folders
        for path in sorted([*folder.glob("*.png"), *folder.glob("*.dcm")])[::step]
    ]
    assert len(slices) > 250
    assert not any(map(shows_several, slices))
    squares = [cv2.resize(one, (256, 256)) for one in slices[:160]]
    pairs = [np.hstack([left, right]) for left, right in pairwise(squares)]
    assert np.mean([shows_several(pair) for pair in pairs]) > 0.95


@pytest.mark.parametrize("version", ["2", "3"])
def test_every_version_of_the_preprocessing_refuses_several_heads(version: str) -> None:
    constants = replace(Preprocessing(), version=version)
    with pytest.raises(NotACtSlice) as caught:
        preprocessor_of(constants).prepare(sheet(HEADS[:2], 2), constants)
    assert caught.value.reason.code is ReasonCode.SEVERAL_HEADS
    assert "one by one" in str(caught.value)
