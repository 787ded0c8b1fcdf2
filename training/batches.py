"""Balanced, augmented batches from prepared images."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from training.augment import Plane, degrade, distort
from training.hyperparameters import Hyperparameters, Shares
from training.painting import Mask, paint_bleed, paint_decoy
from training.pool import Pool
from training.thin_bleeds import paint_thin

HEAT_CELL = 8
"""Input pixels per side of a cell of the network's heat map."""
_BLOODY = 0.12
"""Share of a cell's pixels from which on it counts as blood."""
_LEAST_BLOOD = 8
"""Pixels of painted blood without which an image stays normal."""


_MOST_OFTEN = 3
"""Times as often as by its patients of a class that a source is drawn for it."""


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
    sources
        str (N,), where the images come from, such as the hospital.
    """

    pixels: NDArray[np.float32]
    targets: NDArray[np.intp]
    groups: NDArray[np.str_]
    sources: NDArray[np.str_]

    def take(self, indices: NDArray[np.intp]) -> "Images":
        """The images at these indices."""
        return Images(
            self.pixels[indices], self.targets[indices], self.groups[indices], self.sources[indices]
        )

    def with_more(self, others: "Images") -> "Images":
        """These, and of the others those of the same patients."""
        more = others.take(np.flatnonzero(np.isin(others.groups, self.groups)))
        columns = ((getattr(self, name), getattr(more, name)) for name in vars(self))
        return Images(*(np.concatenate(both) for both in columns))

    def weights(self, target: int) -> NDArray[np.float64]:
        """Chance of drawing each image of a class.

        A source is drawn as often as it has patients, whichever the class, so that it does not tell the
        label (but no more than `_MOST_OFTEN` times as often as it has some of that class); within it, an
        image by 1 / sqrt(images of its patient), so that runs count less.
        """
        _, inverse, counts = np.unique(self.groups, return_inverse=True, return_counts=True)
        weights = (self.targets == target) / np.sqrt(counts[inverse])
        for source in np.unique(self.sources):
            here = self.sources == source
            if weights[here].any():
                patients, of_class = (
                    len(np.unique(self.groups[some])) for some in (here, here & (self.targets == target))
                )
                weights[here] *= min(patients, _MOST_OFTEN * of_class) / weights[here].sum()
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


_Example = tuple[Plane, float, Mask, float, float, float]
"""One image's part of each array of a batch."""


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
        self._examples = self._draw()

    def draw_ahead(self) -> Generator[Batch]:
        """Batches without end, each drawn while the one before is learnt from: where a second core is idle,
        a fit takes a sixth less. To be closed.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="draw") as thread:
            coming = thread.submit(self.draw)
            while True:
                batch = coming.result()
                coming = thread.submit(self.draw)
                yield batch

    def draw(self) -> Batch:
        """The next batch."""
        columns = zip(*islice(self._examples, self._hyper.batch_size), strict=True)
        pixels, *rest = (np.array(column, dtype=np.float32) for column in columns)
        return Batch(pixels[..., np.newaxis], *rest)

    def _draw(self) -> Iterator[_Example]:
        """One image after another."""
        rng, hyper = self._rng, self._hyper
        while True:
            kind = self._kinds[int(rng.choice(len(self._kinds), p=self._shares))]
            image, off_brain, off_brain_known = self._pick(kind)
            plain, nowhere = distort(image, rng), np.zeros(image.shape, dtype=np.bool_)
            if kind != "levels" and rng.random() < hyper.decoy_share:
                plain = paint_decoy(plain, rng)
            image, mask = plain, nowhere
            if kind == "painted":
                paint = paint_thin if rng.random() < hyper.thin_share else paint_bleed
                image, mask = paint(plain, rng)
            bleeds = kind in {"real_bleeds", "synthetic_bleeds"}
            painted = np.count_nonzero(mask) >= _LEAST_BLOOD
            target, heat_known = float(bleeds or painted), float(not bleeds)
            heat = _heat(mask & painted)
            yield degrade(image, rng), target, heat, heat_known, off_brain, off_brain_known
            if painted and rng.random() < hyper.twin_share:
                yield degrade(plain, rng), 0.0, _heat(nowhere), 1.0, off_brain, off_brain_known

    def _pick(self, kind: str) -> tuple[Plane, float, float]:
        """An image to start from, whether it lies below the brain, and whether that can be said."""
        rng = self._rng
        if kind == "painted":
            synthetic = self._real is None or rng.random() < self._hyper.painted_synthetic_share
            kind = "synthetic_normals" if synthetic else "real_normals"
        if self._real is not None and self._weights is not None and kind.startswith("real"):
            weights = self._weights[kind == "real_bleeds"]
            # A bleed lies in the brain. A normal slice of a whole head may be of any level.
            known = float(kind == "real_bleeds")
            return self._real.pixels[rng.choice(len(weights), p=weights), :, :, 0], 0.0, known
        if kind == "levels":
            index = int(rng.integers(len(self._pool.levels)))
            below = float(self._pool.below[index])
            return self._pool.levels[index].astype(np.float32), below, below
        source = self._pool.bleeds if kind == "synthetic_bleeds" else self._pool.normals
        return source[rng.integers(len(source))].astype(np.float32), 0.0, 1.0


def _heat(mask: Mask) -> Mask:
    """The cells with blood: those with enough of it, or at least the one with most."""
    cells = mask.shape[0] // HEAT_CELL
    shares = mask.reshape(cells, HEAT_CELL, cells, HEAT_CELL).mean(axis=(1, 3))
    return np.asarray(shares >= min(_BLOODY, max(shares.max(), 1e-6)))
