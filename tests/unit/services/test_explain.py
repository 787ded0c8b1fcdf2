"""`headct explain` draws a file with its heat map, or says why it cannot."""

import hashlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from cli.main import app
from core.errors import NoSuchFile, NothingToExplain, UnreadableImage
from core.home import Home
from core.reasons import Reason, ReasonCode
from db.arrivals import NewArrival, record_arrivals
from tests.dicom_files import as_bytes, ct_slice


@pytest.fixture
def home_in_use(home: Home, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A migrated home, named by the environment as for the command; what that sets is undone."""
    monkeypatch.setenv("HEADCT_HOME", str(home.root))
    mask, handlers, level = os.umask(0o022), logging.root.handlers[:], logging.root.level
    yield home
    os.umask(mask)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def arrive(engine: Engine, home: Home, data: bytes, refused: Reason | None = None) -> str:
    """A file in the store; its SHA-256."""
    sha256 = hashlib.sha256(data).hexdigest()
    (home.store / sha256).write_bytes(data)
    with Session(engine) as session, session.begin():
        record_arrivals(session, [NewArrival(sha256, len(data), "a.png", None, refused=refused)])
    return sha256


def explain(file: str, output: Path) -> tuple[int, str, BaseException | None]:
    result = CliRunner().invoke(app, ["explain", file, "-o", str(output)])
    return result.exit_code, result.output, result.exception


def test_a_file_is_drawn_with_its_label_and_the_notice(
    home_in_use: Home, sqlite_engine: Engine, synthetic_images: Path, tmp_path: Path
) -> None:
    image = next((synthetic_images / "images").iterdir())
    sha256 = arrive(sqlite_engine, home_in_use, image.read_bytes())
    drawn = tmp_path / "drawn.png"
    code, said, problem = explain(sha256[:12], drawn)
    assert (code, problem) == (0, None), said
    assert "probability" in said
    assert "Research use only" in said
    with Image.open(drawn) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 200


def test_an_unknown_file_is_said(home_in_use: Home, tmp_path: Path) -> None:
    assert isinstance(explain("99", tmp_path / "x.png")[2], NoSuchFile)


def test_a_rejected_file_says_why(home_in_use: Home, sqlite_engine: Engine, tmp_path: Path) -> None:
    sha256 = arrive(
        sqlite_engine, home_in_use, b"x", refused=Reason(ReasonCode.TOO_LARGE, "The file is too large.")
    )
    problem = explain(sha256, tmp_path / "x.png")[2]
    assert isinstance(problem, NothingToExplain)
    assert "rejected" in str(problem)
    assert "The file is too large." in str(problem)


def test_a_file_whose_file_is_gone_says_what_to_do(
    home_in_use: Home, sqlite_engine: Engine, tmp_path: Path
) -> None:
    sha256 = arrive(sqlite_engine, home_in_use, b"content")
    (home_in_use.store / sha256).rename(home_in_use.store / "another")
    problem = explain(sha256, tmp_path / "x.png")[2]
    assert isinstance(problem, UnreadableImage)
    assert "Drop the file again" in str(problem)
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize(
    ("name", "written"), [("a.jpg", "JPEG"), ("a.JPEG", "JPEG"), ("a.tif", "TIFF"), ("a", "PNG")]
)
def test_a_picture_is_of_the_format_that_its_name_says(
    home_in_use: Home, sqlite_engine: Engine, synthetic_images: Path, tmp_path: Path, name: str, written: str
) -> None:
    image = next((synthetic_images / "images").iterdir())
    sha256 = arrive(sqlite_engine, home_in_use, image.read_bytes())
    code, said, problem = explain(sha256[:12], tmp_path / name)
    assert (code, problem) == (0, None), said
    with Image.open(tmp_path / name) as picture:
        assert picture.format == written


@pytest.mark.parametrize("name", ["a.gif", "a.dcm", "a.png.txt", "a.\x1b[2J"])
def test_a_format_that_is_not_written_is_refused_before_anything_is_done(
    home_in_use: Home, tmp_path: Path, name: str
) -> None:
    code, said, _ = explain("1", tmp_path / name)
    assert code == 2
    assert explain("1", tmp_path)[0] == explain("1", tmp_path / "gone" / "a.png")[0] == 2
    assert "a picture is written as .png, .jpg or .tif" in said
    assert "\x1b" not in said
    assert list(tmp_path.iterdir()) == [home_in_use.root] or not (tmp_path / name).exists()


def test_a_ct_without_a_head_has_nothing_to_explain(
    home_in_use: Home, sqlite_engine: Engine, tmp_path: Path
) -> None:
    sha256 = arrive(sqlite_engine, home_in_use, as_bytes(ct_slice(np.full((80, 90), -1000, dtype=np.int16))))
    problem = explain(sha256, tmp_path / "x.png")[2]
    assert isinstance(problem, NothingToExplain)
    assert "No network has looked" in str(problem)
    assert not (tmp_path / "x.png").exists()
