import hashlib
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from core.errors import DiskNearlyFull, StoreUnavailable
from core.home import Home
from core.settings import Settings
from core.store import remove_leftovers
from db.arrivals import NewArrival
from db.tables import Arrival, Scan
from scheduler import intake as intake_module
from scheduler.inbox import SET_ASIDE, walk
from scheduler.intake import CHANGED, TOO_LARGE, VANISHED, Candidate, Intake, put_back_leftovers


@pytest.fixture
def intake(settings: Settings, home: Home, sqlite_engine: Engine) -> Iterator[Intake]:
    made = Intake(replace(settings, max_file_mb=1.0), home, sqlite_engine)
    yield made
    made.close()


def drop(home: Home, name: str, content: bytes) -> Candidate:
    path = home.inbox / name
    path.write_bytes(content)
    return Candidate(path, Path(name))


def scans(engine: Engine) -> list[Scan]:
    with Session(engine) as session:
        return list(session.scalars(select(Scan).order_by(Scan.id)))


def arrivals(engine: Engine) -> list[str]:
    with Session(engine) as session:
        return sorted(session.scalars(select(Arrival.source_name)))


def test_a_file_moves_from_the_inbox_to_the_store_under_its_sha256(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    candidate = drop(home, "a.png", b"bytes")
    taken = intake.take([candidate], remove=True)
    sha256 = hashlib.sha256(b"bytes").hexdigest()
    assert (home.store / sha256).read_bytes() == b"bytes"
    assert not candidate.path.exists()
    (scan,) = scans(sqlite_engine)
    assert (scan.id, scan.sha256, scan.state, scan.size_bytes) == (
        taken.scan_ids[candidate.path],
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
        left = intake.take([Candidate(path, Path(own.name))], remove=True).left
        assert "`headct retry`" in left[path]
        assert own.read_bytes() == b"content"


def test_copying_leaves_the_file(intake: Intake, home: Home) -> None:
    candidate = drop(home, "a.png", b"bytes")
    intake.take([candidate], remove=False)
    assert candidate.path.exists()


def test_the_same_bytes_again_are_another_arrival_of_the_same_scan(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    first = intake.take([drop(home, "a.png", b"bytes")], remove=True)
    second = intake.take([drop(home, "b.png", b"bytes"), drop(home, "c.png", b"bytes")], remove=True)
    assert set(first.scan_ids.values()) == set(second.scan_ids.values())
    assert len(scans(sqlite_engine)) == 1
    assert arrivals(sqlite_engine) == ["a.png", "b.png", "c.png"]


def test_a_crash_between_commit_and_removal_doubles_nothing(
    intake: Intake, home: Home, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = drop(home, "a.png", b"bytes")
    with monkeypatch.context() as crash:
        crash.setattr("scheduler.intake._remove", lambda _: {})
        intake.take([candidate], remove=True)
    assert candidate.path.exists()
    intake.take([candidate], remove=True)
    assert not candidate.path.exists()
    assert arrivals(sqlite_engine) == ["a.png"]


def test_a_crash_between_store_and_commit_loses_nothing(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    candidate = drop(home, "a.png", b"bytes")
    (home.store / hashlib.sha256(b"bytes").hexdigest()).write_bytes(b"byt")  # what an earlier crash may leave
    intake.take([candidate], remove=True)
    assert (home.store / hashlib.sha256(b"bytes").hexdigest()).read_bytes() == b"bytes"
    assert len(scans(sqlite_engine)) == 1


def test_a_database_that_does_not_answer_leaves_every_file(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    with sqlite_engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE arrival RENAME TO away")
    candidate = drop(home, "a.png", b"bytes")
    with pytest.raises(OperationalError):
        intake.take([candidate], remove=True)
    assert candidate.path.exists()
    assert scans(sqlite_engine) == []


def test_too_large_a_file_goes_to_rejected_with_its_reason(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    content = bytes(2**20 + 1)
    candidate = drop(home, "big.tif", content)
    intake.take([candidate], remove=True)
    (scan,) = scans(sqlite_engine)
    assert scan.state == "rejected"
    assert "HEADCT_MAX_FILE_MB" in str(scan.reason)
    assert (home.rejected / scan.sha256).stat().st_size == len(content)
    assert list(home.store.iterdir()) == []
    assert not candidate.path.exists()


def test_too_large_a_file_that_comes_again_after_a_crash_arrives_once(
    intake: Intake, home: Home, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = drop(home, "big.tif", bytes(2**20 + 1))
    with monkeypatch.context() as crash:
        crash.setattr("scheduler.intake._remove", lambda _: {})
        intake.take([candidate], remove=True)
    intake.take([candidate], remove=True)
    assert arrivals(sqlite_engine) == ["big.tif"]
    assert not candidate.path.exists()


def test_another_file_that_took_its_place_meanwhile_is_not_removed(
    intake: Intake, home: Home, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = drop(home, "a.png", b"first")
    record = intake_module.record_arrivals

    def while_it_is_recorded(session: Session, new: list[NewArrival]) -> dict[str, int]:
        (home.inbox / "b.tmp").write_bytes(b"second")
        (home.inbox / "b.tmp").replace(candidate.path)
        return record(session, new)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(intake_module, "record_arrivals", while_it_is_recorded)
        intake.take([candidate], remove=True)
    assert candidate.path.read_bytes() == b"second"
    intake.take([candidate], remove=True)
    assert len(scans(sqlite_engine)) == 2
    assert list(home.inbox.iterdir()) == []


def test_files_that_come_to_its_place_while_it_is_removed_stay(
    intake: Intake, home: Home, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One just before it is set aside, and another one just after."""
    candidate = drop(home, "a.png", b"first")
    set_aside = os.rename

    def between_them(name: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        (home.inbox / "b.tmp").write_bytes(b"second")
        (home.inbox / "b.tmp").replace(candidate.path)
        set_aside(name, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        candidate.path.write_bytes(b"third")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("scheduler.intake.os.rename", between_them)
        intake.take([candidate], remove=True)
    assert candidate.path.read_bytes() == b"third"
    intake.take([candidate], remove=True)
    assert list(walk(str(home.inbox), None, put_back_leftovers)) == [], "its process may still be at work"
    monkeypatch.setattr("scheduler.intake._LEFTOVER_AGE_S", -1)
    deque(walk(str(home.inbox), None, put_back_leftovers), 0)
    assert candidate.path.read_bytes() == b"second"
    intake.take([candidate], remove=True)
    assert [scan.size_bytes for scan in scans(sqlite_engine)] == [len("first"), len("third"), len("second")]
    assert list(home.inbox.iterdir()) == []


def test_a_folder_that_comes_to_its_place_while_it_is_removed_stays(
    intake: Intake, home: Home, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = drop(home, "a.png", b"first")
    set_aside = os.rename

    def just_before(name: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        monkeypatch.undo()
        candidate.path.unlink()
        candidate.path.mkdir()
        drop(home, "a.png/b.png", b"second")
        set_aside(name, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr("scheduler.intake.os.rename", just_before)
    intake.take([candidate], remove=True)
    assert list(walk(str(home.inbox))) == [str(candidate.path / "b.png")]
    assert arrivals(sqlite_engine) == ["a.png"]


def test_a_crash_after_it_was_set_aside_doubles_nothing(
    intake: Intake, home: Home, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate, aside = drop(home, "a.png", b"bytes"), home.inbox / f"{SET_ASIDE}of-a-killed-process"
    with monkeypatch.context() as crash:
        crash.setattr("scheduler.intake._remove", lambda _: {})
        intake.take([candidate], remove=True)
    aside.mkdir()
    candidate.path.rename(aside / "a.png")
    monkeypatch.setattr("scheduler.intake._LEFTOVER_AGE_S", -1)
    deque(walk(str(home.inbox), None, put_back_leftovers), 0)
    intake.take([candidate], remove=True)
    assert arrivals(sqlite_engine) == ["a.png"]
    assert list(home.inbox.iterdir()) == []


def test_a_link_with_the_name_of_a_folder_of_ours_is_not_followed(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.intake._LEFTOVER_AGE_S", -1)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret").write_bytes(b"")
    (home.inbox / f"{SET_ASIDE}1").symlink_to(tmp_path / "elsewhere")
    assert list(walk(str(home.inbox), None, put_back_leftovers)) == []
    assert list(walk(str(home.inbox))) == []


def test_the_same_file_sent_again_and_again_arrives_each_time(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    """As by `rsync -a`, which keeps its time. The store keeps the newest, so inode numbers come again."""
    for _ in range(6):
        candidate = drop(home, "a.png", b"bytes")
        os.utime(candidate.path, (0, 0))
        intake.take([candidate], remove=True)
    assert arrivals(sqlite_engine) == ["a.png"] * 6
    assert len(scans(sqlite_engine)) == 1


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
    taken = intake.take([large, good], remove=True)
    assert taken.left == {large.path: TOO_LARGE}
    assert arrivals(sqlite_engine) == ["good.png"]
    assert list(small_disk.iterdir()) == list(home.rejected.iterdir()) == []


def test_nothing_is_written_below_a_mount_point_without_its_disk(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    intake.take([drop(home, "a.png", b"bytes")], remove=True)
    home.store.rename(home.root / "disk")
    candidate = drop(home, "b.png", b"other")
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        intake.take([candidate], remove=True)
    home.store.mkdir()
    with pytest.raises(StoreUnavailable, match="mount its disk"):
        intake.take([candidate], remove=True)
    assert list(home.store.iterdir()) == []
    home.store.rmdir()
    (home.root / "disk").rename(home.store)
    intake.take([candidate], remove=True)
    assert arrivals(sqlite_engine) == ["a.png", "b.png"]


def test_a_link_that_took_the_place_of_a_folder_is_not_followed(
    intake: Intake, home: Home, sqlite_engine: Engine, tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "password").write_bytes(b"secret")
    (home.inbox / "study").symlink_to(secrets)
    path = home.inbox / "study" / "password"
    taken = intake.take([Candidate(path, Path("study/password"))], remove=True)
    assert "cannot be read" in taken.left[path]
    assert (secrets / "password").exists()
    assert scans(sqlite_engine) == []
    assert list(home.store.iterdir()) == []


def test_below_the_low_water_mark_nothing_is_taken(
    settings: Settings, home: Home, sqlite_engine: Engine
) -> None:
    intake = Intake(replace(settings, min_free_mb=100_000_000), home, sqlite_engine)
    candidate = drop(home, "a.png", b"bytes")
    with pytest.raises(DiskNearlyFull, match="HEADCT_MIN_FREE_MB"):
        intake.take([candidate], remove=True)
    assert candidate.path.exists()
    assert scans(sqlite_engine) == []
    intake.close()


def test_a_file_that_vanished_is_left_out(intake: Intake, home: Home) -> None:
    taken = intake.take([Candidate(home.inbox / "gone.png", Path("gone.png"))], remove=True)
    assert taken.left == {home.inbox / "gone.png": VANISHED}


def test_a_file_that_changes_while_it_is_read_is_left_for_later(
    intake: Intake, home: Home, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = drop(home, "a.tif", b"first half")

    class WriterGoesOn:
        """A hash whose first update falls together with a write by somebody else."""

        def __init__(self, data: bytes = b"") -> None:
            self._digest = hashlib.new("sha256", data)

        def update(self, block: bytes) -> None:
            self._digest.update(block)
            if candidate.path.stat().st_size == len(b"first half"):
                with candidate.path.open("ab") as file:
                    file.write(b"second half")

        def hexdigest(self) -> str:
            return self._digest.hexdigest()

    monkeypatch.setattr("core.store.hashlib.sha256", WriterGoesOn)
    taken = intake.take([candidate], remove=True)
    assert taken.left == {candidate.path: CHANGED}
    assert candidate.path.exists()
    assert scans(sqlite_engine) == []
    assert list(home.store.iterdir()) == []


def test_a_file_whose_writer_goes_on_after_it_was_recorded_is_taken_again(
    intake: Intake, home: Home, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = drop(home, "slow.tif", b"first half, ")
    record = intake_module.record_arrivals

    def while_it_is_recorded(session: Session, new: list[NewArrival]) -> dict[str, int]:
        with candidate.path.open("ab") as writer:
            writer.write(b"second half")
        return record(session, new)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(intake_module, "record_arrivals", while_it_is_recorded)
        intake.take([candidate], remove=True)
    assert candidate.path.exists(), "it is not the file that was recorded any more"
    intake.take([candidate], remove=True)
    whole = hashlib.sha256(b"first half, second half").hexdigest()
    assert (home.store / whole).read_bytes() == b"first half, second half"
    assert [scan.sha256 for scan in scans(sqlite_engine)][1:] == [whole]
    assert not candidate.path.exists()


def test_copied_files_do_not_change_with_their_source(intake: Intake, home: Home) -> None:
    candidate = drop(home, "a.png", b"bytes")
    intake.take([candidate], remove=False)
    candidate.path.write_bytes(b"other")
    assert (home.store / hashlib.sha256(b"bytes").hexdigest()).read_bytes() == b"bytes"


def test_an_unreadable_file_stays_and_says_why(intake: Intake, home: Home, unprivileged: None) -> None:
    candidate = drop(home, "a.png", b"bytes")
    candidate.path.chmod(0)
    taken = intake.take([candidate], remove=True)
    assert "Permission denied" in taken.left[candidate.path]
    assert candidate.path.exists()


def test_names_that_are_no_utf8_or_hold_newlines_are_recorded(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    names = [os.fsdecode(b"scan-\xff.png"), "line\nbreak'\".png", "é" * 100 + ".png"]
    intake.take([drop(home, name, name.encode("utf-8", "surrogateescape")) for name in names], remove=True)
    assert arrivals(sqlite_engine) == sorted(["scan-\\xff.png", "line\nbreak'\".png", "é" * 100 + ".png"])


def test_names_of_one_file_that_are_one_for_people_are_two_arrivals(
    intake: Intake, home: Home, sqlite_engine: Engine
) -> None:
    """They have the same bytes, inode and time: only the bytes of the names differ. Found by `make fuzz`."""
    file = drop(home, os.fsdecode(b"\xff.png"), b"a")
    other = Candidate(home.inbox / r"\xff.png", Path(r"\xff.png"))
    other.path.hardlink_to(file.path)
    assert intake.take([file, other], remove=True).left == {}
    assert arrivals(sqlite_engine) == [r"\xff.png", r"\xff.png"]


def test_names_that_a_killed_process_left_unfinished_are_removed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home.store / ".incoming-1").write_bytes(b"half")
    remove_leftovers(home.store)
    assert len(list(home.store.iterdir())) == 1, "its process may still be at work"
    monkeypatch.setattr("core.store._LEFTOVER_AGE_S", -1)
    remove_leftovers(home.store)
    assert list(home.store.iterdir()) == []


def test_a_full_disk_leaves_every_file_and_goes_on_when_there_is_room(
    intake: Intake, home: Home, sqlite_engine: Engine, small_disk: Path
) -> None:
    home.store.rmdir()
    home.store.symlink_to(small_disk)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(60_000))
    candidate = drop(home, "a.png", bytes(30_000))
    with pytest.raises(OSError, match="No space left"):
        intake.take([candidate], remove=True)
    assert candidate.path.exists()
    assert scans(sqlite_engine) == []
    filler.unlink()
    assert intake.take([candidate], remove=True).scan_ids
