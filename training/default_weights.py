"""Makes the weights that ship with headct: `python -m training.default_weights --data FOLDER`."""

import argparse
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from scipy.special import expit

from models.card import ModelCard, OperatingPoint
from models.constants import Preprocessing
from models.store import SHIPPED_CARD, SHIPPED_WEIGHTS, weights_sha256
from training import baselines
from training.batches import Images
from training.dataset import load_dataset
from training.evaluate import choose_threshold, measure
from training.fit import fit, outputs
from training.hyperparameters import Hyperparameters
from training.judged import Flags, Floats, Judged
from training.split import Indices, folds
from training.train import prepare_records

VERSION = "default-1"
FOLDS = 5
PROTOCOL = (
    "Metrics: {folds}-fold cross-validation over {images} images of {groups} patients (as estimated; none "
    "in two folds), so each image is predicted by a network that saw none of its patient. The threshold for "
    "a fold is chosen on the predictions of the other folds. The shipped weights are one more fit, with the "
    "same hyperparameters, on all {images} images, so that none is wasted; the metrics are their estimate. "
    "Hyperparameters were varied on these same images, so expect some optimism."
)

logger = logging.getLogger(__name__)


def make_default_weights(
    data: Path, hyperparameters: Hyperparameters, card_path: Path, weights_path: Path
) -> ModelCard:
    """Cross-validate, then fit on everything; write the weights and their card."""
    dataset = load_dataset(data)
    constants = Preprocessing()
    images = prepare_records(dataset.records, constants)
    held_out = folds(dataset.records, FOLDS, salt="default")
    probabilities = _cross_validate(images, held_out, hyperparameters)
    features = baselines.cues(dataset.records)
    by_cues, positive = np.zeros_like(probabilities), np.zeros(len(probabilities), dtype=np.bool_)
    majority = 0.0
    for fold in held_out:
        rest = _others(fold, len(probabilities))
        positive[fold] = probabilities[fold] >= choose_threshold(images.targets[rest], probabilities[rest])
        by_cues[fold] = baselines.cue_probabilities(features, images.targets, rest, fold)
        majority += baselines.majority_accuracy(images.targets, rest, fold) * len(fold) / len(probabilities)
    seed = hyperparameters.seed
    network = fit(images, hyperparameters)
    network.save_weights(weights_path)
    threshold = choose_threshold(images.targets, probabilities)
    card = ModelCard(
        version=VERSION,
        weights_sha256=weights_sha256(weights_path),
        parameters=network.count_params(),
        operating_point=OperatingPoint(1.0, threshold, threshold, threshold),
        preprocessing=constants,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=seed,
        data_fingerprint=dataset.fingerprint,
        protocol=PROTOCOL.format(
            folds=FOLDS, images=len(probabilities), groups=len(np.unique(images.groups))
        ),
        hyperparameters=asdict(hyperparameters),
        metrics=measure(images.targets, _certain(probabilities, positive), images.groups, seed=seed),
        baselines={
            "majority_accuracy": round(majority, 4),
            "cues": measure(images.targets, _certain(by_cues, by_cues >= 0.5), images.groups, seed=seed),
        },
    )
    card_path.write_text(card.to_json(), encoding="utf-8")
    return card


def _cross_validate(images: Images, held_out: Sequence[Indices], hyperparameters: Hyperparameters) -> Floats:
    """P(hemorrhage) of each image by a network that saw none of its patient; float64 (N,)."""
    probabilities = np.zeros(len(images.targets))
    for number, fold in enumerate(held_out):
        fitting = images.take(_others(fold, len(probabilities)))
        network = fit(fitting, replace(hyperparameters, seed=hyperparameters.seed + number))
        probabilities[fold] = expit(outputs(network, images.pixels[fold]).logits)
        correct = float(((probabilities[fold] >= 0.5) == images.targets[fold]).mean())
        logger.info("fold %d of %d: accuracy %.3f", number + 1, len(held_out), correct)
    return probabilities


def _certain(probabilities: Floats, positive: Flags) -> Judged:
    nowhere = np.zeros(len(probabilities), dtype=np.bool_)
    return Judged(probabilities, positive, nowhere, nowhere)


def _others(fold: Indices, count: int) -> Indices:
    return np.setdiff1d(np.arange(count), fold)


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with labels.csv")
    parser.add_argument("--seed", type=int, default=Hyperparameters.seed)
    parser.add_argument("--epochs", type=int, default=Hyperparameters.epochs)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    hyperparameters = Hyperparameters(seed=arguments.seed, epochs=arguments.epochs)
    card = make_default_weights(arguments.data, hyperparameters, SHIPPED_CARD, SHIPPED_WEIGHTS)
    logger.info("%s", card.to_json())


if __name__ == "__main__":
    main()
