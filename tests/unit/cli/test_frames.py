"""What commands say of a file of several frames."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from cli.main import app
from core.errors import SeveralFrames, SeveralImages, UnreadableImage
from core.home import Home
from core.settings import Settings
from db.arrivals import NewArrival, record_arrivals
from db.lifecycle import Claimant, next_chunks
from models.classifier import Classifier
from models.store import shipped_model
from tests.dicom_files import as_bytes, enhanced_ct
from tests.unit.worker.test_frames import LEASE
from training.phantoms.synthetic import generate_image
from worker.classification import classify_chunk


@pytest.fixture(autouse=True)
def classified(home_in_use: Home, sqlite_engine: Engine, settings: Settings) -> None:
    """One file of three frames: a head, air, a head."""
    grey = generate_image(1, None, (200, 180)).image.astype(np.int16)
    head = np.where(grey == 0, -1000, grey * 80 // 255).astype(np.int16)
    data = as_bytes(enhanced_ct([head, np.full_like(head, -1000), head]))
    sha256 = hashlib.sha256(data).hexdigest()
    (home_in_use.store / sha256).write_bytes(data)
    with Session(sqlite_engine) as session, session.begin():
        record_arrivals(session, [NewArrival(sha256, len(data), "volume.dcm", None)])
        (chunk,) = next_chunks(session, 1, 32, LEASE)
    classifier = Classifier.load(shipped_model())
    classify_chunk(sqlite_engine, classifier, settings, home_in_use, chunk, Claimant("task"))


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def frames_shown() -> list[list[str]]:
    lines = [line.split() for line in run("show", "1").output.splitlines()]
    return [words for words in lines if words and words[0] in {"0", "1", "2"}]


def test_show_and_results_have_a_line_for_each_frame() -> None:
    assert [words[0] for words in frames_shown()] == ["0", "1", "2"]
    assert frames_shown()[1][1:3] == ["not", "assessed"]
    listed = run("results").output
    assert "volume.dcm [1]" in listed
    assert "volume.dcm [2]" in listed


def test_explain_wants_to_know_which_frame_and_draws_it(tmp_path: Path) -> None:
    picture = tmp_path / "x.png"
    assert isinstance(run("explain", "1", "-o", str(picture)).exception, SeveralFrames)
    assert isinstance(run("explain", "1", "-o", str(picture), "--frame", "3").exception, UnreadableImage)
    done = run("explain", "1", "-o", str(picture), "--frame", "2")
    assert done.exit_code == 0, done.output
    assert picture.stat().st_size > 0


def test_label_wants_to_know_which_frame_and_labels_it() -> None:
    assert isinstance(run("label", "1", "normal").exception, SeveralImages)
    assert isinstance(run("label", "1", "normal", "--frame", "3").exception, SeveralImages)
    done = run("label", "1", "normal", "--frame", "2", "--by", "ann")
    assert done.exit_code == 0, done.output
    assert "Image 2 of file 1 is labelled normal" in done.output
    assert ["normal" in words[3:] for words in frames_shown()] == [False, False, True]
    assert "ann" in run("show", "1").output


def test_a_picture_of_the_study_shows_every_frame(tmp_path: Path) -> None:
    picture = tmp_path / "strip.png"
    done = run("studies", "show", "1.2.3", "-o", str(picture))
    assert done.exit_code == 0, done.output
    assert picture.stat().st_size > 2000
