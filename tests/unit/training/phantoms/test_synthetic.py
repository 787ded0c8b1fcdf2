"""Synthetic images are reproducible, labelled right, and written like a real data set."""

import csv
from pathlib import Path

import numpy as np
import pytest

from images.constants import Preprocessing
from images.preprocessing import preprocess
from training.phantoms.bleeds import LEVELS, Bleed, add_bleed
from training.phantoms.canvas import Field, Frame
from training.phantoms.phantom import Phantom, make_phantom, skull_at
from training.phantoms.synthetic import generate_image, write_images


@pytest.mark.parametrize("bleed", [None, *Bleed])
def test_the_same_seed_draws_the_same_image(bleed: Bleed | None) -> None:
    one, other = generate_image(11, bleed), generate_image(11, bleed)
    np.testing.assert_array_equal(one.image, other.image)
    assert one.label == ("normal" if bleed is None else "hemorrhage")
    assert one.image.dtype == np.uint8


def test_another_seed_draws_another_image() -> None:
    assert (
        generate_image(1, None, (128, 110)).image.tobytes()
        != generate_image(2, None, (128, 110)).image.tobytes()
    )


def test_the_size_can_be_given() -> None:
    assert generate_image(1, Bleed.SUBDURAL, (96, 80)).image.shape == (96, 80)


@pytest.mark.parametrize("bleed", list(Bleed))
def test_every_kind_of_bleed_adds_bright_pixels_to_the_brain(bleed: Bleed) -> None:
    for seed in range(5):
        prepared = preprocess(generate_image(seed, bleed).image, Preprocessing())
        brain = prepared[20:92, 20:92]
        assert ((brain > 0.4) & (brain < 1.9)).mean() > 0.003


def test_written_images_form_a_balanced_data_set_whose_names_tell_nothing(tmp_path: Path) -> None:
    written = write_images(tmp_path, 21, seed=3)
    with (tmp_path / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["filename", "label", "group", "bleed"]
    assert [row["filename"] for row in rows] == [f"images/{i:03d}.png" for i in range(21)]
    assert all((tmp_path / row["filename"]).is_file() for row in rows)
    labels = [row["label"] for row in rows]
    assert (labels.count("normal"), labels.count("hemorrhage")) == (11, 10)
    assert labels != sorted(labels)
    assert {row["bleed"] for row in rows} == {"", *(str(bleed) for bleed in Bleed)}
    assert [image.label for image in written] == labels


def test_widths_and_heights_vary_and_do_not_tell_the_label() -> None:
    normal = [generate_image(seed, None).image.shape for seed in range(12)]
    bleeding = [generate_image(seed, Bleed.SUBDURAL).image.shape for seed in range(12)]
    assert min(len(set(normal)), len(set(bleeding))) > 3
    for shapes in (normal, bleeding):
        assert 0 < sum(height == width for height, width in shapes) < 12


@pytest.mark.parametrize("bleed", [None, *Bleed])
def test_a_head_is_found_in_all(bleed: Bleed | None) -> None:
    for seed in range(100, 112):
        assert preprocess(generate_image(seed, bleed).image, Preprocessing()).any()


@pytest.mark.parametrize("bleed", list(Bleed))
def test_a_bleed_changes_enough_of_the_head_to_be_seen(bleed: Bleed) -> None:
    frame = Frame(height=200, width=170, spacing=1.0, row=100.0, column=85.0, tilt=0.0, stretch=1.0)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        level = LEVELS[bleed][seed % len(LEVELS[bleed])]
        skull = skull_at(rng, level)
        phantom = make_phantom(rng, frame, level, skull, least_ventricles=1.0, least_sulci=1.2)
        before = phantom.hounsfield.copy()
        add_bleed(phantom, bleed, rng)
        gained = blood_area(phantom.hounsfield, phantom) - blood_area(before, phantom)
        assert gained > 40  # mm2
        np.testing.assert_array_equal(phantom.hounsfield[phantom.depth > 1.1], before[phantom.depth > 1.1])


def blood_area(hounsfield: Field, phantom: Phantom) -> int:
    """Pixels of the brain brighter than grey matter and darker than calcification."""
    return int(((hounsfield > 48.0) & (hounsfield < 100.0) & (phantom.depth < 1.0)).sum())
