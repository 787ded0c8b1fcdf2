"""Candidates are measured on patients that their calibration has not seen; what ships comes of it."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.image_files import Limits
from models.store import shipped_model
from training.phantoms.synthetic import generate_image
from training.study_rules import (
    Study,
    candidates,
    cross_validate,
    fit_rule,
    mean_of,
    read_heads,
    tell,
    thinned,
)


@pytest.fixture(scope="module")
def studies() -> list[Study]:
    """Forty heads: bleeds fill neighbouring slices, and any head may have a lone high one."""
    rng = np.random.default_rng(1)
    made = []
    for number in range(40):
        quiet = rng.uniform(0.02, 0.3, 16)
        quiet[rng.integers(16)] = 0.9
        bleeding = quiet.copy()
        first = rng.integers(2, 10)
        bleeding[first : first + 5] = rng.uniform(0.5, 0.9, 5)
        for bleeds, said in ((True, bleeding), (False, np.delete(quiet, slice(first, first + 5)))):
            made.append(Study(f"p{number}", bleeds, tuple(said.tolist()), 0))
    return made


def test_neighbours_tell_what_a_lone_slice_does_not(studies: list[Study]) -> None:
    by_mean, by_maximum = (cross_validate(studies, mean_of(window)) for window in (5, 1))
    assert by_mean["auc"] > 0.98 > by_maximum["auc"]
    low, high = by_mean["sensitivity_ci95"]
    assert 0.0 < low <= high <= 1.0


def test_where_heads_and_stand_ins_have_as_many_slices_numbers_tell_nothing(
    studies: list[Study],
) -> None:
    numbers = candidates(shipped_model().card.operating_point)["number of slices"]
    assert cross_validate(studies, numbers)["auc"] > 0.99
    assert cross_validate(thinned(studies, 1), numbers)["auc"] == 0.5


def test_the_rule_reaches_its_sensitivity_on_what_it_was_fit_on(
    studies: list[Study], capsys: pytest.CaptureFixture[str]
) -> None:
    rule = fit_rule(studies, 5, "mean5-0")
    said = [rule.decide(one.probabilities).probability or 0.0 for one in studies if one.bleeds]
    assert np.mean([one >= rule.threshold for one in said]) >= 0.95
    assert rule.uncertain_low < rule.threshold < rule.uncertain_high
    tell(studies, {"mean of 5": mean_of(5)}, rule)
    assert "40 stand-ins" in capsys.readouterr().out


def test_a_head_is_read_in_the_order_of_its_slices_and_stands_in_without_its_bleed(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    labels = ["normal"] * 4 + ["hemorrhage", "ambiguous"]
    with (tmp_path / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["filename", "label", "group", "slice"])
        for number in reversed(range(6)):
            picture = generate_image(number, "intraparenchymal" if number == 4 else None).image
            Image.fromarray(picture).save(tmp_path / "images" / f"{number}.png")
            table.writerow([f"{number}.png", labels[number], "p", number])
    head, stand_in = read_heads(tmp_path, shipped_model(), Limits())
    assert (head.bleeds, stand_in.bleeds) == (True, False)
    assert head.probabilities[: len(stand_in.probabilities)] == stand_in.probabilities
    assert len(head.probabilities) == len(stand_in.probabilities) + 2
