"""Fitting the guard that says how far an image is from what the network has learnt."""

import numpy as np
from numpy.typing import NDArray

from models.network import GUARD_AXES
from training.augment import degrade, distort
from training.batches import Images

_VARIANTS, _MOST = 6, 2000
_HELD_OUT_SHARE = 0.97
"""Of images that the network was not fit on: those the limit should let pass."""
_ENOUGH = 20
"""Images from which on the validation split has a say; its 97 % are their greatest or the next one."""


def variants(images: Images, seed: int) -> NDArray[np.float32]:
    """Each image augmented a few times; its own pixels alone would make the guard narrow.

    Of very many images each once, or only so many of them as do for an estimate.
    """
    rng = np.random.default_rng(seed)
    pixels = images.pixels[..., 0]
    if len(pixels) > _MOST:
        pixels = pixels[rng.choice(len(pixels), _MOST, replace=False)]
    times = max(1, min(_VARIANTS, _MOST // len(pixels)))
    made = [degrade(distort(image, rng), rng) for image in pixels for _ in range(times)]
    return np.stack(made)[..., np.newaxis]


def fit_axes(summaries: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and axes of the features, for `models.network.Guard`.

    Parameters
    ----------
    summaries
        (N, features).

    Returns
    -------
    centre
        (features,).
    axes
        (features, `GUARD_AXES`): principal directions, each divided by the deviation along it.
    """
    centre = summaries.mean(axis=0)
    _, deviations, directions = np.linalg.svd(summaries - centre, full_matrices=False)
    deviations = deviations[:GUARD_AXES] / np.sqrt(len(summaries))
    axes = np.zeros((summaries.shape[1], GUARD_AXES))
    axes[:, : len(deviations)] = directions[:GUARD_AXES].T / np.maximum(deviations, 1e-6)
    return centre.astype(np.float32), axes.astype(np.float32)


def limit(of_variants: NDArray[np.float64], of_validation: NDArray[np.float64] | None) -> float:
    """The greatest distance that gets a label: 97 % of the held-out images', and never less than 99 % of
    the augmented training images'."""
    least = float(np.quantile(of_variants, 0.99))
    if of_validation is None or len(of_validation) < _ENOUGH:
        return least
    return max(least, float(np.quantile(of_validation, _HELD_OUT_SHARE)))
