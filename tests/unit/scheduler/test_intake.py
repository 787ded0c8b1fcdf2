import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from core.errors import DiskNearlyFull, InboxUnusable, StoreUnavailable
from core.home import Home
from core.settings import Settings
from core.store import remove_leftovers
from db.tables import Arrival, File
from scheduler.claims import CLAIMS, InboxFile
from scheduler.inbox import walk
from scheduler.intake import CHANGED, RECORDED, TOO_LARGE, VANISHED, Intake
from tests.conftest import file_system
from tests.transactions import at, fail


@pytest.fixture
def intake(settings: Settings, home: Home, sqlite_engine: Engine) -> Iterator[Intake]:
    made = Intake(replace(settings, max_file_mb=1.0), home, sqlite_engine)
    yield made
    made.close()


def drop(home: Home, name: str, content: bytes) -> InboxFile:
    path = home.inbox / name
    path.write_bytes(content)
    return InboxFile(path, Path(name))


def recorded(engine: Engine) -> list[File]:
    with Session(engine) as session:
        return list(session.scalars(select(File).order_by(File.id)))


def arrivals(engine: Engine) -> list[str]:
    with Session(engine) as session:
        return sorted(session.scalars(select(Arrival.source_name)))


def test_a_file_moves_from_the_inbox_to_the_store_under_its_sha256(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    file = drop(home, "a.png", b"bytes")
    taken = intake.take([file])
    sha256 = hashlib.sha256(b"bytes").hexdigest()
    assert (home.store / sha256).read_bytes() == b"bytes"
    assert not file.path.exists()
    (row,) = recorded(sqlite_engine)
    assert (row.id, row.sha256, row.state, row.size_bytes) == (
        taken.file_ids[file.path],
        sha256,
        "received",
        5,
    )


@pytest.mark.parametrize("folder", ["store", "rejected", "dataset"])
def test_headcts_own_copy_is_never_taken_away(intake: Intake, home: Home, folder: str) -> None:
    """As when a person drops a stored file again, by a path or through a link to its folder."""
    own, link = home.root / folder / ("a" * 64), home.root / "link"
    own.write_bytes(b"content")
    link.symlink_to(own.parent)
    for path in (own, link / own.name):
        left = intake.take([InboxFile(path, Path(own.name))]).left
        assert "`headct retry`" in left[path]
        assert own.read_bytes() == b"content"


def test_copying_leaves_the_file(intake: Intake, home: Home) -> None:
    file = drop(home, "a.png", b"bytes")
    intake.submit([file], remove=False)
    assert file.path.exists()


def test_the_same_bytes_again_are_another_arrival_of_the_same_file(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    first = intake.take([drop(home, "a.png", b"bytes")])
    second = intake.take([drop(home, "b.png", b"bytes"), drop(home, "c.png", b"bytes")])
    assert set(first.file_ids.values()) == set(second.file_ids.values())
    assert len(recorded(sqlite_engine)) == 1
    assert arrivals(sqlite_engine) == ["a.png", "b.png", "c.png"]


def test_a_crash_between_store_and_commit_loses_nothing(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    file = drop(home, "a.png", b"bytes")
    (home.store / hashlib.sha256(b"bytes").hexdigest()).write_bytes(b"byt")  # what an earlier crash may leave
    intake.take([file])
    assert (home.store / hashlib.sha256(b"bytes").hexdigest()).read_bytes() == b"bytes"
    assert len(recorded(sqlite_engine)) == 1


def test_too_large_a_file_goes_to_rejected_with_its_reason(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    content = bytes(2**20 + 1)
    file = drop(home, "big.tif", content)
    intake.take([file])
    (row,) = recorded(sqlite_engine)
    assert row.state == "rejected"
    assert "HEADCT_MAX_FILE_MB" in str(row.reason)
    assert (home.rejected / row.sha256).stat().st_size == len(content)
    assert list(home.store.iterdir()) == []
    assert not file.path.exists()


def test_the_same_file_sent_again_and_again_arrives_each_time(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    """As by `rsync -a`, which keeps its time. The store keeps the newest, so inode numbers come again."""
    for _ in range(6):
        file = drop(home, "a.png", b"bytes")
        os.utime(file.path, (0, 0))
        intake.take([file])
    assert arrivals(sqlite_engine) == ["a.png"] * 6
    assert len(recorded(sqlite_engine)) == 1


@pytest.mark.parametrize("size", [2**20 + 1, 4 * 2**30 + 1])
def test_a_file_that_is_too_large_to_be_kept_is_left_and_holds_up_no_other(
    intake: Intake, home: Home, sqlite_engine: Engine, small_disk: Path, size: int
) -> None:
    """A sparse one costs its sender nothing."""
    if size < 2**30:
        home.rejected.rmdir()
        home.rejected.symlink_to(small_disk)
    large, good = drop(home, "large.tif", b""), drop(home, "good.png", b"bytes")
    os.truncate(large.path, size)
    taken = intake.take([large, good])
    assert taken.left == {large.path: TOO_LARGE}
    assert arrivals(sqlite_engine) == ["good.png"]
    assert list(small_disk.iterdir()) == list(home.rejected.iterdir()) == []


def test_nothing_is_written_below_a_mount_point_without_its_disk(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    intake.take([drop(home, "a.png", b"bytes")])
    home.store.rename(home.root / "disk")
    file = drop(home, "b.png", b"other")
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        intake.take([file])
    home.store.mkdir()
    with pytest.raises(StoreUnavailable, match="mount its disk"):
        intake.take([file])
    assert list(home.store.iterdir()) == []
    home.store.rmdir()
    (home.root / "disk").rename(home.store)
    intake.take([file])
    assert arrivals(sqlite_engine) == ["a.png", "b.png"]


def test_a_link_that_took_the_place_of_a_folder_is_not_followed(
    intake: Intake, home: Home, sqlite_engine: Engine, tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "password").write_bytes(b"secret")
    (home.inbox / "study").symlink_to(secrets)
    path = home.inbox / "study" / "password"
    taken = intake.take([InboxFile(path, Path("study/password"))])
    assert "cannot be read" in taken.left[path]
    assert (secrets / "password").exists()
    assert recorded(sqlite_engine) == []
    assert list(home.store.iterdir()) == []


def test_below_the_low_water_mark_nothing_is_taken(
    settings: Settings, home: Home, sqlite_engine: Engine
) -> None:
    intake = Intake(replace(settings, min_free_mb=100_000_000), home, sqlite_engine)
    file = drop(home, "a.png", b"bytes")
    with pytest.raises(DiskNearlyFull, match="HEADCT_MIN_FREE_MB"):
        intake.take([file])
    assert file.path.exists()
    assert recorded(sqlite_engine) == []
    intake.close()


def test_a_file_that_vanished_is_left_out(intake: Intake, home: Home) -> None:
    taken = intake.take([InboxFile(home.inbox / "gone.png", Path("gone.png"))])
    assert taken.left == {home.inbox / "gone.png": VANISHED}


def test_a_file_that_changes_while_it_is_read_is_taken_at_the_next_look_into_the_claims(
    intake: Intake, home: Home, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = drop(home, "a.tif", b"first half")

    class WriterGoesOn:
        """A hash whose first update falls together with a write by somebody else."""

        def __init__(self, data: bytes = b"") -> None:
            self._digest = hashlib.new("sha256", data)

        def update(self, block: bytes) -> None:
            self._digest.update(block)
            (claimed,) = (home.inbox / CLAIMS).glob("*/a.tif")
            if claimed.stat().st_size == len(b"first half"):
                with claimed.open("ab") as writer:
                    writer.write(b"second half")

        def hexdigest(self) -> str:
            return self._digest.hexdigest()

    # Nothing else happens between two reads of a file.
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("core.store.hashlib.sha256", WriterGoesOn)
        assert intake.take([file]).left == {file.path: CHANGED}
    assert recorded(sqlite_engine) == []
    assert list(home.store.iterdir()) == []
    intake.looks_for_claims = True
    intake.take([])
    assert [row.size_bytes for row in recorded(sqlite_engine)] == [len(b"first halfsecond half")]


def test_copied_files_do_not_change_with_their_source(intake: Intake, home: Home) -> None:
    file = drop(home, "a.png", b"bytes")
    intake.submit([file], remove=False)
    file.path.write_bytes(b"other")
    assert (home.store / hashlib.sha256(b"bytes").hexdigest()).read_bytes() == b"bytes"


def test_an_unreadable_file_stays_and_says_why(intake: Intake, home: Home, unprivileged: None) -> None:
    file = drop(home, "a.png", b"bytes")
    file.path.chmod(0)
    taken = intake.take([file])
    assert "Permission denied" in taken.left[file.path]
    assert file.path.exists()


def test_names_that_are_no_utf8_or_hold_newlines_are_recorded(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    names = [os.fsdecode(b"file-\xff.png"), "line\nbreak'\".png", "é" * 100 + ".png"]
    intake.take([drop(home, name, name.encode("utf-8", "surrogateescape")) for name in names])
    assert arrivals(sqlite_engine) == sorted(["file-\\xff.png", "line\nbreak'\".png", "é" * 100 + ".png"])


def test_names_of_one_file_that_are_one_for_people_are_two_arrivals(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    """They have the same bytes, inode and time: only the bytes of the names differ. Found by `make fuzz`."""
    file = drop(home, os.fsdecode(b"\xff.png"), b"a")
    other = InboxFile(home.inbox / r"\xff.png", Path(r"\xff.png"))
    other.path.hardlink_to(file.path)
    assert intake.take([file, other]).left == {}
    assert arrivals(sqlite_engine) == [r"\xff.png", r"\xff.png"]


def test_names_that_a_killed_process_left_unfinished_are_removed(home: Home) -> None:
    (home.store / ".incoming-1").write_bytes(b"half")
    remove_leftovers(home.store)
    assert len(list(home.store.iterdir())) == 1, "its process may still be at work"
    remove_leftovers(home.store, older_than_s=-1)
    assert list(home.store.iterdir()) == []


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("size", [5, 2**20 + 1])
@pytest.mark.parametrize("moment", ["before the commit", "after it"])
def test_an_intake_that_was_killed_loses_and_doubles_nothing(
    intake: Intake,
    home: Home,
    sqlite_engine: Engine,
    size: int,
    moment: str,
) -> None:
    """Also with a file in a folder, and with another one of the same name that came meanwhile."""
    (home.inbox / "study").mkdir()
    names = ["a.png", "study/b.png"]
    files = [drop(home, name, name.encode() + bytes(size)) for name in names]
    where = (sqlite_engine, "commit") if moment == "before the commit" else (Session, "after_commit")
    with at(*where, fail(Killed)), pytest.raises(Killed):
        intake.take(files)
    assert list(walk(str(home.inbox))) == [], "they are in a claim"
    again = drop(home, "a.png", b"another")
    intake.take([again])
    assert arrivals(sqlite_engine) == ["a.png", "a.png", "study/b.png"]
    assert len(recorded(sqlite_engine)) == 3
    assert list((home.inbox / CLAIMS).iterdir()) == []


def test_a_claim_whose_files_were_removed_goes(intake: Intake, home: Home) -> None:
    (home.inbox / CLAIMS / "0123" / "study").mkdir(0o700, parents=True)  # the process ended before that
    intake.take([])
    assert list((home.inbox / CLAIMS).iterdir()) == []


def test_a_database_that_does_not_answer_keeps_every_file_until_it_does(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    def rename(table: str, new: str) -> None:
        with sqlite_engine.begin() as connection:
            connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")
            connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {new}")

    rename("arrival", "away")
    first, second = drop(home, "a.png", b"bytes"), drop(home, "b.png", b"other")
    for file in (first, second):
        with pytest.raises(OperationalError):
            intake.take([file])
    assert sorted(walk(str(home.inbox))) == [str(first.path), str(second.path)], "nothing was claimed"
    assert recorded(sqlite_engine) == []
    rename("away", "arrival")
    intake.take([first, second])
    assert arrivals(sqlite_engine) == ["a.png", "b.png"]


def test_another_file_that_takes_its_place_meanwhile_is_another_arrival(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    file = drop(home, "a.png", b"first")
    with at(sqlite_engine, "commit", lambda: drop(home, "a.png", b"second")):
        intake.take([file])
    assert Path(file.path).read_bytes() == b"second"
    intake.take([file])
    assert arrivals(sqlite_engine) == ["a.png", "a.png"]
    assert len(recorded(sqlite_engine)) == 2


def test_a_file_that_is_open_for_writing_stays_in_the_inbox(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    file = drop(home, "slow.tif", b"first half, ")
    with Path(file.path).open("ab") as writer:
        assert intake.take([file]).left == {file.path: CHANGED}
        writer.write(b"second half")
    intake.take([file])
    assert [row.size_bytes for row in recorded(sqlite_engine)] == [len(b"first half, second half")]


def test_what_is_written_to_a_file_while_it_is_recorded_is_taken_at_the_next_look_into_the_claims(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    """By who opened it in the moment before it was claimed."""
    file = drop(home, "slow.tif", b"first half, ")

    def go_on_writing() -> None:
        (claimed,) = (home.inbox / CLAIMS).glob("*/slow.tif")
        with claimed.open("ab") as writer:
            writer.write(b"second half")

    with at(sqlite_engine, "commit", go_on_writing):
        intake.take([file])
    intake.looks_for_claims = True
    intake.take([])
    whole = hashlib.sha256(b"first half, second half").hexdigest()
    assert (home.store / whole).read_bytes() == b"first half, second half"
    assert [file.sha256 for file in recorded(sqlite_engine)][1:] == [whole]
    assert list((home.inbox / CLAIMS).iterdir()) == []


def test_a_folder_of_the_inbox_on_another_file_system_is_taken_too(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    with file_system(home.inbox / "share", "64k"):
        file = drop(home, "share/a.png", b"bytes")
        intake.take([file])
        assert not Path(file.path).exists()
    assert arrivals(sqlite_engine) == ["share/a.png"]
    assert (home.store / hashlib.sha256(b"bytes").hexdigest()).read_bytes() == b"bytes"


def test_a_file_that_may_not_be_moved_is_recorded_once_where_it_is(
    intake: Intake, home: Home, sqlite_engine: Engine, unprivileged: None
) -> None:
    (home.inbox / "theirs").mkdir()
    file = drop(home, "theirs/a.png", b"bytes")
    (home.inbox / "theirs").chmod(0o500)
    try:
        assert intake.take([file]).left == {file.path: RECORDED}
        again = intake.take([file])
        assert (again.file_ids, again.left) == ({}, {file.path: RECORDED})
    finally:
        (home.inbox / "theirs").chmod(0o700)
    assert Path(file.path).exists()
    intake.take([file])
    assert not Path(file.path).exists(), "it can be removed"
    assert arrivals(sqlite_engine) == ["theirs/a.png"]


def test_a_path_that_is_too_long_for_a_claim_is_taken_where_it_is(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    room = 4095 - len(str(home.inbox)) - len("/a.png") - 20  # a claim's name takes more than these twenty
    parts = ["d" * 250] * (room // 251)
    folder = Path(home.inbox, *parts, "e" * (room - 251 * len(parts) - 1))
    folder.mkdir(parents=True)
    file = InboxFile(folder / "a.png", str(folder / "a.png")[len(str(home.inbox)) + 1 :])
    Path(file.path).write_bytes(b"bytes")
    assert intake.take([file]).left == {}
    assert len(recorded(sqlite_engine)) == 1
    assert not Path(file.path).exists()


@pytest.mark.parametrize("what", ["link", "open to others"])
def test_claims_are_made_only_in_a_folder_of_our_own(
    intake: Intake, home: Home, tmp_path: Path, what: str
) -> None:
    claims = home.inbox / CLAIMS
    if what == "link":
        (tmp_path / "elsewhere").mkdir()
        claims.symlink_to(tmp_path / "elsewhere")
    else:
        claims.mkdir()
        claims.chmod(0o777)
    file = drop(home, "a.png", b"bytes")
    with pytest.raises(InboxUnusable, match=r"\.incoming must be a folder that this user alone can write in"):
        intake.take([file])
    assert Path(file.path).exists()


def test_what_is_no_file_is_left_in_its_claim(intake: Intake, home: Home, sqlite_engine: Engine) -> None:
    """As when a link takes the place of a file in the moment before it is claimed."""
    intake.take([drop(home, "first.png", b"first")])
    secret = home.root / "secret"
    secret.write_bytes(b"secret")
    file = drop(home, "a.png", b"bytes")

    def exchange() -> None:
        Path(file.path).unlink()
        Path(file.path).symlink_to(secret)

    # Between the look at a file and its claim the database is asked whether it is known.
    with at(sqlite_engine, "before_cursor_execute", exchange):
        assert "links are not followed" in intake.take([file]).left[file.path]
    (claimed,) = (home.inbox / CLAIMS).glob("*/a.png")
    assert claimed.is_symlink()
    assert arrivals(sqlite_engine) == ["first.png"]
    assert len(list(home.store.iterdir())) == 1
    assert secret.read_bytes() == b"secret"


def test_submitting_by_moving_removes_what_was_recorded_and_nothing_else(
    intake: Intake, home: Home, tmp_path: Path, sqlite_engine: Engine
) -> None:
    files = []
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(name.encode())
        files.append(InboxFile(tmp_path / name, name))
    (tmp_path / "new").write_bytes(b"another")
    inode = (tmp_path / "a.png").stat().st_ino
    with at(sqlite_engine, "commit", lambda: (tmp_path / "new").replace(tmp_path / "b.png")):
        taken = intake.submit(files, remove=True)
    assert len(taken.file_ids) == 2
    stored = (home.store / hashlib.sha256(b"a.png").hexdigest()).stat()
    assert (stored.st_ino, stored.st_nlink) == (inode, 1), "it was linked, not copied"
    assert not (tmp_path / "a.png").exists()
    assert (tmp_path / "b.png").read_bytes() == b"another"
    assert arrivals(sqlite_engine) == ["a.png", "b.png"]


def test_a_full_disk_keeps_every_file_and_goes_on_when_there_is_room(
    intake: Intake, home: Home, sqlite_engine: Engine, small_disk: Path
) -> None:
    home.store.rmdir()
    home.store.symlink_to(small_disk)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(60_000))
    file = drop(home, "a.png", bytes(30_000))
    with pytest.raises(OSError, match="No space left"):
        intake.take([file])
    assert recorded(sqlite_engine) == []
    filler.unlink()
    assert intake.take([]).file_ids.keys() == {str(file.path)}
    assert list((home.inbox / CLAIMS).iterdir()) == []
