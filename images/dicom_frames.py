"""The frames of a DICOM file of several: classic ones, and enhanced CT. One at a time is in memory.

Clauses are those of the DICOM standard: https://dicom.nema.org/medical/dicom/current/output/html/
"""

import struct
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.errors import ImageTooLarge, UnreadableImage
from core.reasons import ReasonCode
from images.dicom import Measured, measured_slice, shown_slice
from images.dicom_file import Header, damage, damaged, read_header
from images.dicom_kind import check_kind
from images.dicom_pixels import check_decoder
from images.noted import Noted
from images.size import check_size

if TYPE_CHECKING:
    from pydicom import Dataset

MOST_FRAMES = 20_000
"""A whole body in slices of 0.1 mm."""
_PIXELS = 0x7FE00010
_ITEM, _END = 0xFFFEE000, 0xFFFEE0DD
"""Before each fragment, and after the last one (PS3.5, A.4)."""
_MOST_FRAGMENTS = 200_000
_LONGEST_VALUE = 1024
_GROUPS = {
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness"),
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept", "RescaleType"),
    "CTReconstructionSequence": ("ConvolutionKernel",),
    "CTAcquisitionDetailsSequence": ("GantryDetectorTilt",),
    "ContrastBolusUsageSequence": (),
}
"""Functional groups (PS3.3, C.7.6.16), and what of them a slice of its own has in its data set."""
_SHARED, _PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"


class Frames:
    """A file of several frames, which stays open.

    Parameters
    ----------
    file
        From its begin on; it is read as frames are asked for.
    max_pixels
        Greatest width x height of a frame.

    Raises
    ------
    RejectedImage
        For what holds of all frames: another modality, a compression that cannot be decoded, too large,
        damaged.
    """

    def __init__(self, file: BinaryIO, max_pixels: int) -> None:
        self._max_pixels = max_pixels
        try:
            self._header = read_header(file)
            self.count = _count(self._header.dataset)
            self._groups = self._header.dataset.get(_PER_FRAME), self._header.dataset.get(_SHARED)
            for name in (_PER_FRAME, _SHARED):
                if name in self._header.dataset:
                    del self._header.dataset[name]
            self._check()
            self._parts = _parts(self._header, self.count)
        except damage():
            raise damaged() from None  # as in `images.dicom`

    @property
    def file(self) -> BinaryIO:
        """That is read; close it."""
        return self._header.file

    def shown(self, number: int, noted: Noted) -> NDArray[np.uint8]:
        """A frame, by its number from 0, as `images.dicom.decode_dicom` gives a slice.

        Raises
        ------
        RejectedImage
        """
        try:
            dataset = self._dataset(number)
            image = shown_slice(dataset, self._max_pixels, noted)
        except damage():
            raise damaged() from None
        finally:
            if noted.place is not None:
                noted.place = replace(noted.place, instance_number=number + 1)
        return image

    def measured(self, number: int) -> Measured:
        """As `shown`, but in HU."""
        try:
            return measured_slice(self._dataset(number), self._max_pixels)
        except damage():
            raise damaged() from None

    def _check(self) -> None:
        dataset = copy(self._header.dataset)
        dataset.NumberOfFrames = 1
        _set_pixels(dataset, bytes(2), self._header.compressed)
        check_kind(dataset)
        check_size(int(dataset.Columns), int(dataset.Rows), self._max_pixels)
        if self._header.compressed:
            check_decoder(dataset.file_meta.TransferSyntaxUID)

    def _dataset(self, number: int) -> "Dataset":
        """That of a slice that holds this frame alone."""
        dataset = copy(self._header.dataset)
        dataset.NumberOfFrames = 1
        if self.count > 1 and "ImagePositionPatient" in dataset:
            del dataset.ImagePositionPatient  # of the first frame
        per_frame, shared = self._groups
        for groups in (shared[0] if shared else None, per_frame[number] if per_frame else None):
            if groups is not None:
                _take_over(dataset, groups)
        _set_pixels(dataset, self._pixels(number), self._header.compressed)
        return dataset

    def _pixels(self, number: int) -> bytes:
        file, found = self._header.file, []
        for start, length in self._parts[number]:
            file.seek(start)
            found.append(file.read(length))
            if len(found[-1]) != length:
                raise ValueError("the file ends within a frame")
        return b"".join(found)


def _count(dataset: "Dataset") -> int:
    count = int(dataset.get("NumberOfFrames") or 1)
    if count > MOST_FRAMES:
        raise ImageTooLarge(
            ReasonCode.TOO_LARGE, f"The DICOM file has more than {MOST_FRAMES:,} frames. Export it in parts."
        )
    if count < 1:
        raise ValueError("no number of frames")
    return count


def _take_over(dataset: "Dataset", groups: "Dataset") -> None:
    for sequence, names in _GROUPS.items():
        items = groups.get(sequence)
        if not items:
            continue
        for name in names:
            element = items[0].get_item(name)
            if element is not None and len(element.value or b"") <= _LONGEST_VALUE:
                dataset[element.tag] = element
    kind = groups.get("CTImageFrameTypeSequence")
    if kind and kind[0].get("FrameType"):
        dataset.ImageType = kind[0].FrameType


def _set_pixels(dataset: "Dataset", pixels: bytes, compressed: bool) -> None:
    from pydicom import DataElement  # noqa: PLC0415 - only who reads DICOM pays for it
    from pydicom.encaps import encapsulate  # noqa: PLC0415 - as above

    value = encapsulate([pixels]) if compressed else pixels
    dataset[_PIXELS] = DataElement(_PIXELS, "OB" if compressed else "OW", value)


def _parts(header: Header, count: int) -> Sequence[Sequence[tuple[int, int]]]:
    """Of each frame: where its bytes begin, and how many they are, in one piece or several."""
    if header.compressed:
        return _fragments_of_frames(header, count)
    dataset = header.dataset
    bits = int(dataset.Rows) * int(dataset.Columns) * int(dataset.get("SamplesPerPixel") or 1)
    bits *= int(dataset.BitsAllocated)
    length = bits // 8
    if bits % 8 or count * length > header.pixels_length:
        raise ValueError("the pixels are fewer than the data set says")
    return [[(header.pixels_at + number * length, length)] for number in range(count)]


def _fragments_of_frames(header: Header, count: int) -> Sequence[Sequence[tuple[int, int]]]:
    table, fragments, begin = _fragments(header)
    if len(fragments) == count:
        return [[one] for one in fragments]
    wide = header.offsets
    starts = struct.unpack(f"<{count}Q", wide) if wide else struct.unpack(f"<{count}L", table)
    if starts[0] != 0 or list(starts) != sorted(set(starts)):
        raise ValueError("the offsets of the frames are in no order")
    frames: list[list[tuple[int, int]]] = [[] for _ in starts]
    number = 0
    for start, length in fragments:
        while number + 1 < count and start - 8 - begin >= starts[number + 1]:
            number += 1
        frames[number].append((start, length))
    if not all(frames):
        raise ValueError("a frame has no fragment")
    return frames


def _fragments(header: Header) -> tuple[bytes, list[tuple[int, int]], int]:
    """The table of offsets, begin and length of each fragment, and from where offsets count."""
    file, table, begin, at = header.file, None, 0, header.pixels_at
    fragments: list[tuple[int, int]] = []
    while True:
        file.seek(at)
        group, element, length = struct.unpack("<HHL", file.read(8))
        if (group << 16 | element) == _END:
            return table or b"", fragments, begin
        if (group << 16 | element) != _ITEM:
            raise ValueError("no fragment where one must be")
        if table is None:
            table, begin = file.read(length), at + 8 + length
        else:
            fragments.append((at + 8, length))
            if len(fragments) > _MOST_FRAGMENTS:
                raise UnreadableImage(
                    ReasonCode.TOO_COMPLEX,
                    "The DICOM file's frames are cut into far too many fragments. Export it again.",
                )
        at += 8 + length
