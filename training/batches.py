"""Balanced, augmented batches from prepared images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.augment import Plane, degrade, distort
from training.hyperparameters import Hyperparameters, Shares
from training.painting import paint_bleed, paint_decoy
from training.pool import Pool

HEAT_CELL = 8
"""Input pixels per side of a cell of the network's heat map."""
_BLOODY = 0.12
"""Share of a cell's pixels from which on it counts as blood."""
_LEAST_BLOOD = 8
"""Pixels of painted blood without which an image stays normal."""


@dataclass(frozen=True)
class Images:
    """Prepared images with labels.

    Attributes
    ----------
    pixels
        float32 (N, size, size, 1), see `images.preprocessing.preprocess`.
    targets
        int (N,), index into `models.card.CLASSES`.
    groups
        str (N,), the patient.
    """

    pixels: NDArray[np.float32]
    targets: NDArray[np.intp]
    groups: NDArray[np.str_]

    def take(self, indices: NDArray[np.intp]) -> "Images":
        """The images at these indices."""
        return Images(self.pixels[indices], self.targets[indices], self.groups[indices])

    def weights(self, target: int) -> NDArray[np.float64]:
        """Chance of drawing each image of a class: 1 / sqrt(images of its patient), so runs count less."""
        _, inverse, counts = np.unique(self.groups, return_inverse=True, return_counts=True)
        weights = (self.targets == target) / np.sqrt(counts[inverse])
        return np.asarray(weights / weights.sum(), dtype=np.float64)


@dataclass(frozen=True)
class Batch:
    """One training step's arrays, all float32.

    Attributes
    ----------
    pixels
        (B, size, size, 1).
    targets
        (B,), 1 for hemorrhage.
    heat
        (B, h, w), 1 in cells with painted blood.
    heat_known
        (B,), 1 where the place of the blood is known: normals and painted ones.
    off_brain
        (B,), 1 where the slice lies below the brain.
    off_brain_known
        (B,), 0 where it is of a level between, of which either can be said.
    """

    pixels: NDArray[np.float32]
    targets: NDArray[np.float32]
    heat: NDArray[np.float32]
    heat_known: NDArray[np.float32]
    off_brain: NDArray[np.float32]
    off_brain_known: NDArray[np.float32]


class BatchMaker:
    """Draws batches; the same for the same images, hyperparameters, shares and seed."""

    def __init__(
        self, real: Images | None, pool: Pool, hyperparameters: Hyperparameters, shares: Shares
    ) -> None:
        self._real, self._pool, self._hyper = real, pool, hyperparameters
        self._weights = None if real is None else (real.weights(0), real.weights(1))
        self._kinds = tuple(vars(shares))
        self._shares = np.array(list(vars(shares).values())) / sum(vars(shares).values())
        self._rng = np.random.default_rng(hyperparameters.seed)

    def draw(self) -> Batch:
        """The next batch."""
        columns = zip(*(self._draw_one() for _ in range(self._hyper.batch_size)), strict=True)
        pixels, *rest = (np.array(column, dtype=np.float32) for column in columns)
        return Batch(pixels[..., np.newaxis], *rest)

    def _draw_one(self) -> tuple[Plane, float, NDArray[np.bool_], float, float, float]:
        rng = self._rng
        kind = self._kinds[int(rng.choice(len(self._kinds), p=self._shares))]
        image, off_brain, off_brain_known = self._pick(kind)
        image, mask = distort(image, rng), np.zeros(image.shape, dtype=np.bool_)
        if kind != "levels" and rng.random() < self._hyper.decoy_share:
            image = paint_decoy(image, rng)
        if kind == "painted":
            image, mask = paint_bleed(image, rng)
        bleeds = kind in {"real_bleeds", "synthetic_bleeds"}
        target = bleeds or np.count_nonzero(mask) >= _LEAST_BLOOD
        cells = image.shape[0] // HEAT_CELL
        heat = mask.reshape(cells, HEAT_CELL, cells, HEAT_CELL).mean(axis=(1, 3)) > _BLOODY
        return degrade(image, rng), float(target), heat, float(not bleeds), off_brain, off_brain_known

    def _pick(self, kind: str) -> tuple[Plane, float, float]:
        """An image to start from, whether it lies below the brain, and whether that can be said."""
        rng = self._rng
        if kind == "painted":
            synthetic = self._real is None or rng.random() < self._hyper.painted_synthetic_share
            kind = "synthetic_normals" if synthetic else "real_normals"
        if self._real is not None and self._weights is not None and kind.startswith("real"):
            weights = self._weights[kind == "real_bleeds"]
            return self._real.pixels[rng.choice(len(weights), p=weights), :, :, 0], 0.0, 1.0
        if kind == "levels":
            index = int(rng.integers(len(self._pool.levels)))
            below = float(self._pool.below[index])
            return self._pool.levels[index].astype(np.float32), below, below
        source = self._pool.bleeds if kind == "synthetic_bleeds" else self._pool.normals
        return source[rng.integers(len(source))].astype(np.float32), 0.0, 1.0
