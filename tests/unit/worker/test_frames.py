"""A file of several frames is classified in portions, each frame once; nothing else waits for all of it."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from core.errors import HeadlessCt, NetworkFailed
from core.home import Home
from core.reasons import ReasonCode
from core.settings import Settings
from db.arrivals import NewArrival, record_arrivals
from db.lifecycle import Claimant, claim, expire_leases, next_chunks
from db.requeue import reclassify
from db.results import results_of
from db.tables import File, Image, Prediction, Series
from images.decoding import decode
from images.noted import Noted
from models.card import Decision, OperatingPoint
from tests.dicom_files import as_bytes, classic_frames, ct_slice, enhanced_ct
from worker import frames as portions
from worker.classification import classify_chunk

if TYPE_CHECKING:
    from models.classifier import Classifier

LEASE = timedelta(minutes=1)


class FakeClassifier:
    """Takes every slice but black ones for a head, and each brightness for another probability."""

    def __init__(self, version: str = "fake") -> None:
        self.point = OperatingPoint(1.0, 0.5, 0.4, 0.6, 9.0)
        self.card = SimpleNamespace(
            version=version,
            weights_sha256="f" * 64,
            operating_point=self.point,
            preprocessing=SimpleNamespace(version="p"),
        )
        self.seen: list[int] = []

    def prepare(self, data: bytes, max_pixels: int, noted: Noted, *, of_study: bool) -> NDArray[np.float32]:
        assert not of_study
        return self.prepare_slice(decode(data, max_pixels, noted), is_ct=True)

    def prepare_slice(self, image: NDArray[np.uint8], *, is_ct: bool) -> NDArray[np.float32]:
        assert is_ct
        if not image.any():
            raise HeadlessCt(ReasonCode.BLANK, "nothing there")
        return image[:2, :2].astype(np.float32)

    def score(self, images: list[NDArray[np.float32]]) -> SimpleNamespace:
        self.seen.append(len(images))
        return SimpleNamespace(
            logits=np.stack(images).mean((1, 2)) / 100 - 1.2, distances=np.zeros(len(images))
        )

    def decide(self, logit: float, distance: float) -> Decision:
        return self.point.decide(logit, distance)


def grey(count: int) -> list[NDArray[np.int16]]:
    """Frames of 64 x 64, each of another brightness, with air."""
    frames = [np.full((64, 64), 10 + number % 70, dtype=np.int16) for number in range(count)]
    for frame in frames:
        frame[32:] = -1000
    return frames


def arrive(engine: Engine, home: Home, *contents: bytes) -> list[int]:
    ids = []
    for content in contents:
        sha256 = hashlib.sha256(content).hexdigest()
        (home.store / sha256).write_bytes(content)
        with Session(engine) as session, session.begin():
            ids += record_arrivals(session, [NewArrival(sha256, len(content), "x", None)]).values()
    return ids


def tasks(engine: Engine, chunk_size: int = 4) -> Iterator[list[int]]:
    """Chunks as the dispatcher makes them, until nothing waits."""
    while True:
        with Session(engine) as session, session.begin():
            chunks = next_chunks(session, 1, chunk_size, LEASE)
        if not chunks:
            return
        yield from chunks


def classify(
    engine: Engine,
    settings: Settings,
    home: Home,
    chunk: list[int],
    task: str = "task",
    classifier: FakeClassifier | None = None,
) -> int:
    served = cast("Classifier", classifier or FakeClassifier())
    return classify_chunk(engine, served, settings, home, chunk, Claimant(task))


def states(engine: Engine, ids: list[int]) -> list[str]:
    with Session(engine) as session:
        return [session.get_one(File, file_id).state for file_id in ids]


def frames_of(engine: Engine, file_id: int) -> Counter[int]:
    with Session(engine) as session:
        return Counter(session.scalars(select(Image.frame).join(Prediction).where(Image.file_id == file_id)))


def test_two_thousand_frames_are_done_in_portions_and_the_files_beside_them_at_once(
    engine: Engine, settings: Settings, home: Home
) -> None:
    large = as_bytes(enhanced_ct(grey(2000)))
    slices = [as_bytes(ct_slice(one + 1)) for one in grey(12)]
    ids = arrive(engine, home, large, *slices)
    classifier, begun = FakeClassifier(), 0
    for begun, chunk in enumerate(tasks(engine), 1):
        classify(engine, settings, home, chunk, str(begun), classifier)
        if begun == 4:
            assert states(engine, ids) == ["received", *["classified"] * 12]
            assert len(frames_of(engine, ids[0])) == 4 * portions.FRAMES_A_TASK
    assert states(engine, ids) == ["classified"] * 13
    assert begun == 8
    assert max(classifier.seen) <= 32
    with Session(engine) as session:
        rows = results_of(session, ids[:1])
        assert [row.frame for row in rows] == list(range(2000))
        placed = session.execute(
            select(Image.instance_number, Image.position_mm)
            .where(Image.file_id == ids[0])
            .order_by(Image.frame)
        ).all()
        assert placed == [(number + 1, 5.0 * number) for number in range(2000)]
        (series,) = session.scalars(select(Series)).all()
        assert series.series_uid == "1.2.3.4"
        assert session.get_one(File, ids[0]).attempts == 1


def test_a_worker_that_dies_in_the_middle_leaves_each_frame_one_result(
    engine: Engine, settings: Settings, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portions, "FRAMES_A_TASK", 20)
    (file_id,) = arrive(engine, home, as_bytes(enhanced_ct(grey(70))))
    for number, chunk in enumerate(tasks(engine)):
        if number % 3 == 1:  # it took the file and was killed; its lease runs out
            with Session(engine) as session, session.begin():
                assert claim(session, chunk, Claimant(str(number)), timedelta(0), settings.max_attempts)
            with Session(engine) as session, session.begin():
                expire_leases(session, settings.max_attempts)
            continue
        classify(engine, settings, home, chunk, str(number))
        classify(engine, settings, home, chunk, str(number))
        with Session(engine) as session:
            assert session.get_one(File, file_id).attempts <= 2
    assert frames_of(engine, file_id) == Counter(range(70))
    assert states(engine, [file_id]) == ["classified"]


def test_whoever_lost_the_file_writes_nothing(engine: Engine, settings: Settings, home: Home) -> None:
    (file_id,) = arrive(engine, home, as_bytes(enhanced_ct(grey(5))))

    class Slow(FakeClassifier):
        def score(self, images: list[NDArray[np.float32]]) -> SimpleNamespace:
            with Session(engine) as session, session.begin():
                session.get_one(File, file_id).claimed_by = "another:0"
            return super().score(images)

    (chunk,) = tasks_once(engine)
    classify(engine, settings, home, chunk, classifier=Slow())
    assert frames_of(engine, file_id) == Counter()
    assert states(engine, [file_id]) == ["running"]


def tasks_once(engine: Engine) -> list[list[int]]:
    with Session(engine) as session, session.begin():
        return next_chunks(session, 1, 32, LEASE)


def with_coronal(numbers: range, count: int) -> bytes:
    dataset = enhanced_ct(grey(count))
    for number in numbers:
        plane = Dataset()
        plane.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
        dataset.PerFrameFunctionalGroupsSequence[number].PlaneOrientationSequence = [plane]
    return as_bytes(dataset)


def test_a_refused_frame_is_not_assessed_and_a_file_of_such_is_rejected(
    engine: Engine, settings: Settings, home: Home
) -> None:
    empty = [np.full((64, 64), -1000, dtype=np.int16)] * 3
    ids = arrive(
        engine,
        home,
        with_coronal(range(1, 3), 4),
        with_coronal(range(3), 3),
        as_bytes(classic_frames(empty)),
        as_bytes(enhanced_ct(grey(3), Modality="MR")),
    )
    for chunk in tasks(engine):
        classify(engine, settings, home, chunk)
    assert states(engine, ids) == ["classified", "rejected", "classified", "rejected"]
    with Session(engine) as session:
        first = results_of(session, ids[:1])
        assert [row.label == "not assessed" for row in first] == [False, True, True, False]
        assert [row.label_code for row in first][1:3] == ["not_axial", "not_axial"]
        assert {row.label_code for row in results_of(session, ids[2:3])} == {"no_head_found"}
        assert [session.get_one(File, file_id).reason_code for file_id in ids] == [
            *(None, "not_axial", None, "other_modality")
        ]
        assert len(results_of(session, ids[1:2])) == 1


def test_frames_that_a_new_version_lacks_are_classified_again_and_old_results_stay(
    engine: Engine, settings: Settings, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file_id,) = arrive(engine, home, as_bytes(enhanced_ct(grey(9))))
    for chunk in tasks(engine):
        classify(engine, settings, home, chunk)
    monkeypatch.setattr(portions, "FRAMES_A_TASK", 4)
    with Session(engine) as session, session.begin():
        assert reclassify(session, "newer", None) == 1
    for number in range(3):
        with Session(engine) as session, session.begin():
            (chunk,) = next_chunks(session, 1, 4, LEASE, again=True)
        classify(engine, settings, home, chunk, f"again-{number}", FakeClassifier("newer"))
    assert frames_of(engine, file_id) == Counter(dict.fromkeys(range(9), 2))
    assert states(engine, [file_id]) == ["classified"]
    with Session(engine) as session, session.begin():
        assert reclassify(session, "newer", None) == 0


def test_a_network_that_fails_costs_the_file_no_attempt(
    engine: Engine, settings: Settings, home: Home
) -> None:
    class Broken(FakeClassifier):
        def score(self, images: list[NDArray[np.float32]]) -> SimpleNamespace:
            raise MemoryError(len(images))

    (file_id,) = arrive(engine, home, as_bytes(enhanced_ct(grey(5))))
    (chunk,) = tasks_once(engine)
    with pytest.raises(NetworkFailed):
        classify(engine, settings, home, chunk, classifier=Broken())
    with Session(engine) as session:
        file = session.get_one(File, file_id)
        assert (file.state, file.attempts) == ("received", 0)


def test_slow_frames_are_committed_before_the_time_of_a_task_ends(
    engine: Engine, settings: Settings, home: Home
) -> None:
    (file_id,) = arrive(engine, home, as_bytes(enhanced_ct(grey(3))))
    served = cast("Classifier", FakeClassifier())
    for number, (chunk,) in enumerate(zip(tasks(engine), strict=True), 1):
        claimant = Claimant(f"task {number}")
        with Session(engine) as session, session.begin():
            files = claim(session, chunk, claimant, LEASE, 3)
        portions.classify_frames(engine, served, settings, home, files, claimant, portion_s=0)
        assert frames_of(engine, file_id).total() == number, "one at least, and no more"
    assert states(engine, [file_id]) == ["classified"]
