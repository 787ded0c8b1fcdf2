from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import NothingToExplain
from core.home import Home
from core.settings import Settings
from db.lifecycle import next_chunks
from services.context import Context
from services.explain import explain
from services.label import label
from services.results import results_by_name
from services.show import show
from services.submit import finished_counts, members
from tests.archives import MAKERS, tar_gz_of, zip_of
from tests.dicom_files import as_bytes, ct_slice
from tests.processes import run_headct
from tests.unit.worker.test_classification import classify, png, stored


def test_a_full_disk_is_told_and_the_files_stay(
    home: Home, sqlite_engine: Engine, small_disk: Path, tmp_path: Path
) -> None:
    home.store.rmdir()
    home.store.symlink_to(small_disk)
    (small_disk / "filler").write_bytes(bytes(60_000))
    file = tmp_path / "file.png"
    file.write_bytes(bytes(30_000))
    refused = run_headct(home, "submit", "--move", str(file))
    assert refused.returncode == 1
    assert "HEADCT_MIN_FREE_MB" in refused.stderr, "below the low-water mark it does not try"
    refused = run_headct(home, "submit", "--move", str(file), HEADCT_MIN_FREE_MB="0")
    assert refused.returncode == 1
    assert "No space left on device" in refused.stderr
    assert "headct doctor" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert file.exists()


def test_a_home_that_was_never_migrated_is_told(home: Home, tmp_path: Path) -> None:
    refused = run_headct(home, "submit", str(tmp_path))
    assert refused.returncode == 1
    assert "headct migrate" in refused.stderr


def test_a_medium_is_taken_by_content_and_the_rest_is_counted(
    home: Home, sqlite_engine: Engine, tmp_path: Path
) -> None:
    medium = tmp_path / "cd"
    medium.mkdir()
    for number, name in enumerate(("IM000001", "1.3.12.2.1107.5.1.4.IMA", "1.3.12.2")):
        (medium / name).write_bytes(as_bytes(ct_slice(InstanceNumber=number)))
    for name in ("DICOMDIR", "README.TXT", "NOTES.TXT", "IM000002.part"):
        (medium / name).write_bytes(b"text")
    taken = run_headct(home, "submit", str(medium))
    assert taken.returncode == 0
    assert "3 files taken in: 3 new, 0 known already" in taken.stderr
    assert "no images by their content: 2 .txt, 1 DICOMDIR." in taken.stderr


def test_nothing_taken_is_no_success_and_says_what_was_seen(
    home: Home, sqlite_engine: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "\x1b[2Jno\nimages"
    folder.mkdir()
    empty = run_headct(home, "submit", str(folder), "--wait")
    (folder / "report.pdf").write_bytes(b"%PDF-1.7")
    documents = run_headct(home, "submit", str(folder))
    for refused, seen in ((empty, "hidden"), (documents, "only 1 .pdf")):
        assert refused.returncode == 1
        (line,) = refused.stderr.splitlines()
        assert line.startswith("headct: Nothing was taken:")
        assert seen in line
        assert r"\x1b[2Jno\nimages" in line
    too_long = run_headct(home, "submit", str(tmp_path / ("a" * 300)))
    assert too_long.returncode == 1
    assert "it cannot be read (File name too long)" in too_long.stderr
    assert "Traceback" not in too_long.stderr
    named = run_headct(home, "submit", str(folder / "report.pdf"))
    assert named.returncode == 0
    assert "1 file taken in: 1 new, 0 known already." in named.stderr


def test_known_bytes_are_counted_and_keep_the_name_that_was_given(
    home: Home, sqlite_engine: Engine, tmp_path: Path
) -> None:
    for name in ("10.dcm", "9.dcm"):
        (tmp_path / name).write_bytes(b"the same bytes")
    first = run_headct(home, "submit", str(tmp_path / "9.dcm"), str(tmp_path / "10.dcm"))
    assert "2 files taken in: 1 new, 1 known already." in first.stderr
    second = run_headct(home, "submit", str(tmp_path / "10.dcm"))
    assert "1 file taken in: 0 new, 1 known already." in second.stderr
    taken = [("10.dcm", 1), ("9.dcm", 1)]
    rows = results_by_name(Context(Settings(home=home.root), home, sqlite_engine), taken)
    assert [(row.source_name, row.file_id) for row in rows] == taken


def test_archives_in_a_folder_are_taken_and_office_documents_are_not(
    home: Home, sqlite_engine: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    for kind, make in MAKERS.items():
        (folder / f"study.{kind}").write_bytes(make([("1.dcm", as_bytes(ct_slice()))]))
    (folder / "report.docx").write_bytes(zip_of([("[Content_Types].xml", b""), ("word/1.png", b"")]))
    taken = run_headct(home, "submit", str(folder))
    assert "3 files taken in: 3 new" in taken.stderr
    assert "no images by their content: 1 .docx." in taken.stderr
    imported = run_headct(home, "dataset", "import", str(folder / "study.zip"))
    assert imported.returncode == 1
    assert "is an archive. Unpack it" in imported.stderr


def test_who_waits_for_an_archive_waits_for_what_is_in_it(
    home: Home, settings: Settings, sqlite_engine: Engine
) -> None:
    (archive,) = stored(sqlite_engine, home, [tar_gz_of([("10.png", png(1)), ("9.png", png(2))])])
    context = Context(settings, home, sqlite_engine)
    counts = finished_counts(context, [archive])
    assert next(counts) == (0, 1)
    classify(sqlite_engine, settings, home, [archive])
    assert next(counts) == (1, 3)
    with Session(sqlite_engine) as session, session.begin():
        (chunk,) = next_chunks(session, 1, 64, timedelta(minutes=1))
    classify(sqlite_engine, settings, home, chunk)
    assert list(counts) == [(3, 3)]
    assert [name for name, _ in members(context, [archive])] == ["x/9.png", "x/10.png"]
    assert show(context, str(archive)).members == {"classified": 2}
    (said,) = label(context, [str(archive)], "normal", "ann", None)
    assert "is an archive" in str(said.conflict)
    with pytest.raises(NothingToExplain, match="is an archive"):
        explain(context, str(archive))
