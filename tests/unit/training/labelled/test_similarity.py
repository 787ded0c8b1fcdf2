"""The same slice is found however it was exported; different heads are not taken for one."""

import csv
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from images.decoding import GreyImage, decode
from tests.conftest import DATA
from tests.labelled import examined
from training.labelled.grouping import clusters
from training.labelled.similarity import signature, similar_pairs

Change = Callable[[NDArray[np.uint8]], GreyImage]


def resized(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    half = (image.shape[1] // 2, image.shape[0] // 2)
    return np.asarray(Image.fromarray(image).resize(half, Image.Resampling.BICUBIC))


def tinted(image: NDArray[np.uint8]) -> GreyImage:
    blue = np.stack([image * 0.8, image * 0.9, np.clip(image * 1.2, 0, 255)], axis=2).astype(np.uint8)
    return np.asarray(Image.fromarray(blue).convert("L"))


CHANGES: dict[str, Change] = {
    "a flip": lambda image: np.ascontiguousarray(image[:, ::-1]),
    "another size": resized,
    "a wider border": lambda image: np.pad(image, ((30, 10), (5, 40))),
    "a tint": tinted,
    "a brighter window": lambda image: np.clip(image * 1.3, 0, 255).astype(np.uint8),
    "a tilt": lambda image: np.asarray(Image.fromarray(image).rotate(5, Image.Resampling.BICUBIC)),
}


@pytest.fixture(scope="session")
def slices(synthetic_images: Path) -> list[NDArray[np.uint8]]:
    paths = sorted(synthetic_images.rglob("*.png"))
    return [np.asarray(Image.open(path).convert("L")) for path in paths]


@pytest.mark.parametrize("name", CHANGES)
def test_a_slice_is_found_again_after(slices: list[NDArray[np.uint8]], name: str) -> None:
    found = [
        bool(similar_pairs([signature(CHANGES[name](image))], [signature(image)])) for image in slices[:12]
    ]
    assert np.mean(found) >= 0.9


def test_different_synthetic_heads_are_not_taken_for_one(slices: list[NDArray[np.uint8]]) -> None:
    assert similar_pairs([signature(image) for image in slices], []) == []


def test_known_images_are_compared_with_new_ones_only() -> None:
    look = examined(1).signature
    assert [pair[:2] for pair in similar_pairs([look], [look, look])] == [(0, 1), (0, 2)]
    assert similar_pairs([], [look, look]) == []


def test_the_measured_rates_of_the_development_set_hold() -> None:
    """Those of docs/training-data.md."""
    folder = DATA / "head_ct"
    if not folder.is_dir():
        pytest.skip("the development set is not on this machine")
    with (folder / "labels.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    images = []
    for number, row in enumerate(rows):
        look = signature(decode((folder / row["filename"]).read_bytes()))
        images.append(replace(examined(number), signature=look))
    found = {i: n for n, cluster in enumerate(clusters(images, [])) for i in cluster.new}
    pairs = list(combinations(range(len(rows)), 2))
    merged = {pair for pair in pairs if found[pair[0]] == found[pair[1]]}
    mark = {
        (i, j) for i, j in pairs if rows[i]["same_slice"] and rows[i]["same_slice"] == rows[j]["same_slice"]
    }
    patient = {(i, j) for i, j in pairs if rows[i]["group"] == rows[j]["group"]}
    assert len(merged & mark) >= 0.9 * len(mark)
    assert len(merged - patient) <= 0.05 * len(merged)
    assert len(merged & patient) >= 0.3 * len(patient)
