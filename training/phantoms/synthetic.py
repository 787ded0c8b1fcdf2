"""Synthetic axial head-CT slices from a seed, for the demo, the tests and as additional training data.

They have the ingredients of real slices, not their variety: a score on them says that the pipeline works,
nothing about patients.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.labels import CLASSES
from training.phantoms.acquisition import acquire, add_streaks, choose_acquisition
from training.phantoms.bleeds import LEVELS, Bleed, add_bleed
from training.phantoms.brain import BrainLevel
from training.phantoms.phantom import make_phantom, skull_at
from training.phantoms.unusual import add_unusual

_SHARES = {
    BrainLevel.POSTERIOR_FOSSA: 0.14,
    BrainLevel.CISTERNS: 0.18,
    BrainLevel.VENTRICLES: 0.34,
    BrainLevel.BODIES: 0.18,
    BrainLevel.CONVEXITY: 0.16,
}
"""How often a level of the brain is drawn."""


@dataclass(frozen=True)
class SyntheticImage:
    """One slice: grey uint8 (height, width), its label, and the kind of bleed if it has one."""

    image: NDArray[np.uint8]
    label: str
    bleed: Bleed | None


@dataclass(frozen=True)
class WrittenImage:
    """Where a synthetic slice was written, and what it shows."""

    path: Path
    label: str
    bleed: Bleed | None


def generate_image(
    seed: int, bleed: Bleed | None, size: tuple[int, int] | None = None, *, unusual: bool = False
) -> SyntheticImage:
    """Draw one slice, the same for the same arguments.

    Parameters
    ----------
    seed
        Any integer from 0 on.
    bleed
        Kind of bleed; None for a normal head.
    size
        (height, width) in pixels, each at least 64; None draws a tight crop or a whole field of view.
    unusual
        Whether it is shown in windows of all widths, and may have what `training.phantoms.unusual` adds.
    """
    rng = np.random.default_rng((seed, len(Bleed) if bleed is None else list(Bleed).index(bleed)))
    levels = list(BrainLevel) if bleed is None else LEVELS[bleed]
    shares = np.array([_SHARES[level] for level in levels])
    level = levels[int(rng.choice(len(levels), p=shares / shares.sum()))]
    skull = skull_at(rng, level)
    acquisition = choose_acquisition(rng, size, skull.extent)
    # Blood shows where there is room for it.
    ventricles = 1.0 if bleed is Bleed.INTRAVENTRICULAR else 0.5
    sulci = 1.7 if bleed is Bleed.SUBARACHNOID else 0.4
    phantom = make_phantom(
        rng, acquisition.frame, level, skull, least_ventricles=ventricles, least_sulci=sulci
    )
    if bleed is not None:
        add_bleed(phantom, bleed, rng)
    if level is BrainLevel.POSTERIOR_FOSSA:
        add_streaks(phantom.hounsfield, acquisition.frame, rng, rng.uniform(0.5, 7.0))
    if unusual:
        add_unusual(phantom, rng)
    widest = 350.0 if bleed is None else 160.0
    image = acquire(phantom.hounsfield, acquisition, rng, widest, all_windows=unusual)
    return SyntheticImage(image, CLASSES[bleed is not None], bleed)


def write_images(folder: Path, count: int, seed: int) -> list[WrittenImage]:
    """Write `count` slices, half of them normal, as a data set.

    Writes `images/000.png` and so on, in an order that does not tell the label, and `labels.csv` with the
    columns `filename,label,group,bleed`; every slice is a group (patient) of its own.
    """
    rng = np.random.default_rng(seed)
    kinds: list[Bleed | None] = [None] * (count - count // 2)
    kinds += [list(Bleed)[i % len(Bleed)] for i in range(count // 2)]
    (folder / "images").mkdir(parents=True, exist_ok=True)
    written = []
    for index, kind in enumerate(rng.permutation(len(kinds))):
        image = generate_image(int(rng.integers(2**32)), kinds[kind])
        path = folder / "images" / f"{index:03d}.png"
        Image.fromarray(image.image).save(path)
        written.append(WrittenImage(path, image.label, image.bleed))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("filename", "label", "group", "bleed"))
        table.writerows(
            (f"images/{image.path.name}", image.label, f"s{index:03d}", image.bleed or "")
            for index, image in enumerate(written)
        )
    return written
