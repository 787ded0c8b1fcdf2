"""What is taken for an image among the other files of a folder."""

import io
from pathlib import Path

import pytest
from PIL import Image
from pydicom import Dataset, FileMetaDataset, dcmwrite
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from images.sniff import is_image_file, may_be_image
from tests.dicom_files import as_bytes, ct_slice


def picture(name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (80, 72)).save(buffer, name, **options)
    return buffer.getvalue()


def without_preamble(syntax: UID) -> bytes:
    """The data set alone, as old software writes it."""
    dataset, buffer = ct_slice(), io.BytesIO()
    del dataset.file_meta
    dcmwrite(
        buffer,
        dataset,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
    )
    return buffer.getvalue()


def dicomdir() -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.FileSetID = "CD"
    return as_bytes(dataset)


@pytest.mark.parametrize(
    "content",
    [
        *(picture(name) for name in ("PNG", "JPEG", "TIFF", "BMP")),
        picture("TIFF", big_tiff=True),
        b"MM\x00*\x00\x00\x00\x08",
        as_bytes(ct_slice()),
        *(map(without_preamble, (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian))),
        as_bytes(ct_slice())[132:],
    ],
)
def test_images_are_known_by_their_first_bytes(content: bytes, tmp_path: Path) -> None:
    assert may_be_image(content[:1024])
    for name in ("IM000001", "1.3.12.2.1107.5.1.4", "image.IMA", "notes.txt"):
        (tmp_path / name).write_bytes(content)
        assert is_image_file(tmp_path / name)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"BMW of a patient, in words",
        b"<?xml version='1.0'?>",
        b"MZ\x90\x00" + bytes(200),
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(200),
        b"GIF89a",
        bytes(2000),
        b"\x08\x00 is how this begins" + b"x" * 200,
        dicomdir(),
        dicomdir()[132:],
    ],
)
def test_what_lies_beside_images_is_none(content: bytes, tmp_path: Path) -> None:
    assert not may_be_image(content[:1024])
    for name in ("DICOMDIR", "README.TXT", "Thumbs.db", "IM000001", "1.2.840.1"):
        (tmp_path / name).write_bytes(content)
        assert not is_image_file(tmp_path / name)


@pytest.mark.parametrize("name", ["a.png", "A.JPG", "a.tiff", "a.dcm", "a.IMA"])
def test_a_file_that_claims_to_be_an_image_is_taken_damaged_as_it_may_be(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    for content in (b"", bytes(1000)):
        path.write_bytes(content)
        assert is_image_file(path)
    path.write_bytes(dicomdir())
    assert not is_image_file(path)


def test_a_file_that_cannot_be_read_is_for_the_reader_to_refuse(tmp_path: Path, unprivileged: None) -> None:
    path = tmp_path / "IM000001"
    path.write_bytes(b"")
    path.chmod(0)
    assert is_image_file(path)
