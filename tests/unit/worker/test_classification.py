import hashlib
import io
from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import Engine, select, text, update
from sqlalchemy.orm import Session

from cli.files import print_file
from core.errors import HeadlessCt, NetworkFailed, StoreUnavailable, UnreadableImage
from core.home import Home
from core.reasons import ReasonCode
from core.settings import Settings
from db.arrivals import NewArrival, record_arrivals
from db.engine import now
from db.images import first_images
from db.lifecycle import Claimant, next_chunks
from db.promotions import promote, record_shipped
from db.queries import counts_by_state, find_file, predictions_of
from db.readings import record_reading
from db.requeue import left_behind, reclassify
from db.results import results_of
from db.states import Cause
from db.tables import File, Prediction, Promotion, ShippedModel
from images.noted import Noted
from models.card import Decision, OperatingPoint
from models.classifier import Classifier
from models.labels import BETWEEN_BOUNDS, OUTSIDE_DOMAIN
from models.store import shipped_model
from tests.dicom_files import as_bytes, ct_slice
from training.phantoms.synthetic import generate_image
from worker.classification import classify_chunk


class FakeClassifier:
    """Says hemorrhage of bright images, and that the very darkest are none it knows; counts its passes."""

    point = OperatingPoint(1.0, threshold=0.5, uncertain_low=0.4, uncertain_high=0.6, domain_limit=9.0)
    card = SimpleNamespace(
        version="fake",
        weights_sha256="f" * 64,
        operating_point=point,
        preprocessing=SimpleNamespace(version="p"),
    )

    def __init__(self) -> None:
        self.batches: list[int] = []

    def prepare(self, data: bytes, max_pixels: int, noted: Noted, *, of_study: bool) -> NDArray[np.float32]:
        assert max_pixels == 20_000_000
        assert not of_study
        noted.warnings += [f"It says {word.decode()}." for word in data.split(b"WARN ")[1:]]
        try:
            return np.asarray(Image.open(io.BytesIO(data)), dtype=np.float32)
        except OSError as error:
            raise UnreadableImage(ReasonCode.NOT_AN_IMAGE, "not an image") from error

    def score(self, images: Sequence[NDArray[np.float32]]) -> SimpleNamespace:
        self.batches.append(len(images))
        bright = np.clip(np.stack(images).mean((1, 2), dtype=np.float64) / 255, 1e-9, 1 - 1e-9)
        return SimpleNamespace(logits=np.log(bright / (1 - bright)), distances=10.0 * (bright < 1e-6))

    def decide(self, logit: float, distance: float) -> Decision:
        return self.point.decide(logit, distance)


def png(brightness: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (8, 8), brightness).save(stream, "PNG")
    return stream.getvalue()


def stored(engine: Engine, home: Home, contents: Sequence[bytes | None]) -> list[int]:
    """Queued files with these bytes in the store; None for a file whose file is gone."""
    arrivals = []
    for number, content in enumerate(contents):
        sha256 = f"{number:064x}" if content is None else hashlib.sha256(content).hexdigest()
        arrivals.append(NewArrival(sha256, 1, "x", None))
        if content is not None:
            (home.store / sha256).write_bytes(content)
    with Session(engine) as session, session.begin():
        for arrival in arrivals:
            record_arrivals(session, [arrival])
        (chunk,) = next_chunks(session, 1, 64, timedelta(minutes=1))
    return chunk


def classify(
    engine: Engine,
    settings: Settings,
    home: Home,
    ids: list[int],
    classifier: FakeClassifier | None = None,
    task: str = "task",
) -> int:
    return classify_chunk(engine, classifier or FakeClassifier(), settings, home, ids, Claimant(task))


def test_a_chunk_is_one_forward_pass_and_one_result_each(
    engine: Engine, settings: Settings, home: Home
) -> None:
    ids, classifier = stored(engine, home, [png(0), png(255), png(51), png(128)]), FakeClassifier()
    assert classify(engine, settings, home, ids, classifier) == 4
    assert classifier.batches == [4]
    with Session(engine) as session:
        rows = session.scalars(select(Prediction).order_by(Prediction.image_id)).all()
        assert [(row.label, row.label_code, row.label_reason, round(row.probability, 2)) for row in rows] == [
            ("not assessed", *OUTSIDE_DOMAIN, 0.0),
            ("hemorrhage", None, None, 1.0),
            ("normal", None, None, 0.2),
            ("uncertain", *BETWEEN_BOUNDS, 0.5),
        ]
        assert [row.domain_distance for row in rows] == [10.0, 0.0, 0.0, 0.0]
        assert {
            (row.model_version, row.preprocessing_version, row.temperature, row.threshold) for row in rows
        } == {("fake", "p", 1.0, 0.5)}
        assert {(row.uncertain_low, row.uncertain_high, row.domain_limit) for row in rows} == {
            (0.4, 0.6, 9.0)
        }
        assert set(session.scalars(select(File.state))) == {"classified"}


def test_bad_missing_and_too_large_files_do_not_fail_their_neighbours(
    engine: Engine, settings: Settings, home: Home
) -> None:
    settings = replace(settings, max_file_mb=0.001)
    ids = stored(engine, home, [png(255), b"bad", None, bytes(2000)])
    classify(engine, settings, home, ids)
    with Session(engine) as session:
        found = [find_file(session, str(id_)) for id_ in ids]
        assert [file.state for file in found] == ["classified", "rejected", "rejected", "rejected"]
        reasons = [str(file.reason) for file in found]
    assert reasons[1] == "not an image"
    assert "Drop the file again" in reasons[2]
    assert "HEADCT_MAX_FILE_MB" in reasons[3]


def test_without_its_store_no_file_is_judged(engine: Engine, settings: Settings, home: Home) -> None:
    """The disk of the store is away: what is left is an empty folder, or none."""
    contents = [png(255), png(0)]
    ids, away = stored(engine, home, contents), home.root / "away"
    home.store.rename(away)
    for _ in range(settings.max_attempts + 1):
        with pytest.raises(StoreUnavailable, match="Mount its disk"):
            classify(engine, settings, home, ids)
        with Session(engine) as session, session.begin():
            assert set(session.execute(select(File.state, File.attempts))) == {("received", 0)}
            (ids,) = next_chunks(session, 1, 64, timedelta(minutes=1))
        home.store.mkdir(exist_ok=True)
    home.store.rmdir()
    away.rename(home.store)
    assert classify(engine, settings, home, ids) == 2
    with Session(engine) as session:
        assert set(session.scalars(select(File.state))) == {"classified"}


def test_a_chunk_of_bad_files_runs_no_network(engine: Engine, settings: Settings, home: Home) -> None:
    classifier = FakeClassifier()
    classify(engine, settings, home, stored(engine, home, [b"bad"]), classifier)
    assert classifier.batches == []


def test_another_tasks_finished_and_unknown_files_are_passed_over(
    engine: Engine, settings: Settings, home: Home
) -> None:
    ids = stored(engine, home, [png(1)])
    classify(engine, settings, home, ids)
    assert classify(engine, settings, home, [*ids, 99_999], task="other") == 0


def test_a_failing_network_leaves_the_files_to_be_tried_again(
    engine: Engine, settings: Settings, home: Home
) -> None:
    class Failing(FakeClassifier):
        def score(self, images: Sequence[NDArray[np.float32]]) -> SimpleNamespace:
            super().score(images)
            raise RuntimeError("out of memory")

    ids = stored(engine, home, [png(1), png(2)])
    for _ in range(settings.max_attempts + 1):
        with pytest.raises(NetworkFailed, match="out of memory"):
            classify(engine, settings, home, ids, Failing())
        with Session(engine) as session, session.begin():
            assert set(session.execute(select(File.state, File.attempts))) == {("received", 0)}
            (ids,) = next_chunks(session, 1, 64, timedelta(minutes=1))
    assert classify(engine, settings, home, ids) == 2


def test_a_decoder_that_fails_in_an_unforeseen_way_rejects_one_file_only(
    engine: Engine, settings: Settings, home: Home
) -> None:
    class Surprised(FakeClassifier):
        def prepare(
            self, data: bytes, max_pixels: int, noted: Noted, *, of_study: bool
        ) -> NDArray[np.float32]:
            if data == b"surprise":
                raise ZeroDivisionError
            return super().prepare(data, max_pixels, noted, of_study=of_study)

    ids = stored(engine, home, [png(255), b"surprise"])
    classify(engine, settings, home, ids, Surprised())
    with Session(engine) as session:
        assert [find_file(session, str(id_)).state for id_ in ids] == ["classified", "rejected"]


def test_an_unreadable_store_file_rejects_one_file_only(
    engine: Engine, settings: Settings, home: Home
) -> None:
    ids = stored(engine, home, [png(255), None])
    (home.store / f"{1:064x}").mkdir()
    classify(engine, settings, home, ids)
    with Session(engine) as session:
        assert [find_file(session, str(id_)).state for id_ in ids] == ["classified", "rejected"]
        assert str(home.root) not in str(find_file(session, str(ids[1])).reason)


def test_a_network_that_gives_no_number_rejects_the_file(
    engine: Engine, settings: Settings, home: Home
) -> None:
    class Undecided(FakeClassifier):
        def score(self, images: Sequence[NDArray[np.float32]]) -> SimpleNamespace:
            return SimpleNamespace(logits=np.full(len(images), np.nan), distances=np.zeros(len(images)))

    ids = stored(engine, home, [png(255)])
    classify(engine, settings, home, ids, Undecided())
    with Session(engine) as session:
        assert find_file(session, str(ids[0])).state == "rejected"


@pytest.mark.parametrize(("changed", "state"), [(False, "classified"), (True, "rejected")])
def test_a_refused_file_is_read_from_rejected_when_it_is_retried_unless_it_changed(
    engine: Engine, settings: Settings, home: Home, changed: bool, state: str
) -> None:
    content = png(255)
    sha256 = hashlib.sha256(content).hexdigest()
    (home.rejected / sha256).write_bytes(content + b"more" * changed)
    with Session(engine) as session, session.begin():
        ids = list(record_arrivals(session, [NewArrival(sha256, 1, "x", None)]).values())
        next_chunks(session, 1, 64, timedelta(minutes=1))
    classify(engine, settings, home, ids)
    with Session(engine) as session:
        assert find_file(session, str(ids[0])).state == state


def test_ids_that_no_file_has_are_logged_and_harm_no_neighbour(
    engine: Engine, settings: Settings, home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    ids = stored(engine, home, [png(255)])
    assert classify(engine, settings, home, [*ids, 999_999_999]) == 1
    (told,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert told.getMessage() == "a message names 1 files that do not exist; they are passed over"
    assert told.__dict__["file_ids"] == [999_999_999]
    caplog.clear()
    assert classify(engine, settings, home, ids) == 0, "it is finished"
    assert caplog.records == [], "that is usual, and nothing to tell"


class OtherClassifier(FakeClassifier):
    """Of the version that comes into use."""

    card = SimpleNamespace(**{**vars(FakeClassifier.card), "version": "other"})


@pytest.fixture
def asked_again(engine: Engine, settings: Settings, home: Home) -> int:
    """A file with a result of `fake`; then `other` comes into use, and it is to be classified again."""
    (file_id,) = stored(engine, home, [png(255)])
    classify(engine, settings, home, [file_id], task="first")
    with Session(engine) as session, session.begin():
        record_shipped(session, "fake")
        promote(session, "other", cause=Cause.PERSON, decided_by="ann", evidence=None)
        assert reclassify(session, "other", None) == 1
    return file_id


def publish(engine: Engine) -> list[list[int]]:
    with Session(engine) as session, session.begin():
        return next_chunks(session, 4, 32, timedelta(minutes=1), again=True)


def said_of(engine: Engine, file_id: int) -> tuple[str, int, list[str]]:
    """State, attempts, and the versions that it has results of."""
    with Session(engine) as session:
        file = session.get_one(File, file_id)
        return file.state, file.attempts, [one.model_version for one in predictions_of(session, file_id)]


def long_ago(engine: Engine) -> None:
    moment = now() - timedelta(minutes=2)
    with Session(engine) as session, session.begin():
        session.execute(update(File).values(requeued_at=moment))
        session.execute(update(Promotion).values(promoted_at=moment))
        session.execute(update(ShippedModel).values(recorded_at=moment))


def test_a_worker_that_has_not_switched_leaves_what_is_asked_of_the_version_in_use(
    engine: Engine, settings: Settings, home: Home, asked_again: int
) -> None:
    for number in range(5):
        assert publish(engine) == [[asked_again]]
        assert classify(engine, settings, home, [asked_again], task=f"{number}") == 0
        assert said_of(engine, asked_again) == ("received", 0, ["fake"]), "it waits, and this cost no attempt"
    publish(engine)
    assert classify(engine, settings, home, [asked_again], OtherClassifier()) == 1
    assert said_of(engine, asked_again) == ("classified", 1, ["fake", "other"])


def test_a_new_file_does_not_wait_for_the_switch(
    engine: Engine, settings: Settings, home: Home, asked_again: int
) -> None:
    (new,) = stored(engine, home, [png(51)])
    publish(engine)
    assert classify(engine, settings, home, [asked_again, new]) == 1
    assert said_of(engine, new) == ("classified", 1, ["fake"])


def test_as_long_as_another_worker_serves_the_version_in_use_it_is_waited_for(
    engine: Engine, settings: Settings, home: Home, asked_again: int
) -> None:
    long_ago(engine)
    (new,) = stored(engine, home, [png(51)])
    classify(engine, settings, home, [new], OtherClassifier(), task="another")
    publish(engine)
    assert classify(engine, settings, home, [asked_again], task="refuses") == 0
    assert said_of(engine, asked_again) == ("received", 0, ["fake"])


def test_where_no_worker_takes_the_version_in_use_the_file_keeps_its_result_and_it_is_told(
    engine: Engine, settings: Settings, home: Home, asked_again: int, caplog: pytest.LogCaptureFixture
) -> None:
    with Session(engine) as session, session.begin():
        session.execute(update(File).values(requeued_at=now() - timedelta(minutes=2)))
    publish(engine)
    classify(engine, settings, home, [asked_again], task="soon")
    assert said_of(engine, asked_again)[0] == "received", "the version came a moment ago"
    long_ago(engine)
    publish(engine)
    assert classify(engine, settings, home, [asked_again], task="late") == 0
    assert said_of(engine, asked_again) == ("classified", 1, ["fake"])
    assert "1 files keep their earlier result: this worker serves fake" in caplog.text
    assert publish(engine) == []
    with Session(engine) as session:
        assert left_behind(session) == 1


def test_what_has_a_result_of_the_version_in_use_or_was_asked_before_it_came_is_not_left_behind(
    engine: Engine, settings: Settings, home: Home, asked_again: int
) -> None:
    publish(engine)
    classify(engine, settings, home, [asked_again], OtherClassifier())
    with Session(engine) as session:
        assert left_behind(session) == 0
    with Session(engine) as session, session.begin():
        promote(session, "third", cause=Cause.PERSON, decided_by="ann", evidence=None)
        assert left_behind(session) == 0


def test_warnings_are_on_the_row_of_a_result_and_of_a_rejection(
    engine: Engine, settings: Settings, home: Home
) -> None:
    contents = [png(9) + b"WARN oneWARN two", b"no imageWARN three", png(10)]
    ids = stored(engine, home, contents)
    assert classify(engine, settings, home, ids) == 3
    with Session(engine) as session:
        rows = {row.sha256: (row.state, row.warnings) for row in results_of(session, ids)}
    assert [rows[hashlib.sha256(content).hexdigest()] for content in contents] == [
        ("classified", "It says one. It says two."),
        ("rejected", "It says three."),
        ("classified", None),
    ]


def test_a_dicom_slice_with_loss_is_warned_of_by_the_real_classifier(
    engine: Engine, settings: Settings, home: Home
) -> None:
    lossy = as_bytes(ct_slice(LossyImageCompression="01", LossyImageCompressionRatio="77"))
    (file_id,) = stored(engine, home, [lossy])
    classifier = Classifier.load(shipped_model())
    assert classify_chunk(engine, classifier, settings, home, [file_id], Claimant("task")) == 1
    with Session(engine) as session:
        (row,) = results_of(session, [file_id])
    assert "with loss by 77:1" in row.warnings


def test_a_ct_without_a_head_is_not_assessed_and_has_no_probability(
    engine: Engine, settings: Settings, home: Home
) -> None:
    air = np.full((80, 90), -1000, dtype=np.int16)
    grey = generate_image(1, None, (200, 180)).image.astype(np.int16)
    head = np.where(grey == 0, -1000, grey * 80 // 255).astype(np.int16)
    file = io.BytesIO()
    Image.new("L", (90, 80)).save(file, "PNG")
    ids = stored(engine, home, [as_bytes(ct_slice(air)), as_bytes(ct_slice(head)), file.getvalue()])
    classifier = Classifier.load(shipped_model())
    assert classify_chunk(engine, classifier, settings, home, ids, Claimant("task")) == 3
    with Session(engine) as session:
        rows = results_of(session, ids)
        found = session.scalars(select(Prediction).order_by(Prediction.image_id)).all()
        assert [(row.state, row.reason_code) for row in rows] == [
            ("classified", None),
            ("classified", None),
            ("rejected", "blank"),
        ]
        assert (rows[0].label, rows[0].label_code, rows[0].probability) == (
            "not assessed",
            "no_head_found",
            None,
        )
        assert rows[0].model_version == classifier.card.version
        assert [one.domain_distance is None for one in found] == [True, False]
        print_file(find_file(session, str(ids[0])), [], found[:1], [], rows[:1])


def test_a_chunk_of_cts_without_a_head_runs_no_network_and_counts_as_classified(
    engine: Engine, settings: Settings, home: Home
) -> None:
    class Headless(FakeClassifier):
        def prepare(
            self, data: bytes, max_pixels: int, noted: Noted, *, of_study: bool
        ) -> NDArray[np.float32]:
            super().prepare(data, max_pixels, noted, of_study=of_study)
            raise HeadlessCt(ReasonCode.NO_HEAD, "no head")

    ids, classifier = stored(engine, home, [png(1), png(2)]), Headless()
    classify(engine, settings, home, ids, classifier)
    assert classifier.batches == []
    with Session(engine) as session, session.begin():
        assert counts_by_state(session)["classified"] == 2
        record_reading(session, first_images(session, ids)[ids[0]], "normal", "ann", None)
    with Session(engine) as session, session.begin():
        (agreement,) = session.execute(text("SELECT readings, not_assessed, agreement FROM agreement")).all()
        assert tuple(agreement) == (1, 1, None)
        assert reclassify(session, "other", None) == 2
