"""How a network takes what no collection holds: `python -m training.probes --data FOLDER FOLDER`.

It is fit without a quarter of the patients, whose slices are then mirrored, shown in other windows, and get
bleeds painted by painters that training does not use. Drawn bleeds are added by kind.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from core.errors import NotACtSlice
from core.image_files import Limits
from core.settings import Settings
from core.surroundings import shut_out, start_isolated
from images.constants import Preprocessing
from images.decoding import GreyImage, decode
from images.preprocessing import preprocess
from training.augment import Plane
from training.calibrate import centre_and_calibrate
from training.dataset import Record, read_record
from training.fit import fit, outputs
from training.hyperparameters import Hyperparameters
from training.judged import Floats, Judged
from training.labelled.folder import read_folders
from training.phantoms.bleeds import Bleed
from training.phantoms.synthetic import generate_image
from training.probe_painters import SHAPES, SIZES, Painter, paint_alike, paint_otherwise
from training.split import folds
from training.tilted import tilted
from training.train import prepare_records

FOLDS, SALT = 4, "1/0"
PROBE_SEEDS = 77_000_000
"""Of drawn slices: far from those of training, demo and tests."""
DRAWN = 100
"""Slices of each kind of bleed; twice as many without one."""
WINDOWS = tuple((width, level) for width in (60.0, 100.0, 120.0) for level in (35.0, 45.0))
SHOWN = (80.0, 40.0)
"""Width and level in HU: of other windows, and that which slices are taken to be shown in."""
_FINE = 5
"""Painting is done in so many times the network's resolution each way, before it is averaged."""


def probe(
    network: keras.Model, records: Sequence[Record], limits: Limits, drawn: int = DRAWN
) -> dict[str, dict[str, float]]:
    """The figures of a network on records that it was not fit on, by kind of probe.

    Parameters
    ----------
    drawn
        Slices of each kind of drawn bleed.

    Returns
    -------
    Mean change of the probability; share of images that cross the threshold, and of those whose label of
    four changes, by the point that the unchanged slices give. AUC of painted bleeds against all slices
    without paint, of drawn bleeds against drawn normal brains of all levels.
    """
    images = [decode(read_record(record, limits), limits.max_pixels) for record in records]
    targets = np.array([record.target for record in records], dtype=np.intp)
    pixels = np.stack([preprocess(image, Preprocessing()) for image in images])
    said = outputs(network, pixels)
    offset, point = centre_and_calibrate(said.logits, targets, said.distances, domain_limit=None)

    def against(changed: Sequence[GreyImage]) -> dict[str, float]:
        pairs = [(i, pixels) for i, image in enumerate(changed) if (pixels := _prepared(image)) is not None]
        kept = [i for i, _ in pairs]
        now = outputs(network, np.stack([pixels for _, pixels in pairs]))
        judged = [Judged.by(point, one.logits + offset, one.distances) for one in (said, now)]
        before, after = judged[0].take(np.array(kept)), judged[1]
        return {
            "probability": float(np.abs(before.probabilities - after.probabilities).mean()),
            "threshold crossed": float((before.positive != after.positive).mean()),
            "label": float((_labels(before) != _labels(after)).mean()),
        }

    normals = [image for image, target in zip(images, targets, strict=True) if not target]
    windows = [against([shown_in(image, *window) for image in images]) for window in WINDOWS]
    return {
        "mirror: mean change": against([image[:, ::-1].copy() for image in images]),
        "windows: mean change": {name: float(np.mean([one[name] for one in windows])) for name in windows[0]},
        "painted bleeds: AUC": _painted_figures(network, normals, paint_alike),
        "painted bleeds of other shapes: AUC": _painted_figures(network, normals, paint_otherwise),
        "drawn bleeds: AUC": _drawn_figures(network, drawn, unusual=False),
        "drawn bleeds in unusual heads: AUC": _drawn_figures(network, drawn, unusual=True),
    }


def _labels(judged: Judged) -> NDArray[np.intp]:
    """(N,), 0 for `not assessed`, 1 `uncertain`, 2 `normal`, 3 `hemorrhage`."""
    return np.where(judged.not_assessed, 0, np.where(judged.in_band, 1, 2 + judged.reaches))


def _prepared(image: GreyImage, constants: Preprocessing = Preprocessing()) -> NDArray[np.float32] | None:  # noqa: B008 - frozen
    try:
        return preprocess(image, constants)
    except NotACtSlice:
        return None


def shown_in(image: GreyImage, width: float, level: float) -> GreyImage:
    """An image of `SHOWN`, as a window of that width and level (HU) shows it; what was cut off stays so."""
    of_width, of_level = SHOWN
    greatest = 255.0 if image.dtype == np.uint8 else max(float(image.max()), 1e-6)
    hounsfield = image.astype(np.float32) / greatest * of_width + (of_level - of_width / 2.0)
    grey = np.clip((hounsfield - level + width / 2.0) / width * 255.0, 0.0, 255.0)
    return np.asarray(grey, dtype=np.uint8)


def _painted_figures(network: keras.Model, normals: Sequence[GreyImage], paint: Painter) -> dict[str, float]:
    constants = Preprocessing()
    rng = np.random.default_rng(42)
    plain: list[Plane] = []
    bleeding: list[tuple[str, float, Plane]] = []
    for turn, image in enumerate(normals):
        fine = _prepared(image, Preprocessing(size=constants.size * _FINE))
        if fine is None:
            continue
        plain.append(_coarse(fine[..., 0]))
        shape, size = SHAPES[turn % len(SHAPES)], SIZES[turn // len(SHAPES) % len(SIZES)]
        painted = paint(fine[..., 0], shape, size, rng)
        if painted is not None:
            bleeding.append((shape, size, _coarse(painted)))
    below = outputs(network, np.stack(plain)[..., np.newaxis]).logits
    above = outputs(network, np.stack([pixels for *_, pixels in bleeding])[..., np.newaxis]).logits
    figures = {}
    for place, kinds in ((0, SHAPES), (1, SIZES)):
        for kind in kinds:
            of_kind = np.array([one[place] == kind for one in bleeding])
            name = str(kind) if place == 0 else f"{kind:g} mm"
            figures[name] = _auc(below, above[of_kind])
    return figures


def _drawn_figures(network: keras.Model, drawn: int, *, unusual: bool) -> dict[str, float]:
    def logits(first: int, count: int, bleed: Bleed | None) -> Floats:
        slices = (_prepared(generate_image(first + i, bleed, unusual=unusual).image) for i in range(count))
        return outputs(network, np.stack([pixels for pixels in slices if pixels is not None])).logits

    below = logits(PROBE_SEEDS, 2 * drawn, None)
    return {
        bleed.value: _auc(below, logits(PROBE_SEEDS + (1 + turn) * 1_000_000, drawn, bleed))
        for turn, bleed in enumerate(Bleed)
    }


def _auc(below: Floats, above: Floats) -> float:
    """NaN where nothing bleeds."""
    if not len(above):
        return float("nan")
    return float(roc_auc_score(np.r_[below * 0.0, above * 0.0 + 1.0], np.r_[below, above]))


def _coarse(fine: Plane) -> Plane:
    side = fine.shape[0] // _FINE
    return np.asarray(fine.reshape(side, _FINE, side, _FINE).mean(axis=(1, 3)), dtype=np.float32)


def main() -> None:
    """Parse the command line and run; some ten minutes."""
    start_isolated("training.probes")
    shut_out()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders with labels.csv")
    parser.add_argument("--epochs", type=int)
    arguments = parser.parse_args()
    limits = Limits.of(Settings())
    records = read_folders(arguments.data, limits)
    images = prepare_records(records, Preprocessing(), limits)
    held_out = folds(records, FOLDS, SALT)[0]
    fitted = np.setdiff1d(np.arange(len(records)), held_out)
    training = images.take(fitted).with_more(tilted(records, limits))
    network = fit(training, Hyperparameters(epochs=arguments.epochs))
    figures = probe(network, [records[i] for i in held_out], limits)
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
