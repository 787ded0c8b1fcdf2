"""A short but real training goes through all stages, and its model classifies."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import DatasetError
from db.states import Part
from models.card import ModelCard
from models.classifier import Classifier
from models.store import ModelStore, shipped_model
from training import train as module
from training.dataset import Dataset, Record, fingerprint
from training.fit import Epoch
from training.hyperparameters import Hyperparameters
from training.labelled.folder import read_folder
from training.train import Job, parts_of, train

# As in test_crossvalidation.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning")
BRIEF = Hyperparameters(epochs=2, batch_size=12, synthetic_scans=24)


class Recorder:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.steps = 0
        self.epochs: list[Epoch] = []

    def on_stage(self, name: str) -> None:
        self.stages.append(name)

    def on_step(self) -> None:
        self.steps += 1

    def on_epoch(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)


def job(records: tuple[Record, ...], folder: Path) -> Job:
    dataset = Dataset(records, fingerprint(records))
    return Job("site-1", dataset, shipped_model(), BRIEF, 0.9, folder / "report")


def dealt(folder: Path) -> tuple[Record, ...]:
    """The images of a folder, every fourth to validate and every fourth to test."""
    order = (Part.TRAIN, Part.TRAIN, Part.VALIDATION, Part.TEST)
    records = sorted(read_folder(folder), key=lambda record: record.label)
    return tuple(
        Record(record.path, record.label, record.group, order[i % 4]) for i, record in enumerate(records)
    )


@pytest.fixture(scope="module")
def trained(
    eager: None, tmp_path_factory: pytest.TempPathFactory, synthetic_scans: Path
) -> tuple[ModelCard, Recorder, Path]:
    folder, recorder = tmp_path_factory.mktemp("trained"), Recorder()
    card = train(job(dealt(synthetic_scans), folder), ModelStore(folder / "models"), recorder)
    return card, recorder, folder


def test_all_stages_are_gone_through_in_order(trained: tuple[ModelCard, Recorder, Path]) -> None:
    _, recorder, _ = trained
    assert recorder.stages == [
        "preparing the images",
        "fitting",
        "calibrating",
        "evaluating",
        "reporting",
        "registering",
    ]
    assert [(epoch.number, epoch.of) for epoch in recorder.epochs] == [(1, 2), (2, 2)]
    assert recorder.steps == 24 + 2, "each image when it is prepared, and one batch an epoch"
    assert all(epoch.validation_auc is not None for epoch in recorder.epochs)


def test_the_card_holds_protocol_figures_baselines_and_the_verdict(
    trained: tuple[ModelCard, Recorder, Path],
) -> None:
    card, _, folder = trained
    assert ModelStore(folder / "models").find("site-1").card == card
    assert "6 to test" in card.protocol
    assert {"accuracy", "auc_ci95", "log_loss", "brier"} <= set(card.metrics)
    assert {"majority_accuracy", "cues"} == set(card.baselines)
    assert card.gate["incumbent"] == shipped_model().card.version
    assert isinstance(card.gate["promote"], bool)
    assert card.operating_point.target_sensitivity == 0.9
    assert card.hyperparameters["epochs"] == 2


def test_the_report_is_written(trained: tuple[ModelCard, Recorder, Path]) -> None:
    assert {"report.html", "report.json"} <= {path.name for path in (trained[2] / "report").iterdir()}


def test_the_new_version_classifies(trained: tuple[ModelCard, Recorder, Path], synthetic_scans: Path) -> None:
    classifier = Classifier.load(ModelStore(trained[2] / "models").find("site-1"))
    image = next((synthetic_scans / "images").iterdir()).read_bytes()
    assert np.isfinite(classifier.score(classifier.prepare(image)[None]).logits).all()


def test_what_is_stopped_registers_nothing(
    tmp_path: Path, synthetic_scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(Exception):
        pass

    class Stopping(Recorder):
        def on_epoch(self, _: Epoch) -> None:
            raise Stopped

    monkeypatch.setattr(module, "fit", lambda *_, on_epoch, **__: on_epoch(Epoch(1, 2, 0.5)))
    with pytest.raises(Stopped):
        train(job(dealt(synthetic_scans), tmp_path), ModelStore(tmp_path / "models"), Stopping())
    assert not (tmp_path / "models").exists()


def test_an_image_that_a_worker_would_reject_is_named(tmp_path: Path) -> None:
    path = tmp_path / "0.png"
    path.write_bytes(b"no image")
    records = (Record(path, "normal", "g", Part.TRAIN),)
    with pytest.raises(DatasetError, match=r"0\.png cannot be trained on: The file is not a PNG"):
        train(job(records, tmp_path), ModelStore(tmp_path / "models"), Recorder())


def test_the_parts_are_those_of_the_records(synthetic_scans: Path) -> None:
    parts = parts_of(dealt(synthetic_scans))
    assert {part: len(indices) for part, indices in parts.items()} == {
        Part.TRAIN: 12,
        Part.VALIDATION: 6,
        Part.TEST: 6,
    }
