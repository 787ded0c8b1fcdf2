import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.dicom_images import DicomSource
from benchmarks.images import FileSource, ImageSource
from benchmarks.plain_loop import read_scaled
from images.decoding import decode
from training.phantoms.synthetic import generate_image


@pytest.fixture(scope="module", params=[ImageSource, DicomSource])
def source(request: pytest.FixtureRequest) -> FileSource:
    made: FileSource = request.param()
    return made


def test_no_two_files_are_the_same_and_all_can_be_decoded(source: FileSource) -> None:
    files = list(source.files(110))  # more than are drawn
    assert len({hashlib.sha256(data).digest() for data in files}) == len(files)
    for data in files[-2:]:
        assert decode(data).ndim == 2


def test_written_files_have_new_names_each_time(source: FileSource, tmp_path: Path) -> None:
    written = source.write(tmp_path, 2) + source.write(tmp_path, 2)
    assert sorted(path for path in tmp_path.iterdir()) == sorted(set(written))
    assert {path.suffix for path in written} == {source.suffix}


def test_the_brain_window_shows_a_dicom_slice_as_it_was_drawn() -> None:
    source = DicomSource()
    *_, data = source.files(40)  # the last of them is the first that was drawn
    drawn = generate_image(0, None, (512, 512)).image
    assert len(data) > drawn.size * 2
    # In whole HU, of which 80 fill the window.
    assert np.abs(decode(data).astype(int) - drawn).max() <= 255 / 80


def test_the_plain_loop_sees_the_same_slice_in_both_formats(tmp_path: Path) -> None:
    source = DicomSource()
    *_, data = source.files(40)
    (tmp_path / "slice.dcm").write_bytes(data)
    Image.fromarray(decode(data)).convert("RGB").save(tmp_path / "slice.png")
    from_dicom, from_png = read_scaled(tmp_path / "slice.dcm"), read_scaled(tmp_path / "slice.png")
    assert from_dicom.shape == (128, 128)
    assert from_dicom.dtype == np.float32
    assert 0 <= from_dicom.min() < from_dicom.max() <= 1
    assert np.abs(from_dicom - from_png).max() <= 1.5 / 255
