import os
from pathlib import Path

import pytest

from scheduler.emptied import EmptiedFolders


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox" / "study" / "series").mkdir(parents=True)
    return tmp_path / "inbox"


def emptied(inbox: Path, *folders: str, empty_s: float = 0.0) -> EmptiedFolders:
    """Looked at once; at the second look what is empty goes."""
    found = EmptiedFolders(str(inbox), empty_s=empty_s)
    for folder in folders or ("study/series",):
        found.took_from(str(inbox / folder))
    found.remove_old()
    return found


def test_empty_folders_go_from_below_and_the_inbox_stays(inbox: Path) -> None:
    (inbox / "study" / "other").mkdir()
    found = emptied(inbox, "study/series", "study/other", ".")
    assert (inbox / "study" / "series").exists(), "it was only looked at"
    found.remove_old()
    assert list((inbox / "study").iterdir()) == []
    found.remove_old()
    found.remove_old()
    assert list(inbox.iterdir()) == []


def test_a_folder_in_which_nothing_was_taken_stays(inbox: Path) -> None:
    (inbox / "study" / "next").mkdir()
    found = emptied(inbox)
    for _ in range(4):
        found.remove_old()
    assert [path.name for path in (inbox / "study").iterdir()] == ["next"]


def test_a_folder_stays_while_it_is_young(inbox: Path) -> None:
    found = emptied(inbox, empty_s=600.0)
    for _ in range(4):
        found.remove_old()
    assert (inbox / "study" / "series").exists()


def test_a_folder_in_which_something_came_or_went_is_young_again(inbox: Path) -> None:
    found = emptied(inbox)
    (inbox / "study" / "series" / "a.png").touch()
    (inbox / "study" / "series" / "a.png").unlink()
    os.utime(inbox / "study" / "series", ns=(1, 1))
    found.remove_old()
    assert (inbox / "study" / "series").exists()
    found.remove_old()
    assert not (inbox / "study" / "series").exists()


@pytest.mark.parametrize("name", ["a.png", ".keep", "folder/"])
def test_a_folder_that_holds_anything_stays_until_it_does_not(inbox: Path, name: str) -> None:
    held = inbox / "study" / "series" / name
    held.mkdir() if name.endswith("/") else held.touch()
    found = emptied(inbox)
    found.remove_old()
    found.remove_old()
    assert held.exists()
    held.rmdir() if name.endswith("/") else held.unlink()
    found.remove_old()
    found.remove_old()
    assert not (inbox / "study" / "series").exists()


def test_a_link_in_the_place_of_a_folder_leads_nowhere(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "outside" / "series").mkdir(parents=True)
    found = emptied(inbox)
    (inbox / "study" / "series").rmdir()
    (inbox / "study").rmdir()
    (inbox / "study").symlink_to(tmp_path / "outside")
    for _ in range(4):
        found.remove_old()
    assert (tmp_path / "outside" / "series").exists()
    assert (inbox / "study").is_symlink()


def test_what_this_user_may_not_remove_stays(inbox: Path, unprivileged: None) -> None:
    (inbox / "study").chmod(0o500)
    found = emptied(inbox)
    found.remove_old()
    found.remove_old()
    (inbox / "study").chmod(0o700)
    assert (inbox / "study" / "series").exists()
