import os
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import NotRunning
from core.home import Home
from core.surroundings import in_force
from db.arrivals import NewArrival, record_arrivals
from db.lifecycle import ModelStamp, Outcome
from db.promotions import promote, record_shipped
from db.requeue import reclassify
from db.states import Cause
from models.store import shipped_model
from services import doctor as checks
from services.doctor import run_checks
from tests.finished import finish_files


@pytest.fixture
def home_in_use(home_in_use: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """It asks for no free disk; no broker runs."""
    monkeypatch.setenv("HEADCT_MIN_FREE_MB", "0")
    return home_in_use


def problems(*, names: bool = False) -> dict[str, str]:
    """But that nothing runs here, which is so in all these tests."""
    running = {"parts of headct up", "broker", "classify worker", "training worker"}
    return {name: str(error) for name, error in run_checks(names=names) if error and name not in running}


def test_a_fresh_home_is_well(home_in_use: Home) -> None:
    assert problems() == {}


def test_a_home_that_others_may_read_is_told(home_in_use: Home) -> None:
    home_in_use.store.chmod(0o750)
    assert f"`chmod go= {home_in_use.store}`" in str(dict(run_checks())["settings and home"])


def test_where_nothing_runs_it_is_said_once_and_no_worker_is_well(home_in_use: Home) -> None:
    told = dict(run_checks())
    assert isinstance(told["parts of headct up"], NotRunning)
    for name in ("broker", "classify worker", "training worker"):
        assert str(told[name]) == "not looked at: see parts of headct up."


def test_a_broker_that_does_not_answer_is_told(home_in_use: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADCT_BROKER_URL", f"redis+socket://:x@{home_in_use.root}/none.sock")
    told = dict(run_checks())
    assert told["parts of headct up"] is None, "its parts may run elsewhere"
    assert "HEADCT_BROKER_URL" in str(told["broker"])
    assert str(told["classify worker"]) == "not looked at: see broker."


def test_a_damaged_database_is_told_once_with_what_to_do(home_in_use: Home) -> None:
    home_in_use.database.write_bytes(b"no database" * 1000)
    told = problems()
    assert "bring it back from a backup" in told["database and its migration"]
    assert told["model"] == told["results"] == "not looked at: see database and its migration."


def test_unreadable_files_in_the_inbox_are_told(
    home_in_use: Home, unprivileged: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home_in_use.inbox / "unreadable.png"
    path.write_bytes(b"")
    path.chmod(0)
    assert "1 files cannot be read" in problems()["inbox"]
    assert "unreadable.png" not in problems()["inbox"], "its name can identify a patient"
    assert "unreadable.png" in problems(names=True)["inbox"]


def test_a_folder_of_the_inbox_that_cannot_be_read_is_told(home_in_use: Home, unprivileged: None) -> None:
    (home_in_use.inbox / "closed").mkdir(mode=0o300)
    assert "1 files cannot be read" in problems()["inbox"]


def test_a_file_whose_path_is_too_long_is_told(home_in_use: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home_in_use.inbox)
    for _ in range(17):
        Path("d" * 250).mkdir()
        os.chdir("d" * 250)
    Path("deep.png").touch()
    assert "4,095 bytes" in problems()["inbox"]


def test_a_file_that_a_program_forgot_to_close_is_told(home_in_use: Home) -> None:
    path = home_in_use.inbox / "open.png"
    with path.open("wb"):
        assert "inbox" not in problems(), "it may still be written"
        os.utime(path, (0, 0))
        assert "1 files have not changed for 10 minutes" in problems()["inbox"]
    assert "inbox" not in problems()


@pytest.mark.parametrize("name", ["file.png.filepart", "FILE.PNG.TMP", "study.crdownload", "file.png~"])
def test_what_was_never_finished_by_its_name_is_told(home_in_use: Home, name: str) -> None:
    path = home_in_use.inbox / "study" / name
    path.parent.mkdir()
    path.mkdir() if name.startswith("study") else path.touch()
    assert "inbox" not in problems(), "it may still be written"
    os.utime(path, (0, 0))
    assert "1 files or folders are left alone" in problems()["inbox"]
    path.rename(home_in_use.inbox / "done")
    assert "inbox" not in problems()


@pytest.mark.parametrize("name", ["Thumbs.db", ".DS_Store", ".keep"])
def test_what_a_file_manager_leaves_is_no_problem(home_in_use: Home, name: str) -> None:
    (home_in_use.inbox / name).touch()
    os.utime(home_in_use.inbox / name, (0, 0))
    assert "inbox" not in problems()


def test_a_file_that_is_too_large_to_be_taken_is_told(home_in_use: Home) -> None:
    path = home_in_use.inbox / "large.png"
    path.touch()
    os.truncate(path, 5 * 2**30)
    assert "inbox" not in problems(), "it may be taken in a moment"
    os.utime(path, (0, 0))
    assert "HEADCT_MAX_FILE_MB" in problems()["inbox"]


def test_files_that_wait_in_a_claim_for_long_are_told(home_in_use: Home) -> None:
    claim = home_in_use.inbox / ".incoming" / "1"
    claim.mkdir(parents=True)
    (claim / "a.png").touch()
    assert "inbox" not in problems(), "they are recorded in a moment"
    os.utime(claim, (0, 0))
    assert "1 files wait in" in problems()["inbox"]


def test_a_folder_of_claims_that_others_can_write_in_is_told(home_in_use: Home) -> None:
    (home_in_use.inbox / ".incoming").mkdir()
    (home_in_use.inbox / ".incoming").chmod(0o777)
    assert "that this user alone can write in" in problems()["inbox"]


def test_a_store_whose_disk_is_away_is_told(home_in_use: Home, sqlite_engine: Engine) -> None:
    with Session(sqlite_engine) as session, session.begin():
        record_arrivals(session, [NewArrival("a" * 64, 1, "a.png", None)])
    assert "mount its disk" in problems()["store"]
    (home_in_use.store / ("a" * 64)).touch()
    assert "store" not in problems()


def test_a_missing_inbox_and_an_unwritable_store_are_told(home_in_use: Home, unprivileged: None) -> None:
    home_in_use.inbox.rmdir()
    home_in_use.store.chmod(0o500)
    found = problems()
    assert "does not exist" in found["inbox"]
    assert "chmod u+rwx" in found["store"]
    home_in_use.store.rmdir()
    assert "is gone. Mount its disk" in problems()["store"]


def test_little_free_disk_and_few_watches_are_told(
    home_in_use: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEADCT_MIN_FREE_MB", "100000000")
    limit = tmp_path / "max_user_watches"
    limit.write_text("128\n")
    monkeypatch.setattr(checks, "_WATCH_LIMIT", limit)
    found = problems()
    assert "make room there" in found["free disk"]
    assert "fs.inotify.max_user_watches" in found["watch limit"]


def test_an_unmigrated_database_is_told(home_in_use: Home) -> None:
    home_in_use.database.unlink()
    assert "is at migration none" in problems()["database and its migration"]


def test_a_model_in_use_that_is_gone_is_told(home_in_use: Home, sqlite_engine: Engine) -> None:
    with Session(sqlite_engine) as session, session.begin():
        promote(session, "gone", cause=Cause.PERSON, decided_by="ann", evidence=None)
    assert "'gone'" in problems()["model"]


def test_a_wrong_setting_is_a_line_too(home_in_use: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADCT_CHUNK_SIZE", "0")
    assert "HEADCT_CHUNK_SIZE=0" in problems()["settings and home"]


def test_a_folder_that_is_no_home_is_told_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, process_kept: None
) -> None:
    monkeypatch.setenv("HEADCT_HOME", str(tmp_path / "nowhere"))
    assert "headct up" in problems()["settings and home"]
    assert not (tmp_path / "nowhere").exists()


def test_the_watch_limit_does_not_matter_to_polling(
    home_in_use: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "max_user_watches").write_text("128\n")
    monkeypatch.setattr(checks, "_WATCH_LIMIT", tmp_path / "max_user_watches")
    assert "watch limit" in problems()
    monkeypatch.setenv("HEADCT_POLL_SECONDS", "2")
    assert "watch limit" not in problems()


def test_images_that_no_worker_could_classify_again_are_told(
    home_in_use: Home, sqlite_engine: Engine
) -> None:
    version = shipped_model().card.version
    with Session(sqlite_engine) as session, session.begin():
        record_shipped(session, "earlier")
        (file_id,) = record_arrivals(session, [NewArrival("a" * 64, 1, "x", None)]).values()
        outcome, model = Outcome(file_id, 0.9, "hemorrhage"), ModelStamp("earlier", "f" * 64, "1", 0.5)
        finish_files(session, [outcome], model)
        record_shipped(session, version)  # by an upgrade
    assert "results" not in problems(), "nobody asked for it"
    with Session(sqlite_engine) as session, session.begin():
        assert reclassify(session, version, None) == 1
        finish_files(session, [outcome], model)
    assert "1 files were to be classified again" in problems()["results"]


def test_settings_of_libraries_that_are_in_force_are_named(
    home_in_use: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def named() -> str:
        (name,) = (name for name, _ in run_checks() if name.startswith("settings of libraries"))
        return name.partition("in force: ")[2]

    for variable in in_force():
        monkeypatch.delenv(variable)
    assert named() == "none"
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").touch()
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    assert named() == "SSL_CERT_FILE"
    monkeypatch.setenv("HEADCT_DATABASE_URL", "postgresql://ann@127.0.0.1:1/headct")
    assert named() == "SSL_CERT_FILE, ~/.postgresql/root.crt"
