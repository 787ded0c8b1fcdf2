"""What is tested with every hostile file: all that a worker does with its bytes before the network."""

import io
import time
from dataclasses import dataclass

import numpy as np

from core.archive_start import START, archive_kind
from core.errors import RejectedImage, SeveralFrames
from images.archive import ArchiveLimits, read_members
from images.constants import Preprocessing
from images.decoding import DEFAULT_MAX_PIXELS, GreyImage, decode
from images.dicom import dicom_patient
from images.dicom_frames import Frames
from images.noted import Noted
from images.preprocessing import preprocess

LONGEST_S = 5.0
CONSTANTS = Preprocessing()


@dataclass(frozen=True)
class Examined:
    """What became of a file: why it is rejected (None if it is not), and the seconds of CPU that took.

    Decoding waits for nothing, and on a busy machine the clock on the wall tells about the others.
    """

    rejected: RejectedImage | None
    seconds: float


def _image(data: bytes) -> GreyImage:
    """The picture, or the last of the first frames."""
    try:
        return decode(data)
    except SeveralFrames:
        frames = Frames(io.BytesIO(data), DEFAULT_MAX_PIXELS)
        shown = [frames.shown(number, Noted()) for number in range(min(frames.count, 3))]
        return shown[-1]


def examine(data: bytes) -> Examined:
    """Decode and prepare a file; lets through what is no `RejectedImage`, and so would fail in a worker."""
    dicom_patient(data)
    began = time.process_time()
    prepared, rejected = None, None
    try:
        if archive_kind(data[:START]):
            for _ in read_members(io.BytesIO(data), ArchiveLimits(2**26, 2**31)):
                pass
        prepared = preprocess(_image(data), CONSTANTS)
    except RejectedImage as error:
        rejected = error
    examined = Examined(rejected, time.process_time() - began)
    if prepared is None:
        assert str(rejected).endswith("."), "a reason is a sentence for a person"
    else:
        assert prepared.shape == (CONSTANTS.size, CONSTANTS.size, 1)
        assert prepared.dtype == np.float32
        assert np.isfinite(prepared).all(), "the network would see a value that is no number"
    return examined
