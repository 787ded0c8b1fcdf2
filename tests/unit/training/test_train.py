"""A short but real training on several formats goes through all stages, and its model classifies."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import DatasetError
from core.image_files import Limits
from db.states import Split
from models.card import ModelCard
from models.classifier import Classifier
from models.store import ModelStore, shipped_model
from tests.dicom_files import slice_that_shows
from tests.labelled import images_by_label
from training.dataset import Dataset, Record, fingerprint
from training.evaluate import measure
from training.fit import Epoch
from training.hyperparameters import Hyperparameters
from training.labelled.folder import read_folders
from training.phantoms.synthetic import generate_image
from training.pool import LEAST_POOL
from training.train import Job, judge_by, splits_of, train

# As in test_crossvalidation.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning")
_LARGE_SIDE, _LARGE = 4500, "-large.png"
LIMITS = Limits(max_pixels=_LARGE_SIDE**2, max_file_mb=8)
"""As at a site that raised them: the default is 20 million pixels."""
BRIEF = Hyperparameters(epochs=2, batch_size=12, synthetic_images=24)


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
    return Job("site-1", dataset, shipped_model(), BRIEF, 0.9, folder / "report", LIMITS)


def dealt(folder: Path) -> tuple[Record, ...]:
    """The images of a folder, every fourth to validate and every fourth to test."""
    order = (Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.TEST)
    records = sorted(read_folders([folder], LIMITS), key=lambda record: record.label)
    return tuple(
        Record(record.path, record.label, record.group, order[i % 4]) for i, record in enumerate(records)
    )


def mixed(images: Path, folder: Path) -> Path:
    """The images of a folder, of each label every third as DICOM; one normal is large."""
    for label, files in images_by_label(images).items():
        (folder / label).mkdir(parents=True)
        for i, file in enumerate(files):
            to = folder / label / file.name
            with Image.open(file) as image:
                if (label, i) == ("normal", 3):
                    large = image.convert("L").resize((_LARGE_SIDE, _LARGE_SIDE), Image.Resampling.NEAREST)
                    large.save(to.with_name(to.stem + _LARGE), compress_level=1)
                elif i % 3 == 1:
                    to.with_suffix("").write_bytes(slice_that_shows(np.asarray(image.convert("L"))))
                else:
                    to.write_bytes(file.read_bytes())
    return folder


@pytest.fixture(scope="module")
def trained(
    eager: None, tmp_path_factory: pytest.TempPathFactory, synthetic_images: Path
) -> tuple[ModelCard, Recorder, Path]:
    folder, recorder = tmp_path_factory.mktemp("trained"), Recorder()
    records = dealt(mixed(synthetic_images, folder / "images"))
    assert [record.split for record in records if record.path.name.endswith(_LARGE)] == [Split.TEST]
    assert {record.split for record in records if not record.path.suffix} == set(Split)
    card = train(job(records, folder), ModelStore(folder / "models"), recorder)
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
    assert recorder.steps == 24 + LEAST_POOL + 2, "images prepared, slices drawn, and one batch an epoch"
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


def test_the_new_version_classifies(
    trained: tuple[ModelCard, Recorder, Path], synthetic_images: Path
) -> None:
    classifier = Classifier.load(ModelStore(trained[2] / "models").find("site-1"))
    image = next((synthetic_images / "images").iterdir()).read_bytes()
    assert np.isfinite(classifier.score(classifier.prepare(image)[None]).logits).all()


def test_what_is_registered_is_what_was_measured(trained: tuple[ModelCard, Recorder, Path]) -> None:
    card, _, folder = trained
    tested = [record for record in dealt(folder / "images") if record.split == Split.TEST]
    judged = judge_by(ModelStore(folder / "models").find("site-1"), tested, LIMITS)
    targets, groups = (np.array([getattr(one, name) for one in tested]) for name in ("target", "group"))
    metrics = measure(targets, judged, groups, seed=BRIEF.seed)
    for name in ("log_loss", "brier", "sensitivity", "specificity"):
        assert metrics[name] == pytest.approx(card.metrics[name], abs=1e-3), name


def test_what_is_stopped_registers_nothing(eager: None, tmp_path: Path, synthetic_images: Path) -> None:
    class Stopped(Exception):
        pass

    class Stopping(Recorder):
        def on_epoch(self, _: Epoch) -> None:
            raise Stopped

    with pytest.raises(Stopped):
        train(job(dealt(synthetic_images), tmp_path), ModelStore(tmp_path / "models"), Stopping())
    assert not (tmp_path / "models").exists()


def test_an_image_that_a_worker_would_reject_is_named(tmp_path: Path) -> None:
    path = tmp_path / "0.png"
    path.write_bytes(b"no image")
    records = (Record(path, "normal", "g", Split.TRAIN),)
    with pytest.raises(DatasetError, match=r"0\.png cannot be trained on: The file is not a PNG"):
        train(job(records, tmp_path), ModelStore(tmp_path / "models"), Recorder())


def test_an_image_that_is_not_the_recorded_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "0.png"
    Image.fromarray(generate_image(1, None).image).save(path)
    records = (Record(path, "normal", "g", Split.TRAIN, sha256="0" * 64),)
    with pytest.raises(DatasetError, match=r"0\.png cannot be trained on: The file is not the one that was"):
        train(job(records, tmp_path), ModelStore(tmp_path / "models"), Recorder())


def test_what_the_version_in_use_finds_no_head_in_is_not_assessed(tmp_path: Path) -> None:
    Image.fromarray(generate_image(1, None).image).save(tmp_path / "head.png")
    Image.fromarray(np.tile(np.arange(200, dtype=np.uint8), (200, 1))).save(tmp_path / "ramp.png")
    records = [Record(tmp_path / name, "normal", "g") for name in ("head.png", "ramp.png")]
    judged = judge_by(shipped_model(), records, LIMITS)
    assert list(judged.not_assessed) == [False, True]
    assert judged.probabilities[1] == 0.5


def test_the_parts_are_those_of_the_records(synthetic_images: Path) -> None:
    splits = splits_of(dealt(synthetic_images))
    assert {split: len(indices) for split, indices in splits.items()} == {
        Split.TRAIN: 12,
        Split.VALIDATION: 6,
        Split.TEST: 6,
    }
