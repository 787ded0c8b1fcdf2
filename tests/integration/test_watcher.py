import contextlib
import os
import shutil
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from core.broker import broker_url, redis_client
from core.home import Home
from core.settings import Settings
from db.engine import make_engine
from db.tables import Arrival
from scheduler.claims import CLAIMS
from scheduler.dispatcher import Dispatcher
from scheduler.emptied import EmptiedFolders
from scheduler.intake import Intake
from scheduler.pause import Pause
from scheduler.watcher import Watcher
from tests.conftest import file_system, fill_disk
from tests.processes import wait_until
from worker.app import create_app

PNG = b"\x89PNG\r\n\x1a\n...\x00\x00\x00\x00IEND\xaeB`\x82"


@contextlib.contextmanager
def watching(
    settings: Settings, home: Home, engine: Engine, *, empty_s: float = 600.0, most_kept: int = 10_000
) -> Iterator[Watcher]:
    intake, stop = Intake(settings, home, engine), threading.Event()
    client = redis_client(broker_url(settings, home))
    dispatcher = Dispatcher(settings, engine, create_app(settings, home), client)
    pause, emptied = Pause(home, pause_s=0.5), EmptiedFolders(str(home.inbox), empty_s=empty_s)
    watcher = Watcher(settings, home, intake, dispatcher, pause, emptied, most_kept=most_kept)
    thread = threading.Thread(target=watcher.run, args=(stop,))
    thread.start()
    try:
        # Until its first rescan is over and it follows events, so that what comes then is found by these.
        wait_until(lambda: seen_events(home, dispatcher))
        yield watcher
    finally:
        stop.set()
        thread.join(10)
        intake.close()
    assert not thread.is_alive()


def seen_events(home: Home, dispatcher: Dispatcher) -> bool:
    """Touch the file that wakes the dispatcher; whether a touch has been seen."""
    home.wake.touch()
    time.sleep(0.1)
    return dispatcher._woken.is_set()


def names(engine: Engine) -> list[str]:
    with Session(engine) as session:
        return sorted(session.scalars(select(Arrival.source_name)))


def quick(settings: Settings, **changes: float) -> Settings:
    """Settings under which only the thing under test can find a file within the test's time."""
    return replace(settings, **{"rescan_seconds": 3600.0, "settle_seconds": 2.0} | changes)


def test_a_complete_png_is_taken_at_once_and_anything_else_when_it_was_still(
    settings: Settings, home: Home, sqlite_engine: Engine
) -> None:
    with watching(quick(settings), home, sqlite_engine):
        (home.inbox / "file.tif").write_bytes(b"II*\x00")
        (home.inbox / "file.png").write_bytes(PNG)
        wait_until(lambda: len(names(sqlite_engine)) == 2, 20)
    with Session(sqlite_engine) as session:
        moments = dict(session.execute(select(Arrival.source_name, Arrival.arrived_at)).all())
    assert moments["file.tif"] - moments["file.png"] > timedelta(seconds=1), "the PNG did not wait"
    assert [path for path in home.inbox.rglob("*") if path.name != CLAIMS] == []


def test_a_file_that_still_grows_is_left_until_it_is_still(
    settings: Settings, home: Home, sqlite_engine: Engine
) -> None:
    with watching(quick(settings), home, sqlite_engine):
        path = home.inbox / "file.tif"
        for _ in range(10):
            with path.open("ab") as file:
                file.write(b"part")
            time.sleep(0.25)
            assert names(sqlite_engine) == []
        wait_until(lambda: names(sqlite_engine) == ["file.tif"], 20)
    (stored,) = home.store.iterdir()
    assert stored.read_bytes() == b"part" * 10


def test_subfolders_new_ones_and_ones_that_are_moved_in_are_watched(
    settings: Settings, home: Home, sqlite_engine: Engine, tmp_path: Path
) -> None:
    prepared = tmp_path / "prepared"
    (prepared / "series").mkdir(parents=True)
    (prepared / "series" / "1.png").write_bytes(PNG + b"1" + PNG)
    with watching(quick(settings), home, sqlite_engine):
        prepared.rename(home.inbox / "moved")
        (home.inbox / "new").mkdir()
        (home.inbox / "new" / "2.png").write_bytes(PNG)
        wait_until(lambda: names(sqlite_engine) == ["moved/series/1.png", "new/2.png"], 20)


def test_a_folder_goes_once_its_files_are_taken_and_it_was_empty_for_a_while(
    settings: Settings, home: Home, sqlite_engine: Engine
) -> None:
    for name in ("study/series/1.png", "kept/2.png", "3.png"):
        (home.inbox / name).parent.mkdir(parents=True, exist_ok=True)
        (home.inbox / name).write_bytes(PNG + name.encode() + PNG)
    (home.inbox / "kept" / ".keep").touch()
    (home.inbox / "new").mkdir()
    with watching(quick(settings, rescan_seconds=1.0), home, sqlite_engine, empty_s=1.5):
        wait_until(lambda: len(names(sqlite_engine)) == 3, 20)
        assert (home.inbox / "study" / "series").is_dir(), "more files may come"
        wait_until(lambda: not (home.inbox / "study").exists(), 20)
        (home.inbox / "study").mkdir()
        (home.inbox / "study" / "4.png").write_bytes(PNG + b"4" + PNG)
        wait_until(lambda: "study/4.png" in names(sqlite_engine), 20)
    assert (home.inbox / "new").is_dir()
    assert (home.inbox / "kept" / ".keep").exists()


def test_what_was_there_before_the_start_is_found(
    settings: Settings, home: Home, sqlite_engine: Engine
) -> None:
    (home.inbox / "before.png").write_bytes(PNG)
    with watching(quick(settings), home, sqlite_engine):
        wait_until(lambda: names(sqlite_engine) == ["before.png"], 20)


def test_a_file_that_sends_no_event_is_found_by_the_rescan(
    settings: Settings, home: Home, sqlite_engine: Engine
) -> None:
    """On a disk that is mounted over a folder that is watched already."""
    (home.inbox / "share").mkdir()
    with (
        watching(quick(settings, rescan_seconds=1.0), home, sqlite_engine),
        file_system(home.inbox / "share", "64k"),
    ):
        (home.inbox / "share" / "lost.png").write_bytes(PNG)
        wait_until(lambda: names(sqlite_engine) == ["share/lost.png"], 20)


def test_polling_finds_files_too(settings: Settings, home: Home, sqlite_engine: Engine) -> None:
    with watching(quick(settings, poll_seconds=0.3), home, sqlite_engine):
        (home.inbox / "polled.png").write_bytes(PNG)
        wait_until(lambda: names(sqlite_engine) == ["polled.png"], 20)


def test_links_and_hidden_and_unfinished_files_are_never_taken(
    settings: Settings, home: Home, sqlite_engine: Engine, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(PNG)
    with watching(quick(settings, rescan_seconds=1.0), home, sqlite_engine):
        (home.inbox / "link.png").symlink_to(outside / "secret.png")
        (home.inbox / "linked").symlink_to(outside)
        (outside / "later.png").write_bytes(PNG)
        for name in (".hidden.png", "upload.part", "upload.tmp", "upload.png.FilePart", "Thumbs.db"):
            (home.inbox / name).write_bytes(PNG)
        shutil.copyfile(outside / "secret.png", home.inbox / "upload.part2")
        (home.inbox / "study.crdownload").mkdir()
        (home.inbox / "study.crdownload" / "a.png").write_bytes(PNG)
        (home.inbox / "upload.tmp").rename(home.inbox / "done.png")
        wait_until(lambda: names(sqlite_engine) == ["done.png", "upload.part2"], 20)
        time.sleep(1.5)
    assert names(sqlite_engine) == ["done.png", "upload.part2"]
    assert (outside / "secret.png").exists()


@pytest.mark.parametrize("kept", [10_000, 10])
def test_many_files_at_once_are_each_taken_once_however_few_paths_are_kept(
    settings: Settings, home: Home, sqlite_engine: Engine, kept: int
) -> None:
    with watching(quick(settings, settle_seconds=0.1), home, sqlite_engine, most_kept=kept):
        for number in range(300):
            end = PNG if number % 3 else b""
            (home.inbox / f"{number}.png").write_bytes(PNG + b"%d" % number + end)
        wait_until(lambda: len(names(sqlite_engine)) == 300, 20)
    assert len(list(home.store.iterdir())) == 300
    assert [path for path in home.inbox.rglob("*") if path.name != CLAIMS] == []


def test_a_full_disk_makes_it_wait_and_it_goes_on_when_there_is_room(
    settings: Settings, home: Home, sqlite_engine: Engine, small_disk: Path
) -> None:
    home.store.rmdir()
    home.store.symlink_to(small_disk)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(60_000))
    with watching(quick(settings), home, sqlite_engine):
        (home.inbox / "file.png").write_bytes(PNG + bytes(30_000) + PNG)
        wait_until(home.intake_paused.exists)
        assert "No space left" in home.intake_paused.read_text()
        assert names(sqlite_engine) == []
        assert [path.name for path in (home.inbox / CLAIMS).rglob("*.png")] == ["file.png"]
        filler.unlink()
        wait_until(lambda: names(sqlite_engine) == ["file.png"], 20)
        wait_until(lambda: not home.intake_paused.exists())


def test_a_full_disk_of_the_database_makes_it_wait_too(
    settings: Settings, home: Home, migrated_sqlite: Path, tmp_path: Path
) -> None:
    with file_system(tmp_path / "sql", "2m"):
        shutil.copyfile(migrated_sqlite, tmp_path / "sql" / "headct.db")
        engine = make_engine(f"sqlite:///{tmp_path}/sql/headct.db")
        with watching(quick(settings), home, engine):
            (home.inbox / "before.png").write_bytes(PNG)
            wait_until(lambda: names(engine) == ["before.png"], 20)
            filler = fill_disk(tmp_path / "sql")
            for number in range(50):
                (home.inbox / f"{number}.png").write_bytes(PNG + b"%d" % number + PNG)
            wait_until(home.intake_paused.exists)
            filler.unlink()
            wait_until(lambda: len(names(engine)) == 51, 20)
        engine.dispose()
    assert [path for path in home.inbox.rglob("*") if path.name != CLAIMS] == []


@pytest.mark.parametrize("poll_seconds", [0.0, 0.3])
def test_a_name_that_is_no_utf8_is_taken_and_stops_nothing(
    settings: Settings,
    home: Home,
    sqlite_engine: Engine,
    poll_seconds: float,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (home.inbox / os.fsdecode(b"before-\xff.tif")).write_bytes(b"II*\x00before")
    with watching(quick(settings, poll_seconds=poll_seconds), home, sqlite_engine):
        (home.inbox / os.fsdecode(b"later-\xff.tif")).write_bytes(b"II*\x00later")
        (home.inbox / "good.png").write_bytes(PNG)
        wait_until(lambda: len(names(sqlite_engine)) == 3, 20)
        (home.inbox / "after.png").write_bytes(PNG + b"after" + PNG)
        wait_until(lambda: "after.png" in names(sqlite_engine), 20)
    assert names(sqlite_engine) == ["after.png", "before-\\xff.tif", "good.png", "later-\\xff.tif"]
    assert "later" not in caplog.text


def test_a_file_that_cannot_be_removed_is_recorded_once_and_holds_up_nothing(
    settings: Settings, home: Home, sqlite_engine: Engine, unprivileged: None
) -> None:
    folder = home.inbox / "from-a-cd"
    folder.mkdir()
    (folder / "file.png").write_bytes(PNG)
    folder.chmod(0o555)
    with watching(quick(settings, rescan_seconds=1.0), home, sqlite_engine):
        wait_until(lambda: names(sqlite_engine) == ["from-a-cd/file.png"], 20)
        (stored,) = home.store.iterdir()
        copied = stored.stat().st_ctime_ns
        (home.inbox / "good.png").write_bytes(PNG + b"good" + PNG)
        wait_until(lambda: "good.png" in names(sqlite_engine), 20)
        time.sleep(2.5)
    assert names(sqlite_engine) == ["from-a-cd/file.png", "good.png"]
    assert stored.stat().st_ctime_ns == copied, "not again at every rescan"
    folder.chmod(0o755)
