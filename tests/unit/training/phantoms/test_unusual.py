"""Unusual heads stay heads: what is added is bone or soft tissue, by chance, and tells nothing of a bleed."""

import numpy as np
import pytest

from images.constants import Preprocessing
from images.preprocessing import preprocess
from training.phantoms.bleeds import Bleed
from training.phantoms.brain import BrainLevel
from training.phantoms.canvas import Field, Frame
from training.phantoms.phantom import Phantom, make_phantom, skull_at
from training.phantoms.synthetic import generate_image
from training.phantoms.unusual import add_unusual

FRAME = Frame(height=200, width=170, spacing=1.0, row=100.0, column=85.0, tilt=0.0, stretch=1.0)


def heads(level: BrainLevel, count: int) -> list[tuple[Field, Phantom]]:
    """Heads of a level, as they were and as they became."""
    made = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        phantom = make_phantom(rng, FRAME, level, skull_at(rng, level))
        before = phantom.hounsfield.copy()
        add_unusual(phantom, rng)
        made.append((before, phantom))
    return made


@pytest.mark.parametrize("bleed", [None, *Bleed])
def test_the_same_seed_draws_the_same_image_in_which_a_head_is_found(bleed: Bleed | None) -> None:
    for seed in range(2):
        one, other = (generate_image(seed, bleed, unusual=True) for _ in range(2))
        np.testing.assert_array_equal(one.image, other.image)
        assert one.label == generate_image(seed, bleed).label
        assert preprocess(one.image, Preprocessing()).any()


def test_many_heads_stay_as_they_are() -> None:
    same = [np.array_equal(before, phantom.hounsfield) for before, phantom in heads(BrainLevel.BODIES, 20)]
    assert 3 < sum(same) < 17


def test_skulls_get_gaps_and_brains_keep_their_values() -> None:
    opened = 0
    for before, phantom in heads(BrainLevel.VENTRICLES, 20):
        assert np.isfinite(phantom.hounsfield).all()
        assert phantom.hounsfield.max() <= before.max() + 1.0
        table = (phantom.depth > 1.02) & (phantom.depth < 1.04) & (before > 300.0)
        opened += ((before - phantom.hounsfield)[table] > 300.0).mean() > 0.003
        middle = phantom.depth < 0.3
        assert abs(np.median(phantom.hounsfield[middle]) - np.median(before[middle])) < 12.0
    assert 3 < opened < 16


def test_bone_of_the_base_is_mostly_on_one_side() -> None:
    uneven = []
    for before, phantom in heads(BrainLevel.CISTERNS, 20):
        new = (phantom.hounsfield > 150.0) & (before < 100.0) & (phantom.depth < 0.95)
        left, right = ((new & (side * phantom.x > 5.0)).sum() for side in (-1.0, 1.0))
        if left + right > 60:
            uneven.append(abs(int(left) - int(right)) / (left + right))
    assert len(uneven) > 3
    assert np.mean(uneven) > 0.5
