import os
from pathlib import Path

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
