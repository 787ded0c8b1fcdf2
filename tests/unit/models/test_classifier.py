"""A loaded classifier gives the same answer to the same image, in any company."""

import hashlib
import io
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from core.errors import (
    HeadlessCt,
    ModelAltered,
    ModelError,
    ModelNotFound,
    NotACtSlice,
    PreprocessingUnknown,
    RejectedImage,
)
from core.reasons import ReasonCode
from images.decoding import decode
from models.card import ModelCard
from models.classifier import Classifier
from models.store import StoredModel, shipped_model
from tests.dicom_files import as_bytes, ct_slice
from training.phantoms.bleeds import Bleed
from training.phantoms.synthetic import generate_image


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load(shipped_model())


def prepared(classifier: Classifier, folder: Path, seed: int, bleed: Bleed | None) -> np.ndarray:
    path = folder / f"{seed}.png"
    Image.fromarray(generate_image(seed, bleed).image).save(path)
    return classifier.prepare(path.read_bytes())


def test_an_image_gets_the_same_scores_alone_and_in_a_chunk(classifier: Classifier, tmp_path: Path) -> None:
    kinds = [None, *Bleed]
    batch = np.stack([prepared(classifier, tmp_path, i, kind) for i, kind in enumerate(kinds)])
    together = classifier.score(batch)
    alone = [classifier.score(batch[i : i + 1]) for i in range(len(kinds))]
    assert together.logits.shape == together.distances.shape == (len(kinds),)
    assert together.heat.shape == (len(kinds), 20, 20)
    np.testing.assert_allclose(together.logits, [one.logits[0] for one in alone], atol=1e-3)
    np.testing.assert_allclose(together.distances, [one.distances[0] for one in alone], atol=1e-3)


def test_most_synthetic_images_are_told_right(classifier: Classifier, tmp_path: Path) -> None:
    kinds: list[Bleed | None] = [*[None] * 10, *Bleed, *Bleed]
    batch = np.stack([prepared(classifier, tmp_path, 50 + i, kind) for i, kind in enumerate(kinds)])
    scores = classifier.score(batch)
    labels = [classifier.decide(*said).label for said in zip(scores.logits, scores.distances, strict=True)]
    truth = ["normal" if kind is None else "hemorrhage" for kind in kinds]
    assert sum(a == b for a, b in zip(labels, truth, strict=True)) >= 14, labels
    opposite = sum({a, b} == {"normal", "hemorrhage"} for a, b in zip(labels, truth, strict=True))
    assert opposite <= 1, labels


def test_bytes_that_are_no_image_are_rejected_with_a_reason(classifier: Classifier) -> None:
    with pytest.raises(RejectedImage, match="not a PNG"):
        classifier.prepare(b"no image at all", max_pixels=1_000_000)


def test_it_warms_up(classifier: Classifier) -> None:
    classifier.warm_up()


def with_graph(graph: bytes, folder: Path, **changes: object) -> StoredModel:
    """The shipped version with another serving graph, which its card names."""
    path = folder / "other.onnx"
    path.write_bytes(graph)
    card: ModelCard = replace(shipped_model().card, graph_sha256=hashlib.sha256(graph).hexdigest(), **changes)
    return StoredModel(card, shipped_model().weights_path, path)


def test_an_altered_graph_is_never_loaded() -> None:
    shipped = shipped_model()
    with pytest.raises(ModelAltered, match=r"SHA-256 differs"):
        Classifier.load(replace(shipped, card=replace(shipped.card, graph_sha256="0" * 64)))


def test_a_missing_graph_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="does not exist"):
        Classifier.load(replace(shipped_model(), graph_path=tmp_path / "none.onnx"))


def test_a_graph_that_onnx_runtime_cannot_run_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot run the serving graph.*newer release"):
        Classifier.load(with_graph(b"no graph at all", tmp_path))


def test_a_graph_of_a_newer_opset_says_what_to_do(tmp_path: Path) -> None:
    graph = onnx.load_model_from_string(shipped_model().graph_path.read_bytes())
    graph.opset_import[0].version = 999
    with pytest.raises(ModelError, match="newer release"):
        Classifier.load(with_graph(graph.SerializeToString(), tmp_path))


def test_a_graph_without_heat_is_refused(tmp_path: Path) -> None:
    graph = onnx.load_model_from_string(shipped_model().graph_path.read_bytes())
    kept = [output for output in graph.graph.output if output.name != "heat"]
    del graph.graph.output[:]
    graph.graph.output.extend(kept)
    with pytest.raises(ModelError, match="does not give heat"):
        Classifier.load(with_graph(graph.SerializeToString(), tmp_path))


def test_a_graph_for_a_preprocessing_that_this_release_lacks_is_refused(tmp_path: Path) -> None:
    constants = replace(shipped_model().card.preprocessing, version="99")
    with pytest.raises(PreprocessingUnknown, match=r"preprocessing 99; this release has 2 and 3"):
        Classifier.load(with_graph(b"", tmp_path, preprocessing=constants))


def test_without_onnx_runtime_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match="ONNX Runtime, which runs the network, cannot be imported"):
        Classifier.load(shipped_model())


def headless(kind: str) -> np.ndarray:
    """Hounsfield units of a CT slice without a head: air, the vertex, a body with lungs."""
    rows, columns = np.ogrid[-1.0:1.0:160j, -1.0:1.0:160j]
    values = np.full((160, 160), -1000, dtype=np.int16)
    if kind == "vertex":
        values[rows**2 + columns**2 < 0.3] = 900
    if kind == "body":
        values[(rows / 0.6) ** 2 + (columns / 0.95) ** 2 < 1.0] = 40
        for side in (-0.4, 0.4):
            values[(rows / 0.4) ** 2 + ((columns - side) / 0.3) ** 2 < 1.0] = -800
        values[(rows - 0.3) ** 2 + columns**2 < 0.01] = 700
    return values


@pytest.mark.parametrize("kind", ["air", "vertex", "body"])
@pytest.mark.parametrize("version", ["2", "3"])
def test_a_ct_without_a_head_is_told_from_what_is_no_ct(
    classifier: Classifier, kind: str, version: str
) -> None:
    card = replace(classifier.card, preprocessing=replace(classifier.card.preprocessing, version=version))
    served, values = Classifier(card, classifier._session), headless(kind)
    with pytest.raises(HeadlessCt):
        served.prepare(as_bytes(ct_slice(values)))
    file = io.BytesIO()
    Image.fromarray(decode(as_bytes(ct_slice(values)))).save(file, "PNG")
    for other in (file.getvalue(), as_bytes(ct_slice(values, Modality=""))):
        with pytest.raises(NotACtSlice) as caught:
            served.prepare(other)
        assert not isinstance(caught.value, HeadlessCt)
        assert caught.value.reason.code in {ReasonCode.BLANK, ReasonCode.NO_HEAD, ReasonCode.NO_BRAIN}


def test_a_ct_of_several_heads_is_refused_as_any_image(classifier: Classifier) -> None:
    grey = generate_image(1, None, (200, 180)).image.astype(np.int16)
    head = np.where(grey == 0, -1000, grey * 80 // 255).astype(np.int16)
    with pytest.raises(NotACtSlice) as caught:
        classifier.prepare(as_bytes(ct_slice(np.hstack([head, head]))))
    assert not isinstance(caught.value, HeadlessCt)
    assert caught.value.reason.code is ReasonCode.SEVERAL_HEADS
