"""How good a version is on the test split, and by cross-validation how good recipes are."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.image_files import Limits
from core.settings import load_settings
from db.states import Split
from images.constants import Preprocessing
from services.context import Context, open_migrated
from services.models import find_version
from training.crossfitting import PROTOCOL, judge_held_out, measure_repeats
from training.crossvalidation import Plan, compare
from training.dataset import Dataset, fingerprint, load_dataset
from training.evaluate import measure
from training.hyperparameters import Hyperparameters
from training.labelled.folder import read_folder
from training.labelled.studies import read_studies
from training.recipes import Recipe
from training.study_figures import studies_of, study_metrics
from training.train import judge_by, prepare_records


def evaluate_version(context: Context, version: str | None, prevalence: float, seed: int) -> dict[str, Any]:
    """The figures of a version (None: the one in use) on the test split, with what they are of.

    Raises
    ------
    DatasetError, ModelError
    """
    stored = find_version(context, version)
    dataset = load_dataset(context.engine, context.home)
    records = [record for record in dataset.records if record.split == Split.TEST]
    targets = np.array([record.target for record in records])
    groups = np.array([record.group for record in records])
    judged = judge_by(stored, records, Limits.of(context.settings))
    return {
        "version": stored.card.version,
        "data_fingerprint": dataset.fingerprint,
        "split": Split.TEST.value,
        "metrics": measure(targets, judged, groups, prevalence=prevalence, seed=seed),
    }


def evaluate_studies(
    context: Context, version: str | None, folder: Path, prevalence: float, seed: int
) -> dict[str, Any]:
    """The figures of a version (None: the one in use) on a folder of studies whose labels are known.

    Raises
    ------
    DatasetError, ModelError
    """
    stored, limits = find_version(context, version), Limits.of(context.settings)
    found = read_studies(folder, limits)
    slices = judge_by(stored, found.records, limits)
    studies = studies_of(found.records, 1, found.labels)
    rule = stored.card.study_rule
    return {
        "version": stored.card.version,
        "study_rule": asdict(rule),
        "left_out": found.left_out,
        "metrics": study_metrics(studies, slices, rule, prevalence=prevalence, seed=seed),
    }


def cross_validate(
    folder: Path | None,
    plan: Plan,
    recipes: Sequence[str],
    epochs: int | None,
    prevalence: float,
    told: Callable[[int, int], None],
) -> dict[str, Any]:
    """The figures of recipes in the same folds, with what they are of.

    Parameters
    ----------
    folder
        Its labelled images are used; None: the data set, for which alone there has to be a home.
    told
        Called with the fits that are done and all of them.

    Raises
    ------
    DatasetError
    """
    settings = load_settings()
    limits = Limits.of(settings)
    dataset = _dataset(folder, limits)
    hyper = Hyperparameters(seed=plan.seed)
    if epochs is not None:
        hyper = replace(hyper, epochs=epochs)
    images = prepare_records(dataset.records, Preprocessing(), limits)
    tried = [Recipe(name) for name in recipes]
    found = compare(dataset.records, images, hyper, plan, tried, limits, told)
    metrics = {}
    for recipe, one in found.items():
        judged = judge_held_out(one, settings.target_sensitivity)
        metrics[recipe.value] = measure_repeats(one, judged, prevalence=prevalence, seed=plan.seed)
    return {
        "protocol": PROTOCOL,
        "plan": asdict(plan),
        "target_sensitivity": settings.target_sensitivity,
        "data_fingerprint": dataset.fingerprint,
        "hyperparameters": asdict(hyper),
        "metrics": metrics,
        "targets": images.targets.tolist(),
        "logits": {recipe.value: one.logits.tolist() for recipe, one in found.items()},
    }


def _dataset(folder: Path | None, limits: Limits) -> Dataset:
    if folder is None:
        context = open_migrated()
        return load_dataset(context.engine, context.home)
    records = read_folder(folder, limits)
    return Dataset(records, fingerprint(records))
