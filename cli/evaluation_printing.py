"""Figures of evaluations as tables."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.printing import NOTICE
from core.printable import printable
from training.crossfitting import PROTOCOL
from training.crossvalidation import Plan
from training.metrics import FIGURES, Metrics

_LAST_LOOK = (
    "The test part is for the last look only: whoever compares versions on it again and again fits to it. "
    "To choose between recipes use `headct evaluate --cv`."
)
_SHIPPED = (
    "This version ships with headct and was fit on public images. If some of these are in the test part, the "
    "figures flatter it."
)
_GROUPED = "No patient is in two folds."
_RANDOM = (
    "Patients are divided between folds, so these figures flatter: they are for comparison with published "
    "ones that were made so."
)


def print_version(version: str, metrics: Metrics, *, shipped: bool) -> None:
    """The figures of one version on the test part."""
    console = Console(highlight=False, soft_wrap=True)
    table = _table(version, "", "95 % interval")
    for name, words in FIGURES.items():
        table.add_row(words, _number(metrics[name]), _interval(metrics, name))
    console.print(table)
    matrix = metrics["confusion_matrix"]
    console.print(
        f"\n{metrics['images']} images of {metrics['groups']} patients: {matrix['tp']} bleeds found, "
        f"{matrix['fn']} missed, {matrix['tn']} normals right, {matrix['fp']} false alarms; "
        f"{metrics['errors_of_certain']} of {metrics['errors']} errors are not marked uncertain. "
        f"Stated prevalence {metrics['prevalence']:g}."
    )
    console.print(_LAST_LOOK, *([_SHIPPED] if shipped else []), sep="\n", markup=False)
    console.print(NOTICE, style="dim")


def print_recipes(metrics: Mapping[str, Metrics], plan: Plan, target_sensitivity: float) -> None:
    """A column a recipe."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, 160)
    table = _table("", *metrics)
    for name, words in FIGURES.items():
        table.add_row(words, *(_both(one, name) for one in metrics.values()))
    for name, words in (
        ("in_band_share", "share in the band"),
        ("outside_domain_share", "share outside the domain"),
        ("errors", "errors"),
        ("errors_of_certain", "errors not marked uncertain"),
    ):
        table.add_row(words, *(_number(one[name]) for one in metrics.values()))
    console.print(table)
    some = next(iter(metrics.values()))
    stopped = f" of {plan.repeats}, as it was stopped" if some["repeats"] < plan.repeats else ""
    console.print(
        f"\n{some['images']} images of {some['groups']} patients, {plan.folds} folds, repeats: "
        f"{some['repeats']}{stopped}; target sensitivity {target_sensitivity:g}. "
        f"{_GROUPED if plan.grouped else _RANDOM} {PROTOCOL}",
        soft_wrap=True,
    )
    console.print(NOTICE, style="dim")


def _table(*titles: str) -> Table:
    """A table that cuts nothing on a narrow terminal."""
    table = Table(box=None, header_style="bold")
    for title in titles:
        table.add_column(Text(printable(title)), overflow="fold")
    return table


def _both(metrics: Metrics, name: str) -> str:
    interval = _interval(metrics, name)
    return _number(metrics[name]) + (f" ({interval})" if interval else "")


def _interval(metrics: Metrics, name: str) -> str:
    ends = metrics.get(f"{name}_ci95")
    return "" if ends is None else f"{ends[0]:.3f} to {ends[1]:.3f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
