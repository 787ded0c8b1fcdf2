"""Synthetic scans are reproducible, labelled right, and written like a real data set."""

import csv
from pathlib import Path

import numpy as np
import pytest

from models.constants import Preprocessing
from models.preprocessing import preprocess
from training.bleeds import Bleed
from training.synthetic import generate_scan, write_scans


@pytest.mark.parametrize("bleed", [None, *Bleed])
def test_the_same_seed_draws_the_same_scan(bleed: Bleed | None) -> None:
    one, other = generate_scan(11, bleed), generate_scan(11, bleed)
    np.testing.assert_array_equal(one.image, other.image)
    assert one.label == ("normal" if bleed is None else "hemorrhage")
    assert one.image.dtype == np.uint8


def test_another_seed_draws_another_scan() -> None:
    assert (
        generate_scan(1, None, (128, 110)).image.tobytes()
        != generate_scan(2, None, (128, 110)).image.tobytes()
    )


def test_the_size_can_be_given() -> None:
    assert generate_scan(1, Bleed.SUBDURAL, (96, 80)).image.shape == (96, 80)


@pytest.mark.parametrize("bleed", list(Bleed))
def test_every_kind_of_bleed_adds_bright_pixels_to_the_brain(bleed: Bleed) -> None:
    for seed in range(5):
        prepared = preprocess(generate_scan(seed, bleed).image, Preprocessing())
        brain = prepared[20:92, 20:92]
        assert ((brain > 0.4) & (brain < 1.9)).mean() > 0.003


def test_written_scans_form_a_balanced_data_set_whose_names_tell_nothing(tmp_path: Path) -> None:
    written = write_scans(tmp_path, 21, seed=3)
    with (tmp_path / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["filename", "label", "group", "bleed"]
    assert [row["filename"] for row in rows] == [f"images/{i:03d}.png" for i in range(21)]
    assert all((tmp_path / row["filename"]).is_file() for row in rows)
    labels = [row["label"] for row in rows]
    assert (labels.count("normal"), labels.count("hemorrhage")) == (11, 10)
    assert labels != sorted(labels)
    assert {row["bleed"] for row in rows} == {"", *(str(bleed) for bleed in Bleed)}
    assert [scan.label for scan in written] == labels


def test_widths_and_heights_vary_and_do_not_tell_the_label() -> None:
    sizes = {generate_scan(seed, None).image.shape for seed in range(6)}
    assert len(sizes) == 6
