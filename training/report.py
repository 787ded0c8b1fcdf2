"""The report of a training run: one page that needs nothing else, and its figures as JSON beside it."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray

from db.states import Split
from models.card import ModelCard
from training import plots
from training.dataset import Record
from training.judged import Judged
from training.metrics import FIGURES, Metrics
from training.study_figures import FIGURES as STUDY_FIGURES
from training.wrong_images import WrongImage

PAGE: Final = "report.html"


@dataclass(frozen=True)
class ReportContent:
    """What a report tells; nothing in it names a patient or a file.

    Attributes
    ----------
    card
        Of the new version; its `metrics`, `baselines` and `gate` are filled in.
    targets
        (N,), of the test images; 1 for hemorrhage.
    candidate, incumbent
        What the new version and the one in use say of them.
    incumbent_metrics, difference
        As `evaluate` and `paired_difference` give them.
    curve
        The epochs of the fit.
    data
        As `data_summary` gives it.
    wrong
        As `wrong_images` gives it.
    studies
        As `study_metrics` gives it, of the new version and of the one in use; None without studies.
    """

    card: ModelCard
    targets: NDArray[Any]
    candidate: Judged
    incumbent: Judged | None
    incumbent_metrics: Metrics | None
    difference: Metrics | None
    curve: Sequence[plots.EpochLike]
    data: dict[str, dict[str, int]]
    wrong: Sequence[WrongImage]
    studies: tuple[Metrics, Metrics] | None = None


def data_summary(records: Sequence[Record]) -> dict[str, dict[str, int]]:
    """Images, patients and labels of each split."""
    return {split: _split_summary([record for record in records if record.split == split]) for split in Split}


def write_report(folder: Path, content: ReportContent) -> Path:
    """Write `report.html` and `report.json` into the folder, which is made if need be; returns the page.

    Raises
    ------
    OSError
        The disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(_as_json(content), encoding="utf-8")
    page = folder / PAGE
    page.write_text(_as_html(content), encoding="utf-8")
    return page


def _as_json(content: ReportContent) -> str:
    values = {
        "card": json.loads(content.card.to_json()),
        "incumbent_metrics": content.incumbent_metrics,
        "difference": content.difference,
        "studies": content.studies,
        "data": content.data,
        "curve": [
            {
                "number": epoch.number,
                "loss": epoch.loss,
                "validation_loss": epoch.validation_loss,
                "validation_auc": epoch.validation_auc,
            }
            for epoch in content.curve
        ],
        "wrong": [
            {
                "sha256": image.name,
                "truth": image.truth,
                "probability": image.decision.probability,
                "label": image.decision.label,
                "label_code": image.decision.reason.code if image.decision.reason else None,
            }
            for image in content.wrong
        ],
    }
    return json.dumps(values, indent=1) + "\n"


def _as_html(content: ReportContent) -> str:
    card, point = content.card, content.card.operating_point
    curves = {card.version: content.candidate}
    if content.incumbent is not None:
        curves[f"{card.gate.get('incumbent', 'version in use')} (in use)"] = content.incumbent
    bounds = (point.uncertain_low, point.threshold, point.uncertain_high)
    drawn = {
        "ROC and precision-recall": plots.discrimination(content.targets, curves),
        "Confusion matrix": plots.confusion(content.targets, content.candidate),
        "Calibration": plots.calibration(content.targets, content.candidate, bounds),
        "Learning curves": plots.learning_curves(content.curve),
    }
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("report.html.j2").render(
        card=card,
        content=content,
        rows=_rows(content),
        study_rows=_study_rows(content),
        plots={title: _data_uri(image) for title, image in drawn.items()},
        wrong=[(image, _data_uri(image.picture)) for image in content.wrong],
    )


def _rows(content: ReportContent) -> list[tuple[str, ...]]:
    """Figure by figure: the new version, the one in use, their difference, cues alone."""
    cues = content.card.baselines.get("cues")
    columns = (content.card.metrics, content.incumbent_metrics, content.difference, cues)
    return [(words, *(_figure(column, name) for column in columns)) for name, words in FIGURES.items()]


def _study_rows(content: ReportContent) -> list[tuple[str, ...]]:
    of_studies = content.studies or ()
    return [(words, *(_figure(one, name) for one in of_studies)) for name, words in STUDY_FIGURES.items()]


def _figure(metrics: Metrics | None, name: str) -> str:
    """As `0.912 (0.860 to 0.959)`; empty where there is none."""
    if metrics is None or metrics.get(name) is None:
        return ""
    ends = metrics.get(f"{name}_ci95")
    return f"{metrics[name]:.3f}" + (f" ({ends[0]:.3f} to {ends[1]:.3f})" if ends else "")


def _split_summary(records: Sequence[Record]) -> dict[str, int]:
    bleeds = sum(record.target for record in records)
    patients = len({record.group for record in records})
    return {
        "images": len(records),
        "patients": patients,
        "hemorrhage": bleeds,
        "normal": len(records) - bleeds,
    }


def _data_uri(image: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(image).decode()
