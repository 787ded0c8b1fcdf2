"""Versions are registered whole, found by name, and checked before use."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import (
    GraphMissing,
    ModelAltered,
    ModelError,
    ModelExists,
    ModelNotFound,
    PreprocessingUnknown,
)
from models.card import ModelCard
from models.store import (
    PRETRAINED,
    PRETRAINED_SHA256,
    DamagedModel,
    ModelStore,
    shipped_model,
    verified_pretrained,
    verified_weights,
    verify,
    weights_sha256,
)
from tests.conftest import fill_disk

GRAPH = b"a serving graph"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "new.weights.h5"
    path.write_bytes(b"some weights")
    return path


@pytest.fixture
def card(weights: Path) -> ModelCard:
    return replace(
        shipped_model().card,
        version="site-1",
        weights_sha256=weights_sha256(weights),
        graph_sha256=hashlib.sha256(GRAPH).hexdigest(),
    )


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def test_the_shipped_weights_are_those_of_their_card_and_small() -> None:
    shipped = shipped_model()
    verify(shipped)
    assert shipped.weights_path.stat().st_size < 5_000_000
    assert shipped.card.parameters <= 1_000_000


def test_without_a_version_the_shipped_model_is_found(store: ModelStore) -> None:
    assert store.find(None) == shipped_model()
    assert store.find(shipped_model().card.version) == shipped_model()


def test_a_registered_version_is_found_and_listed(store: ModelStore, card: ModelCard, weights: Path) -> None:
    registered = store.register(card, weights, GRAPH)
    assert store.find("site-1") == registered
    assert store.versions() == [shipped_model().card, card]
    verify(registered)
    assert [path.name for path in store.directory.iterdir()] == ["site-1"]


def test_an_unknown_version_names_those_there_are(store: ModelStore, card: ModelCard, weights: Path) -> None:
    store.register(card, weights, GRAPH)
    with pytest.raises(ModelNotFound, match=f"{shipped_model().card.version}, site-1"):
        store.find("site-2")


def test_a_version_is_never_a_path_out_of_the_store(
    store: ModelStore, card: ModelCard, weights: Path
) -> None:
    with pytest.raises(ModelNotFound):
        store.find("../models")
    with pytest.raises(ModelError, match="cannot name"):
        store.register(replace(card, version="../elsewhere"), weights, GRAPH)


def test_a_version_is_never_overwritten(store: ModelStore, card: ModelCard, weights: Path) -> None:
    store.register(card, weights, GRAPH)
    with pytest.raises(ModelExists, match="exists already"):
        store.register(card, weights, GRAPH)
    with pytest.raises(ModelExists, match="exists already"):
        store.register(replace(card, version=shipped_model().card.version), weights, GRAPH)


def test_weights_that_do_not_match_the_card_leave_nothing(
    store: ModelStore, card: ModelCard, weights: Path
) -> None:
    weights.write_bytes(b"other weights")
    with pytest.raises(ModelAltered):
        store.register(card, weights, GRAPH)
    assert list(store.directory.iterdir()) == []


def test_altered_and_missing_weights_say_what_to_do(
    store: ModelStore, card: ModelCard, weights: Path
) -> None:
    registered = store.register(card, weights, GRAPH)
    registered.weights_path.write_bytes(b"tampered")
    with pytest.raises(ModelAltered, match="Restore the file"):
        verify(registered)
    registered.weights_path.unlink()
    with pytest.raises(ModelNotFound, match="Restore the file"):
        verify(registered)


def test_an_altered_and_a_missing_serving_graph_say_what_to_do(
    store: ModelStore, card: ModelCard, weights: Path
) -> None:
    registered = store.register(card, weights, GRAPH)
    registered.graph_path.write_bytes(b"tampered")
    with pytest.raises(ModelAltered, match=r"serving graph of model site-1.*Restore the file"):
        verify(registered)
    registered.graph_path.unlink()
    with pytest.raises(ModelNotFound, match=r"serving graph of model site-1.*Restore the file"):
        verify(registered)


def test_a_graph_that_does_not_match_the_card_leaves_nothing(
    store: ModelStore, card: ModelCard, weights: Path
) -> None:
    with pytest.raises(ModelAltered, match="serving graph"):
        store.register(card, weights, b"another graph")
    assert list(store.directory.iterdir()) == []


def test_a_version_without_a_graph_names_the_command_that_makes_it(
    store: ModelStore, card: ModelCard, weights: Path
) -> None:
    registered = store.register(card, weights, GRAPH)
    with pytest.raises(GraphMissing, match="has to be made from the weights"):
        verify(replace(registered, card=replace(card, graph_sha256="")))


def test_a_version_of_release_0_1_is_read_and_gets_its_graph(
    store: ModelStore, card: ModelCard, weights: Path
) -> None:
    store.register(card, weights, GRAPH)
    path = store.directory / "site-1" / "model.json"
    values = json.loads(path.read_text())
    del values["graph_sha256"]
    path.write_text(json.dumps(values))
    (path.parent / "model.onnx").unlink()
    assert store.find("site-1").card.graph_sha256 == ""
    before = store.trace("site-1")
    added = store.add_graph("site-1", GRAPH)
    assert store.find("site-1") == added
    verify(added)
    assert store.trace("site-1") != before
    assert sorted(entry.name for entry in path.parent.iterdir()) == [
        "model.json",
        "model.onnx",
        "model.weights.h5",
    ]


def test_a_version_of_a_preprocessing_that_this_release_lacks_is_refused(
    store: ModelStore, card: ModelCard, weights: Path
) -> None:
    newer = replace(card, preprocessing=replace(card.preprocessing, version="99"))
    with pytest.raises(PreprocessingUnknown, match=r"preprocessing 99.*train again"):
        store.register(newer, weights, GRAPH)


def test_a_card_of_a_newer_release_says_so(store: ModelStore, card: ModelCard, weights: Path) -> None:
    store.register(card, weights, GRAPH)
    path = store.directory / "site-1" / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"tokens": 3}))
    with pytest.raises(ModelError, match=r"of another release.*Upgrade headct"):
        store.find("site-1")


def test_what_is_loaded_is_what_was_hashed_even_if_the_file_is_exchanged_in_between(
    store: ModelStore, card: ModelCard, weights: Path
) -> None:
    registered = store.register(card, weights, GRAPH)
    with verified_weights(registered) as verified:
        registered.weights_path.write_bytes(b"tampered")
        assert verified.read_bytes() == b"some weights"
        assert not verified.parent.stat().st_mode & 0o077
    assert not verified.exists()
    with pytest.raises(ModelAltered), verified_weights(registered):
        pytest.fail("altered weights were handed out")


def test_weights_that_cannot_be_read_are_said(store: ModelStore, card: ModelCard, weights: Path) -> None:
    registered = store.register(card, weights, GRAPH)
    registered.weights_path.unlink()
    registered.weights_path.mkdir()
    with pytest.raises(ModelError, match=r"cannot be read.*Mend its rights"):
        verify(registered)


def test_a_fit_starts_from_the_registered_pretrained_weights_alone(tmp_path: Path) -> None:
    with verified_pretrained() as weights:
        assert weights.read_bytes() == PRETRAINED.read_bytes()
    altered = tmp_path / "pretrained.weights.h5"
    altered.write_bytes(PRETRAINED.read_bytes()[:-1] + b"?")
    with pytest.raises(ModelError, match="fresh clone"), verified_pretrained(altered):
        pytest.fail("weights without a hash were handed out")
    shutil.copy(PRETRAINED.with_name(PRETRAINED_SHA256), tmp_path)
    with pytest.raises(ModelError, match=r"pretrained.*SHA-256 differs"), verified_pretrained(altered):
        pytest.fail("altered weights were handed out")


def test_a_damaged_card_says_which_file_and_hides_no_other_version(
    store: ModelStore, card: ModelCard, weights: Path
) -> None:
    for version in ("site-1", "site-2"):
        store.register(replace(card, version=version), weights, GRAPH)
    (store.directory / "site-1" / "model.json").write_text("{")
    with pytest.raises(ModelError, match=r"model\.json.*Restore it from a backup"):
        store.find("site-1")
    assert [model.version for model in store.versions()] == [shipped_model().card.version, "site-2", "site-1"]
    damaged = store.versions()[-1]
    assert isinstance(damaged, DamagedModel)
    assert "Restore it" in damaged.problem
    with pytest.raises(ModelNotFound, match="site-2, site-1"):
        store.find("site-3")


def test_a_folder_that_was_renamed_by_hand_is_no_version_of_its_own(
    store: ModelStore, card: ModelCard, weights: Path
) -> None:
    store.register(card, weights, GRAPH)
    shutil.copytree(store.directory / "site-1", store.directory / "site-2")
    with pytest.raises(ModelError, match="is site-1"):
        store.find("site-2")


def test_a_version_that_is_being_registered_is_not_listed(
    store: ModelStore, card: ModelCard, weights: Path
) -> None:
    store.register(card, weights, GRAPH)
    shutil.copytree(store.directory / "site-1", store.directory / ".partial-x")
    assert len(store.versions()) == 2


def test_what_a_killed_process_left_of_a_version_is_gone_once_it_is_registered(
    store: ModelStore, card: ModelCard, weights: Path
) -> None:
    left = store.directory / ".partial-site-1.abcdefgh"
    of_another = store.directory / ".partial-site-1.2.abcdefgh"
    for folder in (left, of_another):
        folder.mkdir(parents=True)
    store.register(card, weights, GRAPH)
    assert sorted(store.directory.iterdir()) == [of_another, store.directory / "site-1"]


def test_the_trace_changes_with_the_files_of_a_version(
    store: ModelStore, card: ModelCard, weights: Path
) -> None:
    assert store.trace(None) == store.trace(None) != ()
    assert store.trace("site-1") == ()
    registered = store.register(card, weights, GRAPH)
    before = store.trace("site-1")
    registered.weights_path.write_bytes(b"tampered")
    assert store.trace("site-1") != before


def test_an_incomplete_installation_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"default\.json does not exist"):
        shipped_model(tmp_path)


def test_the_shipped_weights_are_checked_too(tmp_path: Path) -> None:
    copy = shutil.copytree(shipped_model().weights_path.parent, tmp_path / "weights")
    with shipped_model(copy).weights_path.open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelAltered):
        verify(shipped_model(copy))


def test_a_graph_that_cannot_be_written_leaves_nothing(
    small_disk: Path, card: ModelCard, weights: Path
) -> None:
    store = ModelStore(small_disk / "models")
    registered = store.register(card, weights, GRAPH)
    before = {path: path.read_bytes() for path in registered.graph_path.parent.iterdir()}
    fill_disk(small_disk)
    with pytest.raises(OSError, match="No space left"):
        store.add_graph("site-1", b"another graph")
    assert {path: path.read_bytes() for path in registered.graph_path.parent.iterdir()} == before
