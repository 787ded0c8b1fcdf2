"""A loaded classifier gives the same answer to the same scan, in any company."""

import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from core.errors import ModelError, ModelNotFound, RejectedImage, ModelAltered
from models import classifier as module
from models.classifier import Classifier
from models.constants import Preprocessing
from models.network import build_network
from models.store import StoredModel, shipped_model, weights_sha256
from training.phantoms.bleeds import Bleed
from training.phantoms.synthetic import generate_scan


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load(shipped_model())


def prepared(classifier: Classifier, folder: Path, seed: int, bleed: Bleed | None) -> np.ndarray:
    path = folder / f"{seed}.png"
    Image.fromarray(generate_scan(seed, bleed).image).save(path)
    return classifier.prepare(path.read_bytes())


def test_a_scan_gets_the_same_scores_alone_and_in_a_chunk(classifier: Classifier, tmp_path: Path) -> None:
    kinds = [None, *Bleed]
    batch = np.stack([prepared(classifier, tmp_path, i, kind) for i, kind in enumerate(kinds)])
    together = classifier.score(batch)
    alone = [classifier.score(batch[i : i + 1]) for i in range(len(kinds))]
    assert together.logits.shape == together.distances.shape == (len(kinds),)
    np.testing.assert_allclose(together.logits, [one.logits[0] for one in alone], atol=1e-3)
    np.testing.assert_allclose(together.distances, [one.distances[0] for one in alone], atol=1e-3)


def test_most_synthetic_scans_are_told_right(classifier: Classifier, tmp_path: Path) -> None:
    kinds: list[Bleed | None] = [*[None] * 10, *Bleed, *Bleed]
    batch = np.stack([prepared(classifier, tmp_path, 50 + i, kind) for i, kind in enumerate(kinds)])
    scores = classifier.score(batch)
    labels = [classifier.decide(*said).label for said in zip(scores.logits, scores.distances, strict=True)]
    truth = ["normal" if kind is None else "hemorrhage" for kind in kinds]
    assert sum(a == b for a, b in zip(labels, truth, strict=True)) >= 16


def test_bytes_that_are_no_image_are_rejected_with_a_reason(classifier: Classifier) -> None:
    with pytest.raises(RejectedImage, match="not a PNG"):
        classifier.prepare(b"no image at all", max_pixels=1_000_000)


def test_it_warms_up(classifier: Classifier) -> None:
    classifier.warm_up()


def test_altered_weights_are_never_loaded() -> None:
    shipped = shipped_model()
    with pytest.raises(ModelAltered):
        Classifier.load(replace(shipped, card=replace(shipped.card, weights_sha256="0" * 64)))


def test_weights_that_are_exchanged_while_the_network_is_built_are_never_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "site.weights.h5"
    shutil.copyfile(shipped_model().weights_path, weights)

    def build_slowly(*arguments: object) -> keras.Model:
        network = build_network(*arguments)
        network.save_weights(weights)  # good weights, but not those of the card
        return network

    monkeypatch.setattr(module, "build_network", build_slowly)
    with pytest.raises(ModelAltered, match=r"SHA-256 differs.*headct models rollback"):
        Classifier.load(StoredModel(shipped_model().card, weights))


def test_weights_of_another_network_are_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "other.weights.h5"
    build_network(Preprocessing().input_shape, widths=(4, 8, 8, 8)).save_weights(path)
    card = replace(shipped_model().card, weights_sha256=weights_sha256(path))
    with pytest.raises(ModelError, match=r"another network.*headct train"):
        Classifier.load(StoredModel(card, path))


def test_missing_weights_are_said(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="gone"):
        Classifier.load(StoredModel(shipped_model().card, tmp_path / "none.weights.h5"))
