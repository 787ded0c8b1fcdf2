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

from core.cores import usable_cores
from core.image_files import Limits
from core.settings import Settings
from core.surroundings import shut_out, start_isolated
from images.constants import Preprocessing
from models.card import ModelCard, OperatingPoint
from models.network import shift
from models.store import SHIPPED_CARD, SHIPPED_GRAPH, SHIPPED_WEIGHTS, weights_sha256
from models.study_rule import SHIPPED_RULE
from training import baselines
from training.batches import Images
from training.calibrate import centre_and_calibrate
from training.crossfitting import PROTOCOL as CROSS_FITTING
from training.crossfitting import judge_held_out, measure_repeats
from training.crossvalidation import CrossValidation, Plan, compare, divide
from training.dataset import Record, fingerprint
from training.evaluate import evaluate
from training.fit import domain_limit, fit
from training.graph import make_graph
from training.hyperparameters import Hyperparameters
from training.judged import EVEN_POINT
from training.labelled.folder import read_folders
from training.metrics import Metrics
from training.recipes import Recipe
from training.statement import statement
from training.study_rules import candidates, fit_rule, heads_of, told
from training.tilted import tilted
from training.train import prepare_records

VERSION = "default-6"
LICENCES = {
    "head_ct": 'part of the Kaggle set "Head CT - hemorrhage", Kitamura, doi:10.34740/KAGGLE/DSV/152137; '
    "licence not verified; which slices belong to one patient is estimated",
    "phe": "part of PHE-SICH-CT-IDS (figshare), CC BY 4.0 by its page, non-commercial by its abstract; all "
    "patients bleed in the basal ganglia",
}
WINDOW = 3
"""Of the rule for studies; the log has the figures of others."""
RULE = f"mean{WINDOW}-3"
"""Its name, a new one for each fit; `models.study_rule.SHIPPED_RULE` is to be the same rule."""
FOLDS = 4
"""Of the figures that the documents show."""
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


def make_default_weights(
    data: Sequence[Path], hyperparameters: Hyperparameters, plan: Plan, held_out: Path | None
) -> ModelCard:
    """Cross-validate, then fit on everything; write weights, serving graph and card over the shipped ones."""
    records, constants = read_folders(data, LIMITS), Preprocessing()
    images = prepare_records(records, constants, LIMITS)
    seed = plan.seed
    found = compare(records, images, hyperparameters, plan, [Recipe.HEADCT], LIMITS, _told)[Recipe.HEADCT]
    judged = judge_held_out(found, SENSITIVITY)
    if held_out is not None:
        np.savez(held_out, names=[str(one.path) for one in records], **vars(found))
    heads = heads_of(records, judged[0])
    rule = fit_rule(heads, WINDOW, RULE) if heads else SHIPPED_RULE
    training = images.with_more(tilted(records, LIMITS))
    network = fit(training, hyperparameters)
    offset, point = _operating_point(found, domain_limit(network, training, None))
    shift(network, offset)
    network.save_weights(SHIPPED_WEIGHTS)
    graph = make_graph(network, images.pixels[::10], VERSION)
    SHIPPED_GRAPH.write_bytes(graph)
    protocol = PROTOCOL.format(
        repeats=plan.repeats,
        folds=plan.folds,
        images=len(images.targets),
        groups=len(np.unique(images.groups)),
        cross_fitting=CROSS_FITTING,
    )
    metrics = measure_repeats(found, judged, seed=seed)
    sources = np.array([record.source for record in records])
    for source in np.unique(sources).tolist():
        here = np.flatnonzero(sources == source)
        slices = [one.take(here) for one in judged]
        metrics[f"of {source}"] = measure_repeats(found.take(here), slices, seed=seed)
    if heads:
        logger.info("%s", told(heads, candidates(point), rule))
    card = ModelCard(
        version=VERSION,
        weights_sha256=weights_sha256(SHIPPED_WEIGHTS),
        graph_sha256=hashlib.sha256(graph).hexdigest(),
        parameters=network.count_params(),
        operating_point=point,
        preprocessing=constants,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=seed,
        data_fingerprint=fingerprint(records),
        protocol=protocol,
        hyperparameters=asdict(hyperparameters),
        metrics=metrics,
        baselines=_baselines(records, images, plan),
        study_rule=rule,
        statement=statement(records, LICENCES),
    )
    SHIPPED_CARD.write_text(card.to_json(), encoding="utf-8")
    return card


def _operating_point(found: CrossValidation, limit: float) -> tuple[float, OperatingPoint]:
    """Offset and point by the held-out predictions of all repeats; distances in units of each fit's limit."""
    offset, point = centre_and_calibrate(
        found.logits.ravel(),
        np.tile(found.targets, len(found.logits)),
        (found.distances / found.limits).ravel(),
        target_sensitivity=SENSITIVITY,
        domain_limit=1.0,
    )
    return offset, replace(point, domain_limit=limit)


def _told(done: int, of: int) -> None:
    logger.info("%d of %d fits", done, of)


def _baselines(records: Sequence[Record], images: Images, plan: Plan) -> dict[str, float | Metrics]:
    """What the cues and the majority class reach in a cross-validation."""
    features, count = baselines.cues(records, LIMITS), len(images.targets)
    by_cues, majority = np.zeros(count), 0.0
    for fold in divide(records, plan)[0]:
        rest = np.setdiff1d(np.arange(count), fold)
        by_cues[fold] = baselines.cue_probabilities(features, images.targets, rest, fold)
        majority += baselines.majority_accuracy(images.targets, rest, fold) * len(fold) / count
    cues = evaluate(
        images.targets,
        logit(np.clip(by_cues, 1e-6, 1.0 - 1e-6)),
        np.zeros(count),
        images.groups,
        EVEN_POINT,
        seed=plan.seed,
    )
    return {"majority_accuracy": round(majority, 4), "cues": cues}


def main() -> None:
    """Parse the command line and run."""
    start_isolated("training.default_weights")
    shut_out()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders with labels.csv")
    parser.add_argument("--seed", type=int, default=Hyperparameters.seed)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument("--repeats", type=int, default=Plan.repeats)
    parser.add_argument("--held-out", type=Path, help="file for the held-out predictions (.npz)")
    parser.add_argument("--processes", type=int, default=usable_cores())
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    hyperparameters = Hyperparameters(seed=arguments.seed, epochs=arguments.epochs)
    plan = Plan(arguments.folds, arguments.repeats, arguments.seed, processes=arguments.processes)
    card = make_default_weights(arguments.data, hyperparameters, plan, arguments.held_out)
    logger.info("%s", card.to_json())


if __name__ == "__main__":
    main()
