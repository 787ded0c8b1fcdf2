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
from scipy import ndimage

from models.card import CLASSES
from training.bleeds import Bleed, add_bleed
from training.phantom import make_phantom

_MAX_TILT = 15.0


@dataclass(frozen=True)
class SyntheticScan:
    """One slice: grey uint8 (height, width), its label, and the kind of bleed if it has one."""

    image: NDArray[np.uint8]
    label: str
    bleed: Bleed | None


@dataclass(frozen=True)
class WrittenScan:
    """Where a synthetic slice was written, and what it shows."""

    path: Path
    label: str
    bleed: Bleed | None


def generate_scan(seed: int, bleed: Bleed | None, size: tuple[int, int] | None = None) -> SyntheticScan:
    """Draw one slice, the same for the same arguments.

    Parameters
    ----------
    seed
        Any integer from 0 on.
    bleed
        Kind of bleed; None for a normal head.
    size
        (height, width) in pixels, each at least 64; None draws one of about 190 to 420 x 160 to 360.
    """
    rng = np.random.default_rng((seed, len(Bleed) if bleed is None else list(Bleed).index(bleed)))
    height = int(rng.integers(190, 420))
    drawn = (height, int(height * rng.uniform(0.8, 0.95)))
    height, width = size or drawn
    above = bleed is not Bleed.INTRAVENTRICULAR and rng.random() < 0.2
    tilt = rng.uniform(-_MAX_TILT, _MAX_TILT)
    phantom = make_phantom(rng, height, width, tilt, above_ventricles=above)
    if bleed is not None:
        add_bleed(phantom, bleed, rng)
    blurred = ndimage.gaussian_filter(phantom.hounsfield, rng.uniform(0.5, 0.9) * height / 256.0)
    return SyntheticScan(_windowed(blurred, rng), CLASSES[bleed is not None], bleed)


def _windowed(hounsfield: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Add quantum noise and show a brain window: about level 40, width 80 HU."""
    level, width = rng.uniform(32.0, 42.0), rng.uniform(75.0, 125.0)
    noise = rng.standard_normal(hounsfield.shape, dtype=np.float32) * np.float32(rng.uniform(3.0, 8.0))
    noise = ndimage.uniform_filter(noise, 2)
    shown = (hounsfield + noise - np.float32(level - width / 2.0)) * np.float32(255.0 / width)
    return np.asarray(np.clip(shown, 0.0, 255.0), dtype=np.uint8)


def write_scans(folder: Path, count: int, seed: int) -> list[WrittenScan]:
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
        scan = generate_scan(int(rng.integers(2**32)), kinds[kind])
        path = folder / "images" / f"{index:03d}.png"
        Image.fromarray(scan.image).save(path)
        written.append(WrittenScan(path, scan.label, scan.bleed))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("filename", "label", "group", "bleed"))
        table.writerows(
            (f"images/{scan.path.name}", scan.label, f"s{index:03d}", scan.bleed or "")
            for index, scan in enumerate(written)
        )
    return written
