"""A short but real training goes through all stages, and its model classifies."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import DatasetError
from models.classifier import Classifier
from models.store import ModelStore
from training.fit import Epoch
from training.hyperparameters import Hyperparameters
from training.train import train

BRIEF = Hyperparameters(epochs=2, batch_size=4, synthetic_scans=24)


def test_training_on_a_folder_registers_a_version_that_classifies(
    tmp_path: Path, synthetic_scans: Path
) -> None:
    store, epochs = ModelStore(tmp_path / "models"), list[Epoch]()
    card = train(synthetic_scans, store, BRIEF, epochs.append)
    assert [(epoch.number, epoch.of) for epoch in epochs] == [(1, 2), (2, 2)]
    assert store.find(card.version).card == card
    assert {"accuracy", "auc_ci95", "log_loss"} <= set(card.metrics)
    assert {"majority_accuracy", "cues"} == set(card.baselines)
    assert card.hyperparameters["epochs"] == 2
    classifier = Classifier.load(store.find(card.version))
    image = next((synthetic_scans / "images").iterdir()).read_bytes()
    assert np.isfinite(classifier.score(classifier.prepare(image)[None]).logits).all()


def test_without_a_folder_synthetic_scans_are_trained_on_and_what_is_stopped_registers_nothing(
    tmp_path: Path,
) -> None:
    class Stopped(Exception):
        pass

    def stop(_: Epoch) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        train(None, ModelStore(tmp_path), BRIEF, stop)
    assert list(tmp_path.iterdir()) == []


def test_an_image_that_a_worker_would_reject_is_named(tmp_path: Path) -> None:
    for i in range(6):
        (tmp_path / f"{i}.png").write_bytes(b"no image %d" % i)
    rows = [f"{i}.png,{'normal' if i % 2 else 'hemorrhage'}" for i in range(6)]
    (tmp_path / "labels.csv").write_text("\n".join(["filename,label", *rows]))
    with pytest.raises(DatasetError, match=r"0\.png cannot be trained on: The file is not a PNG"):
        train(tmp_path, ModelStore(tmp_path / "models"), BRIEF)
