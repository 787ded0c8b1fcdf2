"""`headct dataset` and `headct label`: what they print, and where."""

import hashlib
import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from PIL import Image
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from cli.arguments import picture_format, write_output
from cli.main import app
from core.home import Home
from db.engine import now, read_session
from db.labelled_images import labelled_images
from db.states import FileState
from db.tables import Arrival, File
from services.contact_sheet import MAX_SHOWN, contact_sheet
from services.context import open_home
from tests.labelled import class_folders


@pytest.fixture
def home_in_use(home: Home, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A migrated home, named by the environment as for the command; what that sets is undone."""
    monkeypatch.setenv("HEADCT_HOME", str(home.root))
    mask, handlers, level = os.umask(0o022), logging.root.handlers[:], logging.root.level
    yield home
    os.umask(mask)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.fixture
def folder(tmp_path: Path, synthetic_images: Path) -> Path:
    return class_folders(synthetic_images, tmp_path / "set", 6)


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output + (str(result.exception) if result.exception else "")


def words(output: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines()]


def test_an_import_shows_what_there_is_and_what_could_not_be_read(home_in_use: Home, folder: Path) -> None:
    (folder / "Normal" / "broken.png").write_bytes(b"\x89PNG")
    code, said = run("dataset", "import", str(folder))
    assert code == 0, said
    for line in ("normal hemorrhage all", "groups 6 6 12", "images 6 6 12", "train 4 4 8", "test 1 1 2"):
        assert line.split() in words(said)
    assert "12 images added, 0 there already" in said
    assert "not taken" in said
    assert "broken.png" in said
    assert "12 images name no patient" in said
    logged = [path for path in home_in_use.logs.rglob("*") if path.is_file()]
    assert not any(b"broken" in path.read_bytes() for path in logged)


def test_show_prints_the_fingerprint_and_writes_a_contact_sheet(
    home_in_use: Home, folder: Path, tmp_path: Path
) -> None:
    run("dataset", "import", str(folder))
    code, said = run("dataset", "show", "-o", str(tmp_path / "sheet.png"))
    assert code == 0, said
    assert "fingerprint " in said
    assert "12 of 12 images are in" in said
    with Image.open(tmp_path / "sheet.png") as sheet:
        colours = {colour for _, colour in sheet.getcolors(2**24) or ()}
    assert {(46, 139, 87), (209, 54, 47)} <= colours, "green frames and red ones"


def test_show_says_what_to_do_where_there_is_nothing(home_in_use: Home) -> None:
    code, said = run("dataset", "show")
    assert code == 0
    assert "headct dataset import DIR" in said


def test_a_sheet_of_a_large_set_holds_some_of_all_of_it(
    home_in_use: Home, sqlite_engine: Engine, folder: Path, tmp_path: Path
) -> None:
    run("dataset", "import", str(folder))
    with read_session(sqlite_engine) as session:
        images = list(labelled_images(session))
    context = open_home()
    assert contact_sheet(context, images * 20, "PNG")[1] == MAX_SHOWN
    images[0].patient_group = "\x1b[2J\nDoe\u202e"
    for name, written in (("SHEET.JPG", "JPEG"), ("sheet.tif", "TIFF"), ("sheet", "PNG")):
        drawn, _ = contact_sheet(context, images, picture_format(tmp_path / name))
        with Image.open(io.BytesIO(drawn)) as sheet:
            assert sheet.format == written
    with pytest.raises(typer.BadParameter, match=r"\.png, \.jpg or \.tif"):
        picture_format(tmp_path / "sheet.gif")
    with pytest.raises(typer.BadParameter, match="there is no folder for it"):
        picture_format(tmp_path / "gone" / "sheet.png")
    with pytest.raises(typer.BadParameter, match="cannot be written"):
        write_output(tmp_path / f"{'a' * 300}.png", drawn)


def test_an_imported_label_is_corrected(home_in_use: Home, sqlite_engine: Engine, folder: Path) -> None:
    run("dataset", "import", str(folder))
    sha256 = hashlib.sha256(min((folder / "Normal").iterdir()).read_bytes()).hexdigest()
    assert run("dataset", "relabel", sha256[:10], "hemorrhage")[0] == 0
    assert ["images", "5", "7", "12"] in words(run("dataset", "show")[1])


def test_readers_label_images_and_show_tells_it(
    home_in_use: Home, sqlite_engine: Engine, folder: Path
) -> None:
    files = sorted((folder / "Normal").iterdir())[:2]
    with Session(sqlite_engine) as session, session.begin():
        for file_id, path in enumerate(files, start=1):
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            (home_in_use.store / sha256).write_bytes(path.read_bytes())
            state = FileState.RECEIVED
            session.add(
                File(id=file_id, sha256=sha256, size_bytes=1, state=state, attempts=0, received_at=now())
            )
            session.flush()
            session.add(Arrival(file_id=file_id, source_name=path.name, arrived_at=now()))
    code, said = run("label", "1", "2", "normal", "--by", "Dr A", "--note", "after the second look")
    assert code == 0, said
    assert "File 2 is labelled normal, and in the training data." in said
    code, said = run("show", "1")
    assert "Dr A" in said
    assert "after the second look" in said
    run("dataset", "import", str(folder))
    code, said = run("label", "1", "hemorrhage", "--by", "Dr B")
    assert code == 0, "a reader's own label may change"
    assert run("label", "1", "9", "normal")[0] == 1, "there is no file 9"
    for words, missing in ((("17",), "the verdict is missing"), (("normal",), "name the files")):
        code, said = run("label", *words)
        assert code == 2
        assert missing in said
