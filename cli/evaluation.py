"""`headct evaluate`: how good a version is, and by cross-validation how good a recipe is."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.arguments import check_output, write_output
from cli.printing import NOTICE, figure, interval, print_table, tell
from services.context import open_migrated

if TYPE_CHECKING:
    from training.crossvalidation import Plan
    from training.metrics import Metrics

_RECIPES = ("headct", "plain", "cues", "majority")
_LAST_LOOK = (
    "The test split is for the last look only: whoever compares versions on it again and again fits to it. "
    "To choose between recipes use `headct evaluate --cv`."
)
_SHIPPED = (
    "This version ships with headct and was fit on public images. If some are in the test split, the "
    "figures flatter it."
)
_GROUPED = "No patient is in two folds."
_RANDOM = (
    "Patients are divided between folds, so these figures flatter: they are for comparison with published "
    "ones that were made so."
)
_OF_RECIPES = {
    "bleeds_not_assessed": "bleeds not assessed (missed)",
    "normals_not_assessed": "normals not assessed (not counted)",
    "errors": "errors",
    "errors_of_certain": "errors called hemorrhage or normal",
}


def evaluate(  # noqa: PLR0913, PLR0917 - each is an option of the command
    cv: Annotated[
        bool, typer.Option("--cv", help="cross-validate recipes; takes minutes to an hour")
    ] = False,
    model: Annotated[str | None, typer.Option(help="version to evaluate; default: the one in use")] = None,
    studies: Annotated[
        Path | None, typer.Option(help="evaluate on this folder of studies: labels.csv with study, label")
    ] = None,
    images: Annotated[
        list[Path] | None,
        typer.Option(help="with --cv: a folder of labelled images, once for each; default: the data set"),
    ] = None,
    folds: Annotated[int, typer.Option(min=2, max=50, help="with --cv: parts")] = 5,
    repeats: Annotated[int, typer.Option(min=1, max=50, help="with --cv: how often to deal them")] = 3,
    random: Annotated[
        bool, typer.Option("--random", help="with --cv: divide patients, as published figures often do")
    ] = False,
    by_source: Annotated[
        bool, typer.Option("--by-source", help="with --cv: hold out each source in turn, in place of folds")
    ] = False,
    recipe: Annotated[
        list[str] | None, typer.Option(help=f"with --cv: {', '.join(_RECIPES)}; default: all of them")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="with --cv: fewer, for a trial")] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="with --cv: fits at a time; default: one a core")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="of folds, fits and bootstrap")] = 1,
    prevalence: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="share of hemorrhages among the files to come")
    ] = 0.10,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="write the figures as JSON")] = None,
) -> None:
    """Evaluate a version on the test split or on studies, or recipes by cross-validation (--cv)."""
    from services.extras import require_training
    from training.quiet import load_tensorflow

    if output is not None:
        check_output(output)
    require_training()
    load_tensorflow()
    from services.evaluation import cross_validate, evaluate_studies, evaluate_version

    if studies is not None:
        _refuse(
            "does not go with --studies",
            cv=cv or None,
            images=images,
            recipe=recipe,
            epochs=epochs,
        )
        values = evaluate_studies(open_migrated(), model, studies, prevalence, seed)
        print_studies(values["version"], values["metrics"], values["left_out"])
    elif not cv:
        _refuse(
            "goes with --cv only",
            images=images,
            by_source=by_source or None,
            recipe=recipe,
            epochs=epochs,
            processes=processes,
        )
        from models.store import shipped_model

        values = evaluate_version(open_migrated(), model, prevalence, seed)
        version = values["version"]
        print_version(version, values["metrics"], shipped=version == shipped_model().card.version)
    else:
        from cli.progress import progress
        from core.cores import usable_cores
        from training.crossvalidation import SHARED_NAMES, Plan

        _refuse("does not go with --cv, which fits anew", model=model)
        if set(recipe or ()) - set(_RECIPES):
            raise typer.BadParameter(f"there are {', '.join(_RECIPES)}", param_hint="--recipe")
        if by_source and random:
            raise typer.BadParameter("does not go with --random", param_hint="--by-source")
        plan = Plan(folds, repeats, seed, not random, by_source, processes or usable_cores())
        with progress("Fitting") as told:
            values = cross_validate(images or (), plan, recipe or _RECIPES, epochs, prevalence, told)
        print_recipes(values["metrics"], values["by_part"], plan, values["target_sensitivity"])
        if values["shared_patients"]:
            tell(
                f"Patients that stand in several sources: {values['shared_patients']}. {SHARED_NAMES}",
                "yellow",
            )
    if output is not None:
        write_output(output, (json.dumps(values, indent=1) + "\n").encode())


def _refuse(why: str, **options: object) -> None:
    for name, value in options.items():
        if value is not None:
            raise typer.BadParameter(why, param_hint=f"--{name}")


def print_version(version: str, metrics: "Metrics", *, shipped: bool) -> None:
    """The figures of one version on the test split."""
    from training.metrics import FIGURES

    print_table(
        [version, "", "95 % interval"],
        [(words, figure(metrics[name]), interval(metrics, name)) for name, words in FIGURES.items()],
    )
    matrix = metrics["confusion_matrix"]
    tell(
        f"\n{metrics['images']} images of {metrics['groups']} patients: {matrix['tp']} bleeds found, "
        f"{matrix['fn']} missed ({metrics['bleeds_not_assessed']} not assessed), "
        f"{matrix['tn']} normals right, {matrix['fp']} false alarms, "
        f"{metrics['normals_not_assessed']} normals not assessed; "
        f"{metrics['errors_of_certain']} of {metrics['errors']} errors are called hemorrhage or normal. "
        f"Stated prevalence {metrics['prevalence']:g}.\n{_LAST_LOOK}"
    )
    if shipped:
        tell(_SHIPPED)
    tell(NOTICE, "dim")


def print_studies(version: str, metrics: "Metrics", left_out: int) -> None:
    """The figures of one version on studies."""
    from training.study_figures import FIGURES

    print_table(
        [version, "", "95 % interval"],
        [(words, figure(metrics[name]), interval(metrics, name)) for name, words in FIGURES.items()],
    )
    tell(
        f"\n{metrics['studies']} studies of {metrics['groups']} patients, {metrics['bleed_free_studies']} "
        f"without a bleed, by the rule {metrics['rule']}. One minus the specificity is the false alarms per "
        "bleed-free study."
    )
    if left_out:
        tell(f"{left_out} files were left out: of no study in the table, or not to be decoded.")
    tell(NOTICE, "dim")


def print_recipes(
    metrics: "Mapping[str, Metrics]",
    by_part: "Mapping[str, Mapping[str, Metrics]]",
    plan: "Plan",
    target_sensitivity: float,
) -> None:
    """A table of all images, and one of each source and each third of its heads; a column a recipe."""
    from training.crossfitting import PROTOCOL

    tables = {**({"": metrics} if metrics else {}), **by_part}
    for part, columns in tables.items():
        _print_columns(part, columns)
    (some, *_), *_ = (list(columns.values()) for columns in tables.values())
    wanted = 1 if plan.by_source else plan.repeats
    stopped = f" of {wanted}, as it was stopped" if some["repeats"] < wanted else ""
    folds = "each source held out in turn" if plan.by_source else f"{plan.folds} folds"
    tell(
        f"{folds.capitalize()}, repeats: {some['repeats']}{stopped}; target sensitivity "
        f"{target_sensitivity:g}. {_GROUPED if plan.grouped else _RANDOM} {PROTOCOL}"
    )
    tell(NOTICE, "dim")


def _print_columns(part: str, metrics: "Mapping[str, Metrics]") -> None:
    from training import study_figures
    from training.metrics import FIGURES

    rows = [(words, *(_both(one, name) for one in metrics.values())) for name, words in FIGURES.items()]
    rows += [(words, *(figure(one[name]) for one in metrics.values())) for name, words in _OF_RECIPES.items()]
    some = next(iter(metrics.values()))
    said = f"{some['images']} images of {some['groups']} patients."
    if "of_studies" in some:
        rows += [
            (f"studies: {words}", *(_both(one["of_studies"], name) for one in metrics.values()))
            for name, words in study_figures.FIGURES.items()
        ]
        of_studies = some["of_studies"]
        said += (
            f" {of_studies['studies']} studies of {of_studies['groups']} patients, "
            f"{of_studies['bleed_free_studies']} without a bleed, by the rule {of_studies['rule']}."
        )
    print_table([part, *metrics], rows)
    tell(f"\n{said}")


def _both(metrics: "Metrics", name: str) -> str:
    ends = interval(metrics, name)
    return figure(metrics[name]) + (f" ({ends})" if ends else "")
