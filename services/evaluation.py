"""How good a version is on the test split, and by cross-validation how good recipes are."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.image_files import Limits
from core.settings import load_settings
from db.states import Split
from images.constants import Preprocessing
from models.study_rule import SHIPPED_RULE
from services.context import Context, open_migrated
from services.models import find_version
from training.crossfitting import PROTOCOL, judge_held_out, measure_repeats
from training.crossvalidation import Plan, compare
from training.dataset import Dataset, Record, fingerprint, load_dataset, load_records
from training.evaluate import measure
from training.hyperparameters import Hyperparameters
from training.labelled.folder import read_folders
from training.labelled.studies import read_studies
from training.recipes import Recipe
from training.split import Indices
from training.study_figures import studies_of, study_metrics, thirds_of, with_stand_ins
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
    folders: Sequence[Path],
    plan: Plan,
    recipes: Sequence[str],
    epochs: int | None,
    prevalence: float,
    told: Callable[[int, int], None],
) -> dict[str, Any]:
    """The figures of recipes in the same folds, with what they are of.

    Parameters
    ----------
    folders
        Their labelled images are used, each folder a source; none: the data set without its test split,
        which is not to choose by. For it alone there has to be a home.
    told
        Called with the fits that are done and all of them.

    Raises
    ------
    DatasetError
    """
    settings = load_settings()
    limits = Limits.of(settings)
    dataset = _dataset(folders, limits)
    hyper = Hyperparameters(seed=plan.seed)
    if epochs is not None:
        hyper = replace(hyper, epochs=epochs)
    images = prepare_records(dataset.records, Preprocessing(), limits)
    tried = [Recipe(name) for name in recipes]
    found = compare(dataset.records, images, hyper, plan, tried, limits, told)
    judged = {recipe: judge_held_out(one, settings.target_sensitivity) for recipe, one in found.items()}

    def figures(places: Indices, *, whole: bool = True) -> dict[str, dict[str, Any]]:
        """Of these images, and of their studies where they are whole, by recipe."""
        records = [dataset.records[place] for place in places]
        least = SHIPPED_RULE.least_assessed
        studies = with_stand_ins(studies_of(records, least), records, least) if whole else []
        made = {}
        for recipe, one in found.items():
            slices = [repeat.take(places) for repeat in judged[recipe]]
            made[recipe.value] = measure_repeats(
                one.take(places), slices, prevalence=prevalence, seed=plan.seed
            )
            if studies:
                made[recipe.value]["of_studies"] = study_metrics(
                    studies, slices[0], SHIPPED_RULE, prevalence=prevalence, seed=plan.seed
                )
        return made

    sources = np.array([record.source for record in dataset.records])
    names = np.unique(sources).tolist()
    several = names if len(names) > 1 else []
    parts = {}
    for source in names:
        here = np.flatnonzero(sources == source)
        if several:
            parts[source] = figures(here)
        for third, places in thirds_of([dataset.records[place] for place in here]).items():
            parts[f"{source}, {third}" if several else third] = figures(here[places], whole=False)
    return {
        "protocol": PROTOCOL,
        "plan": asdict(plan),
        "target_sensitivity": settings.target_sensitivity,
        "data_fingerprint": dataset.fingerprint,
        "hyperparameters": asdict(hyper),
        # Log-odds of fits that saw no common image do not compare across sources.
        "metrics": {} if plan.by_source else figures(np.arange(len(sources))),
        "by_part": parts,
        "shared_patients": _shared(dataset.records) if plan.by_source else 0,
        "targets": images.targets.tolist(),
        "logits": {recipe.value: one.logits.tolist() for recipe, one in found.items()},
    }


def _shared(records: Sequence[Record]) -> int:
    """Patients that stand in several sources."""
    sources = Counter(group for group, _ in {(record.group, record.source) for record in records})
    return sum(count > 1 for count in sources.values())


def _dataset(folders: Sequence[Path], limits: Limits) -> Dataset:
    if not folders:
        context = open_migrated()
        every = load_records(context.engine, context.home)
        records = tuple(record for record in every if record.split != Split.TEST)
    else:
        records = read_folders(folders, limits)
    return Dataset(records, fingerprint(records))
