"""The benchmark's large file is one that headct reads."""

from pathlib import Path

import numpy as np

from benchmarks.dicom_images import DicomSource
from benchmarks.large_file import write_large_file
from images.decoding import decode
from images.dicom_frames import Frames
from images.noted import Noted


def test_its_frames_are_the_slices_in_turn(tmp_path: Path) -> None:
    slices = list(DicomSource().files(2))
    write_large_file(tmp_path / "large.dcm", slices, frames=3)
    with (tmp_path / "large.dcm").open("rb") as file:
        frames, noted = Frames(file, 2**20), Noted()
        shown = [frames.shown(number, noted) for number in range(frames.count)]
    assert np.array_equal(shown[1], decode(slices[1], 2**20, Noted()))
    assert np.array_equal(shown[2], shown[0])
    assert noted.place is not None
    assert noted.place.position_mm == 0.2
