"""Balanced, augmented batches from prepared images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.augment import degrade, distort, paint_bleed
from training.hyperparameters import Hyperparameters

HEAT_CELL = 8
"""Input pixels per side of a cell of the network's heat map."""


@dataclass(frozen=True)
class Images:
    """Prepared images with labels.

    Attributes
    ----------
    pixels
        float32 (N, size, size, 1), see `models.preprocessing.preprocess`.
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
    """One training step's arrays.

    Attributes
    ----------
    pixels
        float32 (B, size, size, 1).
    targets
        float32 (B,), 1 for hemorrhage.
    heat
        float32 (B, h, w), 1 in cells with painted blood.
    heat_known
        float32 (B,), 1 where the place of the blood is known: normals and painted ones.
    """

    pixels: NDArray[np.float32]
    targets: NDArray[np.float32]
    heat: NDArray[np.float32]
    heat_known: NDArray[np.float32]


class BatchMaker:
    """Draws batches; the same for the same images, hyperparameters and seed."""

    def __init__(self, real: Images, synthetic: Images | None, hyperparameters: Hyperparameters) -> None:
        self._sources = (real, synthetic or real)
        self._weights = [(source.weights(0), source.weights(1)) for source in self._sources]
        self._hyper = hyperparameters
        self._rng = np.random.default_rng(hyperparameters.seed)

    def draw(self) -> Batch:
        """The next batch."""
        made = [self._draw_one() for _ in range(self._hyper.batch_size)]
        pixels, targets, heat, known = zip(*made, strict=True)
        return Batch(
            np.stack(pixels)[..., np.newaxis],
            np.array(targets, dtype=np.float32),
            np.stack(heat),
            np.array(known, dtype=np.float32),
        )

    def _draw_one(self) -> tuple[NDArray[np.float32], float, NDArray[np.float32], float]:
        rng, hyper = self._rng, self._hyper
        kind = rng.random()
        normal, painted = kind < hyper.normal_share, kind > 1.0 - hyper.painted_share
        source = int(rng.random() < hyper.synthetic_share)
        target = int(not normal and not painted)
        index = rng.choice(len(self._sources[source].targets), p=self._weights[source][target])
        image = distort(self._sources[source].pixels[index, :, :, 0], rng)
        mask = np.zeros(image.shape, dtype=np.bool_)
        if painted:
            image, mask = paint_bleed(image, rng)
            target = int(mask.any())
        cells = image.shape[0] // HEAT_CELL
        heat = mask.reshape(cells, HEAT_CELL, cells, HEAT_CELL).mean(axis=(1, 3)) > 0.15
        return degrade(image, rng), float(target), heat.astype(np.float32), float(normal or painted)
