"""A kept file is linked where that is possible, and copied where it is not wanted."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import BinaryIO

import pytest

from core.store import Stored, is_being_written, open_folder, opened_folder, store_file


def kept_in(file: BinaryIO, folder: Path, *, link: bool, min_free: int = 0) -> Stored:
    with opened_folder(folder) as store:
        return store_file(file.fileno(), store, link=link, min_free=min_free)


@pytest.mark.parametrize("link", [True, False])
def test_a_kept_file_is_a_second_name_or_a_copy(tmp_path: Path, link: bool) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(b"bytes")
    with source.open("rb") as file:
        kept = kept_in(file, tmp_path, link=link)
    assert kept.sha256 == hashlib.sha256(b"bytes").hexdigest()
    assert source.samefile(tmp_path / kept.sha256) is link


@pytest.mark.parametrize("link", [True, False])
def test_a_file_of_several_blocks_is_kept_whole(tmp_path: Path, link: bool) -> None:
    content = os.urandom(5 * 2**19 + 1)
    source, store = tmp_path / "a.png", tmp_path / "store"
    store.mkdir()
    source.write_bytes(content)
    with source.open("rb") as file:
        kept = kept_in(file, store, link=link)
    assert kept.sha256 == hashlib.sha256(content).hexdigest()
    assert (store / kept.sha256).read_bytes() == content


def test_a_file_with_another_name_is_copied_so_that_its_owner_cannot_change_it(tmp_path: Path) -> None:
    source, other, store = tmp_path / "a.png", tmp_path / "outside.png", tmp_path / "store"
    store.mkdir()
    other.write_bytes(b"bytes")
    other.chmod(0o644)
    source.hardlink_to(other)
    with source.open("rb") as file:
        kept = kept_in(file, store, link=True)
    source.unlink()
    other.write_bytes(b"other")
    assert (store / kept.sha256).read_bytes() == b"bytes"
    assert (other.stat().st_mode & 0o777, other.stat().st_nlink) == (0o644, 1)


def test_a_file_is_being_written_as_long_as_somebody_has_it_open_for_that(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with path.open("wb") as writer, path.open("rb") as reader:
        assert is_being_written(reader.fileno())
        writer.close()
        assert not is_being_written(reader.fileno())


def test_who_opens_a_file_for_writing_is_held_up_by_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.touch()
    with path.open("rb") as reader:
        assert not is_being_written(reader.fileno())
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))  # which would fail while a lease is held


def test_a_folder_is_opened_by_no_link_below_the_top(tmp_path: Path) -> None:
    top, outside = tmp_path / "inbox", tmp_path / "outside"
    (top / "study").mkdir(parents=True)
    outside.mkdir()
    os.close(open_folder(top / "study", top))
    (top / "study" / "series").symlink_to(outside)
    with pytest.raises(NotADirectoryError):
        open_folder(top / "study" / "series", top)


def test_a_copy_leaves_so_much_room_as_is_asked_for(tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(b"bytes")
    free = shutil.disk_usage(tmp_path).free
    with source.open("rb") as file:
        with pytest.raises(OSError, match="No space left"):
            kept_in(file, tmp_path, link=False, min_free=2 * free)
        assert list(tmp_path.iterdir()) == [source]
        assert kept_in(file, tmp_path, link=False, min_free=free // 2).size_bytes == 5
        file.seek(0)
        linked = kept_in(file, tmp_path, link=True, min_free=2 * free)  # which takes no room
        assert source.samefile(tmp_path / linked.sha256)
