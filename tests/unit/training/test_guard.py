"""The guard is fitted to the directions in which features vary, and its limit lets most images pass."""

import numpy as np
import pytest

from models.network import GUARD_AXES
from training.guard import fit_axes, limit


def test_a_distance_of_one_is_usual_whatever_the_features_scale() -> None:
    features = np.random.default_rng(0).normal(size=(400, 20)) * np.geomspace(0.1, 100.0, 20) + 7.0
    centre, axes = fit_axes(features)
    assert axes.shape == (20, GUARD_AXES)
    distances = np.sqrt((((features - centre) @ axes) ** 2).mean(axis=1))
    assert distances.mean() == pytest.approx(1.0, abs=0.1)


def test_fewer_images_than_axes_leave_the_other_axes_empty() -> None:
    _, axes = fit_axes(np.random.default_rng(0).normal(size=(3, 20)))
    assert np.isfinite(axes).all()
    assert (axes[:, 3:] == 0.0).all()


def test_the_limit_follows_held_out_images_where_there_are_enough() -> None:
    of_variants = np.linspace(0.0, 1.0, 101)
    assert limit(of_variants, None) == pytest.approx(0.99)
    assert limit(of_variants, np.full(5, 3.0)) == pytest.approx(0.99)
    assert limit(of_variants, np.full(50, 3.0)) == pytest.approx(3.0)
    assert limit(of_variants, np.full(50, 0.1)) == pytest.approx(0.99)
