"""Whole heads that are drawn, stored as DICOM files and classified in this process, for tests of pages."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from pydicom import Dataset
from sqlalchemy.orm import Session

from db.arrivals import NewArrival, record_arrivals
from db.images import known_images
from db.lifecycle import Claimant, next_chunks
from models.classifier import Classifier
from models.store import ModelStore, shipped_model
from scheduler.finaliser import Finaliser
from services.context import Context
from tests.dicom_files import as_bytes, ct_slice
from training.phantoms.bleeds import Bleed
from training.phantoms.levels import Level, generate_level
from training.phantoms.synthetic import generate_image
from worker.classification import classify_chunk

_BONE, _AIR = 900, -1000
"""HU of what is white and black when drawn."""
_LOW, _HIGH = (Level.NECK, Level.SKULL_BASE), (Level.VERTEX,)


def hounsfield_of(grey: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Whole HU that the brain window (0 to 80) shows as that drawing; bone and air as they are in a head."""
    soft = np.rint(grey * (80.0 / 255.0))
    return np.where(grey == 0, _AIR, np.where(grey == 255, _BONE, soft)).astype(np.int16)


def head(number: int, slices: int, bleed: Bleed | None, side: int = 256) -> list[Dataset]:
    """The slices of a study, from the feet on: neck and skull base, brain (with that bleed), the vertex."""
    brain = slices - len(_LOW) - len(_HIGH)
    drawn = [generate_level(number, level, (side, side)).image for level in _LOW]
    for place in range(brain):
        seen = bleed if brain // 3 <= place <= 2 * brain // 3 else None
        drawn.append(generate_image(100 * number + place, seen, (side, side)).image)
    drawn += [generate_level(number, level, (side, side)).image for level in _HIGH]
    uid = f"1.2.826.0.1.3680043.8.498.{number}"
    return [
        ct_slice(
            hounsfield_of(grey),
            StudyInstanceUID=uid,
            SeriesInstanceUID=f"{uid}.1",
            SOPInstanceUID=f"{uid}.1.{place + 1}",
            PatientID=f"P{number}",
            AccessionNumber=f"A{number:05d}",
            StudyDate="20261129",
            StudyTime=f"08{number % 60:02d}00",
            InstanceNumber=place + 1,
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            ImagePositionPatient=[0, 0, 5.0 * place],
            PixelSpacing=[0.5, 0.5],
            SliceThickness=5,
        )
        for place, grey in enumerate(drawn)
    ]


def take_in(context: Context, files: Sequence[tuple[str, bytes]], *, stat: bool = False) -> list[int]:
    """Store these files, classify them and finalise their studies; gives their ids."""
    arrivals = []
    for name, data in files:
        sha256 = hashlib.sha256(data).hexdigest()
        (context.home.store / sha256).write_bytes(data)
        arrivals.append(NewArrival(sha256, len(data), name, None, stat=stat))
    with Session(context.engine) as session, session.begin():
        known = record_arrivals(session, arrivals)
    classifier = Classifier.load(shipped_model())
    while True:
        with Session(context.engine) as session, session.begin():
            chunks = next_chunks(session, 1, 64, timedelta(minutes=1))
        if not chunks:
            break
        (chunk,) = chunks
        classify_chunk(context.engine, classifier, context.settings, context.home, chunk, Claimant("test"))
    settled = replace(context.settings, study_settle_seconds=0.0)
    Finaliser(settled, context.engine, ModelStore(context.home.models)).finalise()
    return [known[arrival.sha256] for arrival in arrivals]


def image_of(context: Context, file_id: int) -> int:
    """The first image of a file."""
    with Session(context.engine) as session:
        return known_images(session, file_id)[0]


def take_in_head(
    context: Context, number: int, slices: int, bleed: Bleed | None, side: int = 256, *, stat: bool = False
) -> list[int]:
    """As `take_in`, of a drawn head."""
    drawn = head(number, slices, bleed, side)
    files = [(f"head{number}/{place}.dcm", as_bytes(one)) for place, one in enumerate(drawn)]
    return take_in(context, files, stat=stat)
