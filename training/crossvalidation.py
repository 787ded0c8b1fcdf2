"""Repeated cross-validation: each image is predicted by fits that saw none of its patient."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.errors import DatasetError
from core.image_files import Limits
from models.labels import CLASSES
from training.batches import Images
from training.dataset import Record
from training.fold_workers import FoldJob, run_jobs
from training.hyperparameters import Hyperparameters
from training.judged import Floats
from training.recipes import Prediction, Recipe, gather
from training.split import Indices, folds

SHARED_NAMES: Final = (
    "A patient's name that stands in two sources is taken for one patient's, who is in no fit that is tested "
    "on either: name different patients differently."
)


@dataclass(frozen=True)
class Plan:
    """How images are divided.

    Attributes
    ----------
    folds, repeats
        Each repeat deals the patients to folds anew.
    seed
        Of the dealing, and the first fit's.
    grouped
        Whether a patient's images stay together. If not, figures flatter: they are for comparison with
        published ones that were made so.
    by_source
        Whether each source is held out in turn, in place of folds, once: what to expect of another hospital.
    processes
        Fits at a time; changes the figures no more than another number of threads does.
    """

    folds: int = 5
    repeats: int = 3
    seed: int = 1
    grouped: bool = True
    by_source: bool = False
    processes: int = 1


@dataclass(frozen=True)
class CrossValidation:
    """What R repeats say of N images.

    Attributes
    ----------
    targets, groups
        (N,), as those of the images.
    folds
        int (R, N), the fold that each image was held out in.
    logits, distances
        float64 (R, N).
    limits
        float64 (R, N), greatest distance that gets a label from the fit that predicted the image; infinite
        where that has no guard.
    """

    targets: NDArray[np.intp]
    groups: NDArray[np.str_]
    folds: NDArray[np.intp]
    logits: Floats
    distances: Floats
    limits: Floats

    def take(self, indices: Indices) -> "CrossValidation":
        """The images at these indices."""
        return CrossValidation(
            self.targets[indices],
            self.groups[indices],
            self.folds[:, indices],
            self.logits[:, indices],
            self.distances[:, indices],
            self.limits[:, indices],
        )


def compare(
    records: Sequence[Record],
    images: Images,
    hyperparameters: Hyperparameters,
    plan: Plan,
    recipes: Sequence[Recipe],
    limits: Limits,
    on_fit: Callable[[int, int], None] | None = None,
) -> dict[Recipe, CrossValidation]:
    """Cross-validate several recipes in the same folds.

    Parameters
    ----------
    records, images
        The N images, as files and prepared.
    limits
        Of the files, for recipes that read them.
    on_fit
        Called at the beginning and after each fit with how many are done, and of how many.

    Returns
    -------
    Fewer repeats where Ctrl-C came after the first: those before the first that is not complete.

    Raises
    ------
    DatasetError
        Too few patients for so many folds; see `divide`, `fits`.
    KeyboardInterrupt
        Before the first repeat was complete.
    """
    partitions = divide(records, plan)
    jobs = fits(records, partitions, hyperparameters, plan, recipes)
    done: dict[tuple[Recipe, int, int], Prediction] = {}

    def keep(job: FoldJob, prediction: Prediction) -> None:
        done[job.recipe, job.repeat, job.fold] = prediction
        if on_fit is not None:
            on_fit(len(done), len(jobs))

    whole = len(partitions)
    if on_fit is not None:
        on_fit(0, len(jobs))
    try:
        material = gather(records, images, recipes, limits, planes=plan.grouped)
        run_jobs(jobs, material, plan.processes, keep)
    except KeyboardInterrupt:
        missing = [job.repeat for job in jobs if (job.recipe, job.repeat, job.fold) not in done]
        whole = min(missing, default=whole)
        if whole == 0:
            raise
    return {recipe: _collect(recipe, images, partitions[:whole], done) for recipe in recipes}


def divide(records: Sequence[Record], plan: Plan) -> list[list[Indices]]:
    """For each repeat the images that each fold holds out.

    Raises
    ------
    DatasetError
        Too few patients for so many folds; one source only, or one without both labels.
    """
    if plan.by_source:
        return [_sources(records)]
    _check(records, plan)
    if not plan.grouped:
        records = [replace(record, group=str(index)) for index, record in enumerate(records)]
    return [folds(records, plan.folds, f"{plan.seed}/{repeat}") for repeat in range(plan.repeats)]


def fits(
    records: Sequence[Record],
    partitions: Sequence[Sequence[Indices]],
    hyperparameters: Hyperparameters,
    plan: Plan,
    recipes: Sequence[Recipe],
) -> list[FoldJob]:
    """One for each recipe, fold and repeat; recipes share a seed, folds do not.

    Raises
    ------
    DatasetError
        A fold without an image, or one that leaves images of one label only to fit on.
    """
    groups = np.array([record.group if plan.grouped else str(i) for i, record in enumerate(records)])
    targets = np.array([record.target for record in records])
    jobs = [
        FoldJob(recipe, repeat, number, fitted, held_out, replace(hyperparameters, seed=seed))
        for repeat, partition in enumerate(partitions)
        for number, held_out in enumerate(partition)
        for fitted in [np.flatnonzero(~np.isin(groups, groups[held_out]))]  # a patient may be in two sources
        for seed in [plan.seed + repeat * plan.folds + number]
        for recipe in recipes
    ]
    if any(len(job.held_out) == 0 or len(np.unique(targets[job.fitted])) < 2 for job in jobs):
        raise DatasetError(
            f"Without the patients of one source too few are left to fit on. {SHARED_NAMES}"
            if plan.by_source
            else f"The patients do not fill {plan.folds} folds. Ask for fewer with --folds, or add images."
        )
    return jobs


def _sources(records: Sequence[Record]) -> list[Indices]:
    sources = np.array([record.source for record in records])
    targets = np.array([record.target for record in records])
    names = np.unique(sources)
    if len(names) < 2:
        raise DatasetError(
            "All images are of one source. Name two folders or more with --images, or import each with "
            "`headct dataset import DIR`."
        )
    for name in names:
        if len(np.unique(targets[sources == name])) < 2:
            raise DatasetError(f"The source {name} has images of one label only, so nothing can be measured.")
    return [np.flatnonzero(sources == name) for name in names]


def _check(records: Sequence[Record], plan: Plan) -> None:
    for label in CLASSES:
        patients = {record.group for record in records if record.label == label}
        if len(patients) < plan.folds:
            raise DatasetError(
                f"There are {len(patients)} patients with the label {label}, too few for {plan.folds} folds. "
                "Ask for fewer with --folds, or add images."
            )


def _collect(
    recipe: Recipe,
    images: Images,
    partitions: Sequence[Sequence[Indices]],
    done: dict[tuple[Recipe, int, int], Prediction],
) -> CrossValidation:
    rows = []
    for repeat, partition in enumerate(partitions):
        found = [done[recipe, repeat, number] for number in range(len(partition))]
        rows.append(_row(len(images.targets), partition, found))
    numbers, logits, distances, limits = (np.stack(column) for column in zip(*rows, strict=True))
    return CrossValidation(images.targets, images.groups, numbers.astype(np.intp), logits, distances, limits)


def _row(count: int, partition: Sequence[Indices], found: Sequence[Prediction]) -> tuple[Floats, ...]:
    """One repeat: fold numbers, log-odds, distances and limits, (N,) each."""
    numbers, logits, distances, limits = (np.zeros(count) for _ in range(4))
    for number, (held_out, one) in enumerate(zip(partition, found, strict=True)):
        numbers[held_out], logits[held_out], distances[held_out] = number, one.logits, one.distances
        limits[held_out] = np.inf if one.domain_limit is None else one.domain_limit
    return numbers, logits, distances, limits
