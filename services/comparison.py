"""Two model versions side by side, by their cards."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from models.card import ModelCard
from services.context import Context
from services.models import find_version


class Figure(NamedTuple):
    """What a card says; with its 95 % interval, if it has one. None where it says nothing."""

    value: float | str | None
    interval: tuple[float, float] | None = None


class Line(NamedTuple):
    """One figure of both."""

    name: str
    a: Figure
    b: Figure


class Comparison(NamedTuple):
    """Both cards, their figures by section, and what has to be known to compare these.

    Attributes
    ----------
    comparable
        Whether the figures are of the same data, got in the same way.
    """

    a: ModelCard
    b: ModelCard
    sections: Mapping[str, list[Line]]
    comparable: bool
    remarks: list[str]


def compare(context: Context, a: str, b: str) -> Comparison:
    """Put two versions side by side.

    Raises
    ------
    ModelError
    """
    return compare_cards(find_version(context, a).card, find_version(context, b).card)


def compare_cards(a: ModelCard, b: ModelCard) -> Comparison:
    """As `compare`, of two cards."""
    sections = {
        "operating point": _lines(vars(a.operating_point), vars(b.operating_point)),
        "figures, 95 % interval": _lines(a.metrics, b.metrics),
        "baselines": _lines(_flat(a.baselines), _flat(b.baselines)),
        "made": _lines(_origin(a), _origin(b)),
    }
    remarks = []
    if a.data_fingerprint != b.data_fingerprint:
        remarks.append("Their data differ, the test images too: the figures are not comparable.")
    elif a.protocol != b.protocol:
        remarks.append("They were measured by different protocols: the figures hardly compare.")
    comparable = not remarks
    for card, other in ((a, b), (b, a)):
        if card.gate.get("incumbent") == other.version:
            remarks.append(
                f"When {card.version} was made, both were measured on its test images. {card.gate['rule']}"
            )
    return Comparison(a, b, {title: list(lines) for title, lines in sections.items()}, comparable, remarks)


def _lines(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Line]:
    for name in dict.fromkeys((*a, *b)):
        if not name.endswith("_ci95"):
            line = Line(name.replace("_", " "), figure_of(a, name), figure_of(b, name))
            if line.a.value is not None or line.b.value is not None:
                yield line


def figure_of(values: Mapping[str, Any], name: str) -> Figure:
    """That figure, with its interval."""
    value, ends = values.get(name), values.get(f"{name}_ci95")
    if not isinstance(value, int | float | str):  # None, or a table such as the errors one by one
        return Figure(None)
    return Figure(value, (ends[0], ends[1]) if ends else None)


def _flat(baselines: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in baselines.items():
        flat |= (
            {f"{name} {key}": one for key, one in value.items()} if isinstance(value, dict) else {name: value}
        )
    return flat


def _origin(card: ModelCard) -> dict[str, Any]:
    return {
        "created": card.created_at[:19],
        "data": card.data_fingerprint[:12],
        "preprocessing": card.preprocessing.version,
        "parameters": card.parameters,
        "seed": card.seed,
        "weights": card.weights_sha256[:12],
    }
