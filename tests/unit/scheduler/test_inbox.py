import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from core.errors import InboxUnusable
from core.store import open_regular
from scheduler.inbox import carries_its_end, check_inbox, find_files

PNG = b"\x89PNG\r\n\x1a\n...\x00\x00\x00\x00IEND\xaeB`\x82"
JPEG = b"\xff\xd8\xff\xe0...\xff\xd9"


@pytest.mark.parametrize(
    ("content", "complete"), [(PNG, True), (PNG[:-1], False), (JPEG, True), (JPEG[:-1], False)]
)
def test_png_and_jpeg_carry_their_own_end(tmp_path: Path, content: bytes, complete: bool) -> None:
    path = tmp_path / "scan"
    path.write_bytes(content)
    assert carries_its_end(path) is complete


@pytest.mark.parametrize("content", [b"", b"II*\x00", b"BM", b"\xff\xd9"])
def test_nothing_else_carries_its_end(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "scan"
    path.write_bytes(content)
    assert not carries_its_end(path)


def test_hidden_and_unfinished_files_links_fifos_and_devices_are_passed_over(tmp_path: Path) -> None:
    inbox, outside = tmp_path / "inbox", tmp_path / "outside"
    (inbox / "study" / "series").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.png").write_bytes(PNG)
    for name in ("study/series/scan.png", ".hidden.png", "upload.tmp", "upload.part"):
        (inbox / name).write_bytes(PNG)
    (inbox / "link.png").symlink_to(outside / "secret.png")
    (inbox / "linked").symlink_to(outside)
    os.mkfifo(inbox / "fifo.png")
    assert list(find_files(inbox)) == [inbox / "study" / "series" / "scan.png"]


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
