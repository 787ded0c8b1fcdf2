"""What is unusual of an acquisition is told beside the result, and rejects nothing."""

import re

import numpy as np
import pytest

from images.decoding import decode
from images.noted import Noted
from tests.conftest import DATA
from tests.dicom_files import HOUNSFIELD, as_bytes, ct_slice

SERIES = DATA / "dicom" / "ge_head"


@pytest.mark.parametrize(
    ("elements", "said"),
    [
        ({"ContrastBolusAgent": "OMNIPAQUE"}, "with contrast"),
        ({"ConvolutionKernel": "BONEPLUS"}, "for bone"),
        ({"ConvolutionKernel": ["Hr64s", "2"]}, "for bone"),
        ({"ConvolutionKernel": "H70h"}, "for bone"),
        ({"ConvolutionKernel": "FC30"}, "for bone"),
        ({"ConvolutionKernel": "YB"}, "for bone"),
        ({"SliceThickness": "0.4"}, "0.4 mm thick"),
        ({"SliceThickness": "10.0"}, "10 mm thick"),
        ({"GantryDetectorTilt": "-18.50"}, "tilted by 18.5 degrees"),
        ({"PatientAge": "017Y"}, "is a child"),
        ({"PatientAge": "215M"}, "is a child"),
        ({"PatientBirthDate": "20200229", "StudyDate": "20260301"}, "is a child"),
        ({"PatientPosition": "HFP"}, r"head first \(HFP\)"),
    ],
)
def test_what_is_unusual_is_told(elements: dict[str, object], said: str) -> None:
    noted = Noted()
    assert decode(as_bytes(ct_slice(**elements)), noted=noted).shape == HOUNSFIELD.shape
    (one,) = noted.warnings
    assert re.search(said, one)
    assert one.endswith(".")


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"ContrastBolusAgent": "", "ConvolutionKernel": "", "PatientAge": "", "PatientPosition": ""},
        *(
            {"ConvolutionKernel": kernel}
            for kernel in ("STANDARD", "SOFT", "H31s", "Hr38", "FC21", "UB", "J40s")
        ),
        *({"SliceThickness": thickness} for thickness in ("0.5", "7", "0")),
        *({"GantryDetectorTilt": tilt} for tilt in ("0", "+0.5")),
        *({"PatientAge": age} for age in ("018Y", "216M")),
        {"PatientBirthDate": "19600101", "StudyDate": "20260301"},
        {"PatientBirthDate": "20200101"},
        {"PatientBirthDate": "20260301", "StudyDate": "20200101"},
        {"PatientPosition": "HFS"},
        *({"ContrastBolusAgent": none} for none in ("NONE", "no", "N", "0", ".", "NO CONTRAST", "Without")),
        {"SliceThickness": "1e9"},
        {"GantryDetectorTilt": "1e999"},
        {"PatientAge": "000Y"},
    ],
)
def test_what_is_usual_or_says_nothing_is_not(elements: dict[str, object]) -> None:
    noted = Noted()
    decode(as_bytes(ct_slice(**elements)), noted=noted)
    assert noted.warnings == []


@pytest.mark.parametrize("name", ["SliceThickness", "GantryDetectorTilt"])
def test_a_number_that_is_none_says_nothing(name: str) -> None:
    data = as_bytes(ct_slice(**{name: "7777"})).replace(b"7777", b"1,5\x20")
    noted = Noted()
    np.testing.assert_array_equal(decode(data, noted=noted), decode(as_bytes(ct_slice())))
    assert noted.warnings == []


@pytest.mark.skipif(not SERIES.is_dir(), reason="the real series is not here")
def test_the_tilt_of_the_real_series_is_told() -> None:
    noted = Noted()
    decode((SERIES / "16.dcm").read_bytes(), noted=noted)
    assert noted.warnings == ["The gantry was tilted by 18.5 degrees."]
