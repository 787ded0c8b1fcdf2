"""Deep pixels are stretched by what is anatomy, whatever lies far beyond."""

import numpy as np
import pytest

from images.shown import stretched
from training.phantoms.bleeds import Bleed
from training.phantoms.synthetic import generate_image

IMAGE = generate_image(8, Bleed.EPIDURAL, (256, 220)).image
DEEP = IMAGE.astype(np.float32) * 16
PLAIN = (IMAGE - IMAGE.min()) * (255.0 / (int(IMAGE.max()) - int(IMAGE.min())))


def differs_within_the_head(values: np.ndarray, hidden: float | None = None) -> float:
    """Greatest difference to the plain stretch over what is left as it was."""
    same = values == DEEP
    return float(np.abs(stretched(values.copy(), hidden)[same] - PLAIN[same]).max())


def test_without_outliers_black_and_white_are_the_least_and_greatest_value() -> None:
    assert differs_within_the_head(DEEP) < 1e-3


@pytest.mark.parametrize("value", [65535.0, 2.0**31, np.inf, 1e30])
@pytest.mark.parametrize("rows", [3, 20])
def test_burnt_in_text_at_full_scale_is_white_and_changes_nothing_else(value: float, rows: int) -> None:
    values = DEEP.copy()
    values[2 : 2 + rows, 4:90] = value
    shown = stretched(values.copy())
    assert (shown[2 : 2 + rows, 4:90] == 255).all()
    assert differs_within_the_head(values) < 8


def test_text_with_soft_edges_changes_nothing_else() -> None:
    values, rng = DEEP.copy(), np.random.default_rng(2)
    values[2:20, 4:120] = rng.choice([0.0, 65535.0], (18, 116))
    values[2:20:3, 4:120] = rng.uniform(0, 65535, (6, 116))
    assert differs_within_the_head(values) < 20


@pytest.mark.parametrize("value", [-32768.0, -1e30, np.nan, -np.inf])
@pytest.mark.parametrize("rows", [3, 60])
def test_padding_far_below_is_black_and_changes_nothing_else(value: float, rows: int) -> None:
    values = DEEP.copy()
    values[:rows] = value
    shown = stretched(values.copy())
    assert (shown[:rows] == 0).all()
    assert differs_within_the_head(values) < 8


def test_padding_below_unsigned_values_with_an_offset_is_black() -> None:
    values = DEEP + 32768
    values[:60] = 0
    shown = stretched(values)
    np.testing.assert_allclose(shown[60:], PLAIN[60:], atol=8)


def test_a_hidden_value_is_black_and_changes_nothing_else() -> None:
    values = DEEP.copy()
    values[:30] = 4095
    assert differs_within_the_head(values, hidden=4095) < 1e-3
    assert (stretched(values, hidden=4095)[:30] == 0).all()


@pytest.mark.parametrize("value", [0.0, 7.0, np.nan, np.inf])
def test_an_image_of_one_value_is_black(value: float) -> None:
    assert (stretched(np.full((70, 70), value, dtype=np.float32)) == 0).all()


def test_two_values_stay_two() -> None:
    two = np.where(np.arange(4900).reshape(70, 70) % 7 == 0, 900.0, 3.0).astype(np.float32)
    np.testing.assert_allclose(np.unique(stretched(two)), [0.0, 255.0], atol=0.01)
