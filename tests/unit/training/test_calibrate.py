"""An operating point is sensible on many images and on few."""

import numpy as np
import pytest
from scipy.special import expit, logit

from training.calibrate import BAND_SHARE, REFERENCE_SHARE, TEMPERATURES, THRESHOLDS, calibrate, centre
from training.judged import Judged


def overconfident(count: int, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds that are `factor` times too large, and what happened."""
    rng = np.random.default_rng(1)
    true = rng.normal(0.0, 2.0, count)
    return true * factor, (rng.random(count) < expit(true)).astype(int)


def test_the_temperature_undoes_overconfidence_where_there_are_many_images() -> None:
    logits, targets = overconfident(4000, 3.0)
    point = calibrate(logits, targets, np.zeros(4000), domain_limit=None)
    assert point.temperature == pytest.approx(3.0, rel=0.1)


def test_the_threshold_reaches_the_sensitivity_and_hardly_more() -> None:
    logits, targets = overconfident(4000, 1.0)
    for wanted in (0.8, 0.9):
        point = calibrate(logits, targets, np.zeros(4000), target_sensitivity=wanted, domain_limit=None)
        judged = Judged.by(point, logits, np.zeros(4000))
        reached = judged.positive[targets == 1].mean()
        assert wanted <= reached < wanted + 0.002
        assert point.target_sensitivity == wanted


def test_with_few_hemorrhages_none_of_them_is_missed_and_the_gap_is_halved() -> None:
    logits = np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
    targets = np.array([0, 0, 0, 1, 1, 1])
    assert calibrate(logits, targets, np.zeros(6), domain_limit=None).threshold == pytest.approx(0.5)


def test_one_odd_image_does_not_make_every_image_a_hemorrhage() -> None:
    logits = np.array([-4.0, -3.0, -3.0, -9.0, 2.0, 3.0])
    targets = np.array([0, 0, 0, 1, 1, 1])
    assert calibrate(logits, targets, np.zeros(6), domain_limit=None).threshold == THRESHOLDS[0]


@pytest.mark.parametrize("count", [3, 24, 1000])
def test_perfectly_separated_images_leave_the_temperature_within_its_bounds(count: int) -> None:
    targets = np.arange(count) % 2
    logits = np.where(targets == 1, 4.0, -4.0) + np.linspace(-1.0, 1.0, count)
    point = calibrate(logits, targets, np.zeros(count), domain_limit=None)
    assert TEMPERATURES[0] <= point.temperature < 1.0
    assert 0.0 < point.uncertain_low < point.threshold < point.uncertain_high < 1.0


def test_few_images_move_the_temperature_less_than_many() -> None:
    logits, targets = overconfident(2000, 3.0)
    centred = logits[:12] + centre(logits[:12], targets[:12], np.zeros(12), None)
    few = calibrate(centred, targets[:12], np.zeros(12), domain_limit=None)
    assert 1.0 < few.temperature < 3.0


@pytest.mark.parametrize("target", [0, 1])
@pytest.mark.parametrize("count", [1, 3, 20])
def test_one_class_alone_leaves_the_network_as_it_is(target: int, count: int) -> None:
    logits = np.linspace(-2.0, 2.0, count)
    point = calibrate(logits, np.full(count, target), np.zeros(count), domain_limit=None)
    assert (point.temperature, point.threshold, point.target_sensitivity) == (1.0, 0.5, None)
    assert point.uncertain_low <= 0.5 <= point.uncertain_high


def test_no_image_at_all_leaves_no_band() -> None:
    point = calibrate(np.zeros(0), np.zeros(0, dtype=int), np.zeros(0), domain_limit=None)
    assert (point.uncertain_low, point.threshold, point.uncertain_high) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("count", [24, 160, 2000])
def test_the_band_holds_its_share_and_more_than_half_of_the_errors(count: int) -> None:
    rng = np.random.default_rng(4)
    targets = np.arange(count) % 2
    logits = np.where(targets == 1, 3.0, -3.0) + rng.normal(0.0, 1.7, count)
    judged = Judged.by(
        calibrate(logits, targets, np.zeros(count), domain_limit=None), logits, np.zeros(count)
    )
    wrong = judged.positive != (targets == 1)
    assert judged.in_band.mean() == pytest.approx(BAND_SHARE, abs=1.0 / count)
    assert (wrong & ~judged.in_band).sum() <= 0.5 * wrong.sum()


def test_both_bounds_are_the_same_fraction_of_the_way() -> None:
    logits, targets = overconfident(400, 1.0)
    point = calibrate(logits, targets, np.zeros(400), domain_limit=None)
    down = point.uncertain_low / point.threshold
    up = (1.0 - point.uncertain_high) / (1.0 - point.threshold)
    assert down == pytest.approx(up)


def test_images_outside_the_domain_have_no_say() -> None:
    logits = np.append(logit([0.1, 0.2, 0.3, 0.7, 0.8, 0.9]), -9.0)
    targets, distances = np.array([0, 0, 0, 1, 1, 1, 1]), np.append(np.zeros(6), 5.0)
    with_it = calibrate(logits, targets, distances, domain_limit=2.0)
    without = calibrate(logits[:6], targets[:6], distances[:6], domain_limit=2.0)
    assert with_it == without
    assert with_it.domain_limit == 2.0


def test_log_odds_that_say_too_much_blood_are_centred() -> None:
    rng = np.random.default_rng(1)
    right = rng.normal(0.0, 2.0, 4000)
    targets = (rng.random(4000) < expit(right)).astype(np.intp)
    near = np.zeros(4000)
    rarer = logit(REFERENCE_SHARE) - logit(targets.mean())
    assert centre(right + 1.5, targets, near, None) == pytest.approx(rarer - 1.5, abs=0.15)
    assert centre((right + 1.5) * 3.0, targets, near, None) == pytest.approx(3.0 * (rarer - 1.5), abs=0.45)


def test_rare_bleeds_do_not_push_the_threshold_out_of_its_bounds() -> None:
    rng = np.random.default_rng(2)
    targets = (np.arange(4000) % 20 == 0).astype(np.intp)
    logits = rng.normal(np.where(targets == 1, 2.5, -2.5), 2.2)
    near = np.zeros(4000)
    logits += centre(logits, targets, near, None)
    point = calibrate(logits, targets, near, domain_limit=None)
    assert THRESHOLDS[0] < point.threshold < THRESHOLDS[1]
    assert Judged.by(point, logits, near).positive[targets == 1].mean() >= 0.95


def test_few_images_that_are_told_apart_are_hardly_moved() -> None:
    logits, targets = np.array([-3.0, -2.0, -2.5, 3.0, 2.5, 2.0]), np.repeat(np.arange(2), 3)
    assert abs(centre(logits, targets, np.zeros(6), None)) < 0.2
    assert centre(logits, np.zeros(6, dtype=np.intp), np.zeros(6), None) == 0.0
