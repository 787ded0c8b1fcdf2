import hashlib
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.errors import ImageTooLarge, StoreUnavailable, UnreadableImage
from core.home import Home
from core.image_files import Limits, read_file, read_stored
from core.settings import Settings

CONTENT = b"slice" * 300_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def stored(home: Home) -> Path:
    (home.store / SHA256).write_bytes(CONTENT)
    (home.store / "another").write_bytes(b"")
    return home.store / SHA256


def test_the_limits_are_those_that_are_set(settings: Settings) -> None:
    assert Limits.of(replace(settings, max_pixels=5000, max_file_mb=2.5)) == Limits(5000, 2.5)


def test_the_bytes_that_arrived_are_read(home: Home, stored: Path) -> None:
    assert read_stored(home, SHA256, 2) == read_file(stored, 2) == read_file(stored, 2, SHA256) == CONTENT


def test_other_bytes_than_those_that_arrived_are_refused(home: Home, stored: Path) -> None:
    stored.write_bytes(CONTENT + b"later")
    with pytest.raises(UnreadableImage, match="changed after it arrived"):
        read_stored(home, SHA256, 2)
    with pytest.raises(UnreadableImage, match="not the one that was recorded"):
        read_file(stored, 2, SHA256)


def test_a_file_over_the_limit_is_refused_before_it_is_read(home: Home, stored: Path) -> None:
    for refused in (lambda: read_stored(home, SHA256, 1), lambda: read_file(stored, 1)):
        with pytest.raises(ImageTooLarge, match="larger than 1 MiB"):
            refused()


def test_a_file_that_is_gone_is_told_from_a_store_that_is_away(home: Home, stored: Path) -> None:
    stored.unlink()
    with pytest.raises(UnreadableImage, match="Drop the file again"):
        read_stored(home, SHA256, 2)
    (home.store / "another").unlink()
    with pytest.raises(StoreUnavailable):
        read_stored(home, SHA256, 2)
