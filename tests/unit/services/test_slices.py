"""The pixels that a viewer gets, small pictures, and the heat map out of a process of its own."""

import io
from collections.abc import Iterator

import cv2
import numpy as np
import psutil
import pytest
from PIL import Image
from sqlalchemy import Engine

from core.errors import HelperLost, NoSuchImage, NothingToExplain, StoreUnavailable, UnreadableImage
from core.home import Home
from core.settings import Settings
from images.decoding import decode
from services.aside import Aside
from services.context import Context
from services.slices import Slices
from tests.dicom_files import HOUNSFIELD, as_bytes, ct_slice, enhanced_ct
from tests.drawn_studies import head, image_of, take_in
from training.phantoms.synthetic import generate_image


@pytest.fixture
def context(settings: Settings, home: Home, sqlite_engine: Engine) -> Context:
    return Context(settings, home, sqlite_engine)


@pytest.fixture
def aside(settings: Settings) -> Iterator[Aside]:
    made = Aside(settings)
    yield made
    made.close()


@pytest.fixture
def slices(context: Context, aside: Aside) -> Slices:
    return Slices(context, aside)


def png(seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(generate_image(seed, None, (160, 160)).image).save(file, "PNG")
    return file.getvalue()


def test_dicom_is_given_in_hounsfield_units_before_any_window(context: Context, slices: Slices) -> None:
    stored = (HOUNSFIELD + 1024).astype(np.uint16) // 2 * 2
    stored[0, 0], stored[0, 1] = 4000, 63000
    dataset = ct_slice(
        stored // 2,
        RescaleSlope=2,
        RescaleIntercept=-1024,
        WindowCenter=300,
        PixelSpacing=[0.4, 0.4],
        ImageOrientationPatient=[-1, 0, 0, 0, 1, 0],
        PixelPaddingValue=31500,
    )
    take_in(context, [("a.dcm", as_bytes(dataset))])
    pixels = slices.pixels(slices.find(1))
    assert (pixels.kind, pixels.rows, pixels.columns, pixels.pixel_mm) == ("hu", 72, 80, 0.4)
    expected = stored.astype(np.int32) - 1024
    expected[0, 1] = -1000  # padding is air
    found = np.frombuffer(pixels.data, "<i2").reshape(72, 80)
    np.testing.assert_array_equal(found, expected[:, ::-1])  # in the standard view


def test_pixels_that_are_not_square_are_made_so(context: Context, slices: Slices) -> None:
    dataset = ct_slice(PixelSpacing=[1.0, 0.5])
    take_in(context, [("a.dcm", as_bytes(dataset))])
    pixels = slices.pixels(slices.find(1))
    assert (pixels.rows, pixels.columns, pixels.pixel_mm) == (144, 80, 0.5)


def test_other_files_are_given_in_their_eight_bits(context: Context, slices: Slices) -> None:
    data = png(1)
    take_in(context, [("a.png", data)])
    pixels = slices.pixels(slices.find(1))
    assert (pixels.kind, pixels.pixel_mm) == ("grey", None)
    np.testing.assert_array_equal(np.frombuffer(pixels.data, np.uint8).reshape(160, 160), decode(data))


def test_each_frame_of_a_file_is_an_image(context: Context, slices: Slices) -> None:
    frames = [dataset.pixel_array for dataset in head(1, 4, None, 128)]
    take_in(context, [("a.dcm", as_bytes(enhanced_ct(frames)))])
    for image_id in range(1, 5):
        stored = slices.find(image_id)
        pixels = slices.pixels(stored)
        found = np.frombuffer(pixels.data, "<i2").reshape(128, 128)
        np.testing.assert_array_equal(found, frames[stored.frame])
    assert len({slices.find(image_id).tag for image_id in range(1, 5)}) == 4


def test_a_preview_is_a_small_jpeg(context: Context, slices: Slices) -> None:
    take_in(context, [("a.dcm", as_bytes(head(1, 4, None, 256)[2]))])
    small = cv2.imdecode(np.frombuffer(slices.preview(slices.find(1)), np.uint8), cv2.IMREAD_UNCHANGED)
    assert small.shape == (128, 128)
    assert small.max() > 200


def test_the_heat_map_is_as_large_as_its_image(context: Context, slices: Slices) -> None:
    picture, neck = take_in(context, [("a.png", png(1)), ("b.dcm", as_bytes(head(1, 4, None, 128)[0]))])
    overlay = slices.heat(slices.find(image_of(context, picture)))
    assert overlay.version == "default-6"
    with Image.open(io.BytesIO(overlay.png)) as drawn:
        assert (drawn.size, drawn.mode) == ((160, 160), "RGBA")
    with Image.open(io.BytesIO(slices.heat(slices.find(image_of(context, neck))).png)) as drawn:
        assert drawn.size == (128, 128)


def test_the_process_beside_ends_when_idle_and_starts_again(context: Context, settings: Settings) -> None:
    take_in(context, [("a.png", png(1))])
    aside = Aside(settings, idle_s=0.2)
    slices, us = Slices(context, aside), psutil.Process()
    for _ in range(2):
        slices.heat(slices.find(1))
        (helper,) = [child for child in us.children() if "services.aside" in child.cmdline()]
        helper.wait(10)
    slices.heat(slices.find(1))
    aside.close()
    aside.close()


def test_what_the_process_beside_raises_is_raised_here_and_its_death_is_told(
    context: Context, slices: Slices, aside: Aside
) -> None:
    bad, good = take_in(context, [("a.png", b"no image"), ("b.png", png(1))])
    with pytest.raises(NothingToExplain) as refused:
        aside.call("services.explain", "overlay", bad, 0)
    assert refused.value.reason_code == "not_an_image"
    with pytest.raises(HelperLost):
        aside.call("services.explain", "no_such_function")
    assert slices.heat(slices.find(image_of(context, good))).png, "the next call starts another"


def test_what_is_not_there_is_told(context: Context, slices: Slices) -> None:
    with pytest.raises(NoSuchImage):
        slices.find(4711)
    data = [png(1), png(2)]
    take_in(context, [("a.png", data[0]), ("b.png", data[1])])
    stored = slices.find(1)
    context.home.bytes_path(stored.sha256).unlink()
    with pytest.raises(UnreadableImage, match="cannot be read"):
        slices.pixels(stored)
    other = slices.find(2)
    context.home.bytes_path(other.sha256).write_bytes(b"another")
    with pytest.raises(UnreadableImage, match="changed"):
        slices.preview(other)
    context.home.bytes_path(other.sha256).unlink()
    with pytest.raises(StoreUnavailable):
        slices.pixels(stored)
