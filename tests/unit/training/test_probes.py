"""The probes change what they say, and tell how a network takes it."""

from pathlib import Path

import numpy as np
import pytest

from core.image_files import Limits
from images.constants import Preprocessing
from images.preprocessing import preprocess
from models.network import build_network
from training.labelled.folder import read_folders
from training.phantoms.bleeds import Bleed
from training.phantoms.synthetic import generate_image
from training.probe_painters import SHAPES, SIZES, Painter, paint_alike, paint_otherwise
from training.probes import probe, shown_in


@pytest.fixture(scope="module")
def fine() -> np.ndarray:
    return preprocess(generate_image(5, None, (512, 480)).image, Preprocessing(size=640))[..., 0]


@pytest.mark.parametrize("paint", [paint_alike, paint_otherwise])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_painted_bleed_is_bright_and_as_large_as_asked(
    fine: np.ndarray, shape: str, paint: Painter
) -> None:
    areas = []
    for size in (3.0, 9.0):
        painted = paint(fine, shape, size, np.random.default_rng(1))
        assert painted is not None
        changed = painted - fine > 0.1
        assert (painted - fine)[changed].mean() > 0.3
        assert (painted >= fine).all()
        areas.append(changed.sum())
    assert areas[1] > 2 * areas[0]


@pytest.mark.parametrize("paint", [paint_alike, paint_otherwise])
def test_nothing_is_painted_where_there_is_no_room(paint: Painter) -> None:
    blank = np.zeros((640, 640), dtype=np.float32)
    assert paint(blank, "clot", 9.0, np.random.default_rng(1)) is None


def test_another_window_moves_greys_and_keeps_what_was_cut_off() -> None:
    grey = np.array([[0, 128, 255]], dtype=np.uint8)
    np.testing.assert_array_equal(shown_in(grey, 80.0, 40.0), grey)
    narrow = shown_in(grey, 60.0, 35.0)
    assert narrow[0, 0] == 0
    assert narrow[0, 1] > 128
    assert narrow[0, 2] == 255
    wide = shown_in(grey, 120.0, 40.0)
    assert 0 < wide[0, 0] < wide[0, 1] < wide[0, 2] < 255


def test_each_probe_has_its_figures(synthetic_images: Path) -> None:
    network = build_network(Preprocessing().input_shape)
    figures = probe(network, read_folders([synthetic_images], Limits()), Limits(), drawn=2)
    mirror, windows, painted, others, drawn, unusual = figures.values()
    assert 0.0 <= mirror["probability"] < 0.01
    assert 0.0 < windows["probability"] < 1.0
    assert 0.0 <= windows["threshold crossed"] <= 1.0
    assert 0.0 <= windows["label"] <= 1.0
    assert list(painted) == list(others) == [*SHAPES, *(f"{size:g} mm" for size in SIZES)]
    assert list(drawn) == list(unusual) == [bleed.value for bleed in Bleed]
    assert all(
        0.0 <= auc <= 1.0 for auc in (*painted.values(), *others.values(), *drawn.values(), *unusual.values())
    )
