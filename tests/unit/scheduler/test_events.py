"""What the kernel tells of the inbox, by real events."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.home import Home
from scheduler.events import FileEvents, Noticed

# fs.inotify.max_queued_events of the kernel.
_QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")


@pytest.fixture
def events(home: Home) -> Iterator[FileEvents]:
    with FileEvents(home) as made:
        made.watch(str(home.inbox))
        yield made


def test_what_was_written_or_moved_in_and_what_was_only_created_are_told_apart(
    home: Home, events: FileEvents, tmp_path: Path
) -> None:
    (tmp_path / "moved.png").touch()
    (tmp_path / "moved.png").rename(home.inbox / "moved.png")
    (home.inbox / "link.png").hardlink_to(home.inbox / "moved.png")
    with (home.inbox / "open.png").open("wb"):
        noticed = events.read(1, 0)
    assert noticed == Noticed(
        written=[f"{home.inbox}/moved.png"], created=[f"{home.inbox}/link.png", f"{home.inbox}/open.png"]
    )
    assert events.read(1, 0).written == [f"{home.inbox}/open.png"]


def test_the_inbox_may_be_a_link_to_a_folder_elsewhere_but_no_folder_in_it(
    home: Home, tmp_path: Path
) -> None:
    home.inbox.rmdir()
    (tmp_path / "share").mkdir()
    home.inbox.symlink_to(tmp_path / "share")
    (tmp_path / "other").mkdir()
    (tmp_path / "share" / "study").symlink_to(tmp_path / "other")
    with FileEvents(home) as events:
        events.watch(str(home.inbox))
        events.watch(str(home.inbox / "study"))
        (tmp_path / "other" / "b.png").touch()
        (tmp_path / "share" / "a.png").touch()
        assert events.read(1, 0.1).written == [f"{home.inbox}/a.png"]


def test_reading_linking_and_removing_tell_nothing(home: Home, events: FileEvents, tmp_path: Path) -> None:
    path = home.inbox / "a.png"
    path.touch()
    events.read(1, 0)
    path.read_bytes()
    (tmp_path / "link").hardlink_to(path)
    path.unlink()
    assert events.read(0, 0) == Noticed()


def test_hidden_and_unfinished_names_tell_nothing_until_they_are_renamed(
    home: Home, events: FileEvents
) -> None:
    (home.inbox / ".hidden").mkdir()
    (home.inbox / "upload.part").touch()
    assert events.read(0.2, 0) == Noticed()
    (home.inbox / "upload.part").rename(home.inbox / "upload.png")
    assert events.read(1, 0).written == [f"{home.inbox}/upload.png"]


def test_a_folder_that_is_moved_is_told_under_its_new_name_and_away_not_any_more(
    home: Home, events: FileEvents, tmp_path: Path
) -> None:
    folder = home.inbox / "study"
    folder.mkdir()
    assert events.read(1, 0).folders == [str(folder)]
    events.watch(str(folder))
    moved = folder.rename(home.inbox / "moved")
    assert events.read(1, 0).folders == [str(moved)]
    events.watch(str(moved))
    (moved / "a.png").touch()
    assert events.read(1, 0).written == [str(moved / "a.png")]
    away = moved.rename(tmp_path / "away")
    events.read(1, 0)
    (away / "b.png").touch()
    assert events.read(0, 0) == Noticed()


def test_the_name_may_be_any(home: Home, events: FileEvents) -> None:
    names = [os.fsdecode(b"no utf-8 \xff"), "line\nbreak", "n" * 255]
    for name in names:
        (home.inbox / name).touch()
    assert events.read(1, 0).written == [f"{home.inbox}/{name}" for name in names]


def test_a_link_to_a_folder_is_not_watched(home: Home, events: FileEvents, tmp_path: Path) -> None:
    (home.inbox / "linked").symlink_to(tmp_path)
    events.watch(str(home.inbox / "linked"))
    (tmp_path / "outside.png").touch()
    assert events.read(1, 0) == Noticed(created=[f"{home.inbox}/linked"])


def test_waking_is_told(home: Home, events: FileEvents) -> None:
    home.wake.touch()
    assert events.read(1, 0).woken
    (home.run / "other").touch()
    assert not events.read(0, 0).woken
    home.wake.touch()
    assert events.read(1, 0).woken


def test_events_that_were_dropped_are_told(home: Home, events: FileEvents) -> None:
    for number in range(int(_QUEUE.read_text()) // 2 + 1):  # each file is created, then closed
        (home.inbox / str(number)).touch()
    noticed = events.read(1, 0)
    assert noticed.overflowed
    assert noticed.written
    assert not events.read(0, 0).overflowed
