"""`headct evaluate`: how good a version is, and by cross-validation how good a recipe is."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.extras import require_training
from training.quiet import load_tensorflow

_RECIPES = ("headct", "seed", "cues", "majority")


def evaluate(  # noqa: PLR0913, PLR0917 - each is an option of the command
    cv: Annotated[
        bool, typer.Option("--cv", help="cross-validate recipes; takes minutes to an hour")
    ] = False,
    model: Annotated[str | None, typer.Option(help="version to evaluate; default: the one in use")] = None,
    images: Annotated[
        Path | None, typer.Option(help="with --cv: a folder of labelled images; default: the data set")
    ] = None,
    folds: Annotated[int, typer.Option(min=2, max=50, help="with --cv: parts")] = 5,
    repeats: Annotated[int, typer.Option(min=1, max=50, help="with --cv: how often to deal them")] = 3,
    random: Annotated[
        bool, typer.Option("--random", help="with --cv: divide patients, as published figures often do")
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
    """Evaluate a version on the test part of the data set, or recipes by cross-validation (--cv)."""
    require_training()
    load_tensorflow()
    from cli.evaluating import cross_validate_recipes, evaluate_version

    if not cv:
        _refuse("goes with --cv only", images=images, recipe=recipe, epochs=epochs, processes=processes)
        values = evaluate_version(model, prevalence, seed)
    else:
        from core.cores import usable_cores
        from training.crossvalidation import Plan

        _refuse("does not go with --cv, which fits anew", model=model)
        unknown = set(recipe or ()) - set(_RECIPES)
        if unknown:
            raise typer.BadParameter(f"there are {', '.join(_RECIPES)}", param_hint="--recipe")
        plan = Plan(folds, repeats, seed, not random, processes or usable_cores())
        values = cross_validate_recipes(images, plan, recipe or _RECIPES, epochs, prevalence)
    if output is not None:
        _write(output, values)


def _refuse(why: str, **options: object) -> None:
    for name, value in options.items():
        if value is not None:
            raise typer.BadParameter(why, param_hint=f"--{name}")


def _write(path: Path, values: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"cannot be written: {error.strerror}", param_hint="--output") from error
