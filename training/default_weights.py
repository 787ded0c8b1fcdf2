"""Makes the weights that ship with headct: `python -m training.default_weights --data FOLDER`."""

import argparse
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from scipy.special import logit

from core.image_files import Limits
from core.settings import Settings
from core.surroundings import shut_out, start_isolated
from images.constants import Preprocessing
from models.card import ModelCard, OperatingPoint
from models.store import SHIPPED_CARD, SHIPPED_GRAPH, SHIPPED_WEIGHTS, weights_sha256
from training import baselines
from training.batches import Images
from training.calibrate import calibrate
from training.crossfitting import PROTOCOL as CROSS_FITTING
from training.crossfitting import judge_held_out, measure_repeats
from training.crossvalidation import CrossValidation, cross_validate
from training.dataset import Record, fingerprint
from training.evaluate import evaluate
from training.fit import domain_limit, fit
from training.graph import make_graph
from training.hyperparameters import Hyperparameters
from training.judged import EVEN_POINT
from training.labelled.folder import read_folders
from training.metrics import Metrics
from training.split import folds
from training.train import prepare_records

VERSION = "default-3"
FOLDS, REPEATS = 5, 3
SENSITIVITY = Settings().target_sensitivity
LIMITS = Limits.of(Settings())
PROTOCOL = (
    "Metrics: {repeats} times {folds}-fold cross-validation over {images} images of {groups} patients (as "
    "estimated; none in two folds), so each image is predicted by networks that saw none of its patient. "
    "{cross_fitting} The shipped weights are one more fit with the same hyperparameters on all {images} "
    "images, so that none is wasted; the metrics are their estimate, and their operating point is chosen on "
    "all held-out predictions. A bleed that is not assessed counts as missed. The recipe was chosen on these "
    "same images, so expect some optimism."
)

logger = logging.getLogger(__name__)


def make_default_weights(data: Path, hyperparameters: Hyperparameters, repeats: int) -> ModelCard:
    """Cross-validate, then fit on everything; write weights, serving graph and card over the shipped ones."""
    records, constants = read_folders([data], LIMITS), Preprocessing()
    images = prepare_records(records, constants, LIMITS)
    seed = hyperparameters.seed
    found = cross_validate(
        records, images, hyperparameters, folds=FOLDS, repeats=repeats, seed=seed, processes=2
    )
    network = fit(images, hyperparameters)
    network.save_weights(SHIPPED_WEIGHTS)
    graph = make_graph(network, images.pixels, VERSION)
    SHIPPED_GRAPH.write_bytes(graph)
    protocol = PROTOCOL.format(
        repeats=repeats,
        folds=FOLDS,
        images=len(images.targets),
        groups=len(np.unique(images.groups)),
        cross_fitting=CROSS_FITTING,
    )
    card = ModelCard(
        version=VERSION,
        weights_sha256=weights_sha256(SHIPPED_WEIGHTS),
        graph_sha256=hashlib.sha256(graph).hexdigest(),
        parameters=network.count_params(),
        operating_point=_operating_point(found, domain_limit(network, images, None)),
        preprocessing=constants,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=seed,
        data_fingerprint=fingerprint(records),
        protocol=protocol,
        hyperparameters=asdict(hyperparameters),
        metrics=measure_repeats(found, judge_held_out(found, SENSITIVITY), seed=seed),
        baselines=_baselines(records, images, seed),
    )
    SHIPPED_CARD.write_text(card.to_json(), encoding="utf-8")
    return card


def _operating_point(found: CrossValidation, limit: float) -> OperatingPoint:
    """Chosen on the held-out predictions of all repeats; distances are in units of each fit's own limit."""
    point = calibrate(
        found.logits.ravel(),
        np.tile(found.targets, len(found.logits)),
        (found.distances / found.limits).ravel(),
        target_sensitivity=SENSITIVITY,
        domain_limit=1.0,
    )
    return replace(point, domain_limit=limit)


def _baselines(records: Sequence[Record], images: Images, seed: int) -> dict[str, float | Metrics]:
    """What the cues and the majority class reach in a cross-validation."""
    features, count = baselines.cues(records, LIMITS), len(images.targets)
    by_cues, majority = np.zeros(count), 0.0
    for fold in folds(records, FOLDS, f"{seed}/0"):
        rest = np.setdiff1d(np.arange(count), fold)
        by_cues[fold] = baselines.cue_probabilities(features, images.targets, rest, fold)
        majority += baselines.majority_accuracy(images.targets, rest, fold) * len(fold) / count
    cues = evaluate(
        images.targets,
        logit(np.clip(by_cues, 1e-6, 1.0 - 1e-6)),
        np.zeros(count),
        images.groups,
        EVEN_POINT,
        seed=seed,
    )
    return {"majority_accuracy": round(majority, 4), "cues": cues}


def main() -> None:
    """Parse the command line and run."""
    start_isolated("training.default_weights")
    shut_out()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with labels.csv")
    parser.add_argument("--seed", type=int, default=Hyperparameters.seed)
    parser.add_argument("--epochs", type=int, default=Hyperparameters.epochs)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    hyperparameters = Hyperparameters(seed=arguments.seed, epochs=arguments.epochs)
    card = make_default_weights(arguments.data, hyperparameters, arguments.repeats)
    logger.info("%s", card.to_json())


if __name__ == "__main__":
    main()
