import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from core.errors import InboxUnusable
from core.left_alone import UNFINISHED, is_ignored
from core.store import open_regular
from scheduler.inbox import carries_its_end, check_inbox, find_files
from tests.archives import zip_of
from tests.dicom_files import as_bytes, compressed_slice, ct_slice

PNG = b"\x89PNG\r\n\x1a\n...\x00\x00\x00\x00IEND\xaeB`\x82"
JPEG = b"\xff\xd8\xff\xe0...\xff\xd9"


@pytest.mark.parametrize(
    ("content", "complete"), [(PNG, True), (PNG[:-1], False), (JPEG, True), (JPEG[:-1], False)]
)
def test_png_and_jpeg_carry_their_own_end(tmp_path: Path, content: bytes, complete: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert carries_its_end(path) is complete


@pytest.mark.parametrize("content", [b"", b"II*\x00", b"BM", b"\xff\xd9"])
def test_nothing_else_carries_its_end(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert not carries_its_end(path)


@pytest.mark.parametrize(
    "syntax",
    ["", "implicit", RLELossless, JPEG2000Lossless],
    ids=["explicit", "implicit", "RLE", "JPEG 2000"],
)
def test_dicom_that_was_closed_ends_with_its_pixels(tmp_path: Path, syntax: str) -> None:
    dataset = compressed_slice(syntax) if syntax not in {"", "implicit"} else ct_slice()
    if syntax == "implicit":
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    path, content = tmp_path / "file", as_bytes(dataset)
    path.write_bytes(content)
    assert carries_its_end(path, closed=True)
    assert not carries_its_end(path)  # it may have its whole length before its pixels are written
    for part in (content[:-1], content[: len(content) // 2], content + b"more", content[:132]):
        path.write_bytes(part)
        assert not carries_its_end(path, closed=True)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_dicom_without_preamble_ends_with_its_pixels_too(tmp_path: Path, syntax: str) -> None:
    dataset = ct_slice()
    dataset.file_meta.TransferSyntaxUID = syntax
    whole = as_bytes(dataset)
    for content in (whole[132:], whole[whole.index(b"\x08\x00\x08\x00") :]):
        path = tmp_path / "file"
        path.write_bytes(content)
        assert carries_its_end(path, closed=True)
        assert not carries_its_end(path)
        path.write_bytes(content[:-1])
        assert not carries_its_end(path, closed=True)


def test_dicom_is_not_taken_for_whole_by_the_pixels_of_its_icon(tmp_path: Path) -> None:
    icon = Dataset()
    icon.Rows, icon.Columns, icon.PixelData = 8, 8, bytes(64)
    icon["PixelData"].VR = "OB"
    path, content = tmp_path / "file", as_bytes(ct_slice(IconImageSequence=[icon]))
    path.write_bytes(content)
    assert carries_its_end(path, closed=True)
    path.write_bytes(content[:-2000])
    assert not carries_its_end(path, closed=True)


def test_a_zip_that_was_closed_ends_with_its_directory(tmp_path: Path) -> None:
    path, content = tmp_path / "file", zip_of([("a.png", PNG), ("b.png", PNG)])
    path.write_bytes(content)
    assert carries_its_end(path, closed=True)
    assert not carries_its_end(path)
    for part in (content[:-1], content[: len(content) // 2], content + b"more", content[:4], content[4:]):
        path.write_bytes(part)
        assert not carries_its_end(path, closed=True)


def test_hidden_and_unfinished_files_links_fifos_and_devices_are_passed_over(tmp_path: Path) -> None:
    inbox, outside = tmp_path / "inbox", tmp_path / "outside"
    (inbox / "study" / "series").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.png").write_bytes(PNG)
    for name in ("study/series/file.png", ".hidden.png", "upload.tmp", "upload.part"):
        (inbox / name).write_bytes(PNG)
    (inbox / "link.png").symlink_to(outside / "secret.png")
    (inbox / "linked").symlink_to(outside)
    os.mkfifo(inbox / "fifo.png")
    assert list(find_files(inbox)) == [inbox / "study" / "series" / "file.png"]


@pytest.mark.parametrize(
    "name",
    [
        *("a.png.filepart", "a.PNG.FilePart", "a.crdownload", "a.partial", "a.part", "a.TMP", "a.download"),
        *(
            "a.opdownload",
            "a.!ut",
            "a.aria2",
            "a.png~",
            "~$a.png",
            ".~lock.a.png#",
            ".a.png.Xy12ab",
            "a.temp",
        ),
        *(".DS_Store", "._a.png", "Thumbs.db", "THUMBS.DB", "desktop.ini", "Icon\r", "@eaDir", "lost+found"),
    ],
)
def test_what_is_still_written_or_the_systems_by_its_name_is_left_alone(tmp_path: Path, name: str) -> None:
    assert is_ignored(name)
    (tmp_path / "file").mkdir()
    (tmp_path / "file" / name).write_bytes(PNG)
    (tmp_path / "folder" / name).mkdir(parents=True)
    (tmp_path / "folder" / name / "a.png").write_bytes(PNG)
    assert list(find_files(tmp_path)) == []
    (tmp_path / "file" / name).rename(tmp_path / "file" / "a.png")
    (tmp_path / "folder" / name).rename(tmp_path / "folder" / "a")
    assert {path.parent.name for path in find_files(tmp_path)} == {"file", "a"}


@pytest.mark.parametrize("ending", UNFINISHED)
def test_the_names_that_are_left_alone_are_documented(ending: str) -> None:
    assert f"`*{ending}`" in (Path(__file__).parents[3] / "docs" / "operations.md").read_text()


@pytest.mark.parametrize(
    "name", ["a.part2", "part", "tmp.png", "a~1.png", "$a.png", "IM0001", "thumbs.db.png"]
)
def test_other_names_are_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(PNG)
    assert not is_ignored(name)
    assert list(find_files(tmp_path)) == [tmp_path / name]


class Broken:
    """A folder of a network share whose listing ends with an error after its first name."""

    def __init__(self, entries: Iterator[os.DirEntry[str]]) -> None:
        self.entries = entries

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> os.DirEntry[str]:
        for entry in self.entries:
            return entry
        raise OSError(errno.EIO, "Input/output error")


def test_a_folder_that_cannot_be_listed_to_its_end_keeps_no_other_from_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("broken/a.png", "well/b.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(PNG)

    def scandir(folder: str, really: Callable[[str], Any] = os.scandir) -> Any:  # noqa: ANN401 - as os.scandir
        return Broken(really(folder)) if folder.endswith("broken") else really(folder)

    # No file system of these tests fails so.
    monkeypatch.setattr(os, "scandir", scandir)
    assert {path.name for path in find_files(tmp_path)} == {"a.png", "b.png"}


def test_links_and_fifos_are_never_opened(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "fifo")
    for name in ("link", "fifo"):
        with pytest.raises(OSError, match=r"symbolic|regular"):
            open_regular(tmp_path / name)


def test_a_missing_inbox_is_told(tmp_path: Path) -> None:
    with pytest.raises(InboxUnusable, match=r"does not exist.*Create it"):
        check_inbox(tmp_path / "inbox")


def test_an_inbox_that_cannot_be_written_is_told(tmp_path: Path, unprivileged: None) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    inbox.chmod(0o500)
    with pytest.raises(InboxUnusable, match="chmod u\\+rwx"):
        check_inbox(inbox)
