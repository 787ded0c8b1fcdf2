"""Evaluations that a person asked for: of a version on the test split, of recipes by cross-validation."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from cli.evaluation_printing import print_recipes, print_version
from cli.submission import progress_bar
from core.image_files import Limits
from core.settings import load_settings
from db.states import Split
from images.constants import Preprocessing
from models.store import ModelStore, shipped_model
from services.context import open_migrated
from services.models import model_in_use
from training.crossfitting import PROTOCOL, judge_held_out, measure_repeats
from training.crossvalidation import Plan, compare
from training.dataset import Dataset, fingerprint, load_dataset
from training.evaluate import measure
from training.hyperparameters import Hyperparameters
from training.labelled.folder import read_folder
from training.recipes import Recipe
from training.train import judge_by, prepare_records


def evaluate_version(version: str | None, prevalence: float, seed: int) -> dict[str, Any]:
    """Evaluate a version (None: the one in use) on the test split, print the figures and give them.

    Raises
    ------
    DatasetError, ModelError
    """
    context = open_migrated()
    stored = ModelStore(context.home.models).find(version) if version else model_in_use(context)
    dataset = load_dataset(context.engine, context.home)
    records = [record for record in dataset.records if record.split == Split.TEST]
    targets = np.array([record.target for record in records])
    groups = np.array([record.group for record in records])
    judged = judge_by(stored, records, Limits.of(context.settings))
    metrics = measure(targets, judged, groups, prevalence=prevalence, seed=seed)
    name = stored.card.version
    print_version(name, metrics, shipped=name == shipped_model().card.version)
    return {
        "version": name,
        "data_fingerprint": dataset.fingerprint,
        "split": Split.TEST.value,
        "metrics": metrics,
    }


def cross_validate_recipes(
    folder: Path | None, plan: Plan, recipes: Sequence[str], epochs: int | None, prevalence: float
) -> dict[str, Any]:
    """Cross-validate recipes in the same folds, print the figures and give them.

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
    with progress_bar() as bar:
        task = bar.add_task("Fitting", total=None)
        found = compare(
            dataset.records,
            images,
            hyper,
            plan,
            [Recipe(name) for name in recipes],
            limits,
            lambda done, of: bar.update(task, completed=done, total=of),
        )
    sensitivity = settings.target_sensitivity
    metrics = {}
    for recipe, one in found.items():
        judged = judge_held_out(one, sensitivity)
        metrics[recipe.value] = measure_repeats(one, judged, prevalence=prevalence, seed=plan.seed)
    print_recipes(metrics, plan, sensitivity)
    return {
        "protocol": PROTOCOL,
        "plan": asdict(plan),
        "target_sensitivity": sensitivity,
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
