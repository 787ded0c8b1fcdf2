"""A version of release 0.1 gets its serving graph, and says what it said."""

import shutil
from pathlib import Path

import pytest

from core.errors import GraphMissing, ModelError
from models.classifier import Classifier
from models.store import ModelStore, shipped_model, verify
from tests.conftest import file_system, fill_disk
from tests.release_0_1 import VERSION, copy_home, logits_and_distances
from training.convert import convert, convert_all


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(copy_home(tmp_path / "var").models)


def test_a_version_of_release_0_1_is_served_with_its_own_preprocessing_and_says_what_it_said(
    store: ModelStore, tmp_path: Path
) -> None:
    with pytest.raises(GraphMissing):
        Classifier.load(store.find(VERSION))
    stored = convert(store, store.find(VERSION))
    verify(stored)
    classifier = Classifier.load(stored)
    known = logits_and_distances(copy_home(tmp_path / "again"))
    assert len(known) == 4
    for data, logit, distance in known:
        said = classifier.score(classifier.prepare(data)[None])
        assert said.logits[0] == pytest.approx(logit, abs=1e-3)
        assert said.distances[0] == pytest.approx(distance, abs=1e-3)


def test_only_versions_without_a_graph_are_converted(store: ModelStore) -> None:
    assert [(card.version, error) for card, error in convert_all(store)] == [(VERSION, None)]
    assert list(convert_all(store)) == []
    assert shipped_model().card.graph_sha256


def test_a_version_whose_weights_are_gone_is_said_and_left(store: ModelStore) -> None:
    store.find(VERSION).weights_path.unlink()
    ((card, error),) = convert_all(store)
    assert card.version == VERSION
    assert isinstance(error, ModelError)
    assert "Restore the file" in str(error)
    assert store.find(VERSION).card.graph_sha256 == ""


def test_a_conversion_that_fails_leaves_the_version_as_it_was(store: ModelStore, tmp_path: Path) -> None:
    with file_system(tmp_path / "disk", "4m"):
        full = ModelStore(tmp_path / "disk" / "models")
        shutil.copytree(store.directory, full.directory)
        fill_disk(tmp_path / "disk")
        before = sorted(full.directory.rglob("*"))
        ((_, error),) = convert_all(full)
        assert "No space left on device" in str(error)
        assert "headct models convert" in str(error)
        assert sorted(full.directory.rglob("*")) == before
        assert full.find(VERSION).card.graph_sha256 == ""
