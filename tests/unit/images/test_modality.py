"""Whether a file says that it is a CT."""

import io

import numpy as np
import pytest
from PIL import Image

from images.modality import says_ct
from tests.dicom_files import as_bytes, ct_slice


def test_a_dicom_file_of_modality_ct_says_so() -> None:
    assert says_ct(as_bytes(ct_slice()))


@pytest.mark.parametrize("modality", [None, "", "MR", "OT"])
def test_a_dicom_file_without_that_modality_does_not(modality: str | None) -> None:
    assert not says_ct(as_bytes(ct_slice(Modality=modality)))


def test_a_png_does_not() -> None:
    file = io.BytesIO()
    Image.fromarray(np.zeros((80, 80), dtype=np.uint8)).save(file, "PNG")
    assert not says_ct(file.getvalue())
