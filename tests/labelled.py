"""Labelled folders and images for tests."""

import csv
import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.home import Home
from db.engine import now
from db.states import Split
from db.tables import LabelledImage
from training.labelled.examining import Examined
from training.labelled.similarity import SIDE


def images_by_label(images: Path) -> dict[str, list[Path]]:
    """The files that a folder's `labels.csv` lists."""
    found: dict[str, list[Path]] = {"normal": [], "hemorrhage": []}
    with (images / "labels.csv").open(encoding="utf-8") as table:
        for row in csv.DictReader(table):
            found[row["label"]].append(images / row["filename"])
    return found


def class_folders(
    images: Path, folder: Path, each: int, names: Sequence[str] = ("Normal", "Hemorrhage")
) -> Path:
    """A folder with two folders of `each` images."""
    for name, files in zip(names, images_by_label(images).values(), strict=True):
        (folder / name).mkdir(parents=True)
        for file in files[:each]:
            shutil.copy(file, folder / name / file.name)
    return folder


def write_table(folder: Path, lines: Sequence[str], header: str = "filename,label,group") -> Path:
    """Write `labels.csv` into a folder; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "labels.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return folder


def examined(
    number: int, label: str = "normal", group: str | None = None, look: int | None = None
) -> Examined:
    """An image that no file holds; those of the same `look` look alike."""
    noise = np.random.default_rng(number if look is None else look).integers(-127, 128, (SIDE, SIDE))
    sha256 = hashlib.sha256(str(number).encode()).hexdigest()
    return Examined(
        path=Path(f"{number}.png"),
        label=label,
        group=group,
        sha256=sha256,
        pixels_sha256=sha256,
        signature=noise.astype(np.int8),
    )


def kept_files(home: Home) -> list[str]:
    """Names of the images in the home's data set."""
    return sorted(path.name for path in home.dataset.iterdir() if path.is_file())


def fill(engine: Engine, home: Home, rows: Sequence[tuple[str, str, Split]]) -> None:
    """Make these, label, group and split of an image each, the training data; no file is an image."""
    with Session(engine) as session, session.begin():
        for number, (label, group, split) in enumerate(rows):
            sha256 = f"{number:064x}"
            (home.dataset / sha256).write_bytes(bytes([number]))
            session.add(
                LabelledImage(
                    sha256=sha256,
                    pixels_sha256=sha256,
                    label=label,
                    patient_group=group,
                    split=split,
                    source_name="x.png",
                    added_at=now(),
                )
            )


def balanced() -> list[tuple[str, str, Split]]:
    """The least that can be trained on."""
    return [(label, f"{label}-{split}", split) for split in Split for label in ("normal", "hemorrhage")]
