"""The worklist's table says at all times what the views say, whatever happens in whatever order."""

import os
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from random import Random
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from core.errors import NothingToRollBack
from core.place import Place
from core.reasons import Reason, ReasonCode
from core.study_images import StudyFinding
from db import promotions, requeue
from db.archives import finish_unpacked, look_up_archive, record_members
from db.arrivals import NewArrival, record_arrivals
from db.engine import now
from db.frames import finish_frames
from db.lifecycle import Claimant, ModelStamp, Outcome, expire_leases, finish
from db.readings import record_reading, record_study_reading, withdraw_reading
from db.states import Cause, FileState
from db.studies import record_finding
from db.tables import File, Image, Reading, Study
from db.worklist import ITEM, STUDIES, Item, WorklistFilter, item_after, worklist
from db.worklist_items import _images, _studies

_VERSIONS = ("one", "two", "three")
_LABELS = ("hemorrhage", "normal", "uncertain", "not assessed")
_BLANK = Reason(ReasonCode.BLANK, "Nothing is to be seen.")


class Life:
    """A small hospital in which anything happens, by that seed."""

    def __init__(self, session: Session, seed: int) -> None:
        self.session, self.random = session, Random(seed)  # noqa: S311 - no secret

    def step(self) -> str:
        """Something happens; returns what."""
        happens: list[Callable[[], None]] = [
            *(self.arrives, self.is_unpacked, self.is_classified, self.is_classified, self.has_frames),
            *(self.is_assessed, self.is_assessed, self.is_read, self.is_undone, self.is_promoted),
            *(self.is_rolled_back, self.is_shipped, self.is_retried, self.is_reclassified, self.is_lost),
        ]
        chosen = self.random.choice(happens)
        chosen()
        return chosen.__name__

    def _any(self, entity: type, *conditions: Any) -> Any:  # noqa: ANN401
        found = self.session.scalars(select(entity).where(*conditions).order_by(entity.id)).all()  # type: ignore[attr-defined]
        return self.random.choice(found) if found else None

    def _held(self, *conditions: Any) -> tuple[Claimant, int] | None:  # noqa: ANN401
        """A file that a task holds now."""
        file = self._any(File, File.state == FileState.RECEIVED, *conditions)
        if file is None:
            return None
        held = {"state": FileState.RUNNING, "claimed_by": "task:0", "lease_expires_at": now()}
        self.session.execute(update(File).where(File.id == file.id).values(held))
        return Claimant("task"), file.id

    def _arrival(self, name: str, **values: Any) -> NewArrival:  # noqa: ANN401
        number = self.random.randrange(10**9)
        return NewArrival(sha256(name.encode()).hexdigest(), 1, f"{name}.png", f"{name} {number}", **values)

    def arrives(self) -> None:
        random = self.random
        record_arrivals(
            self.session,
            [
                self._arrival(
                    str(random.randrange(12)),
                    study=random.choice((None, None, "A", "B")),
                    stat=random.random() < 0.2,
                    refused=_BLANK if random.random() < 0.1 else None,
                )
                for _ in range(random.randrange(1, 3))
            ],
        )

    def is_unpacked(self) -> None:
        held = self._held(File.id.not_in(select(Image.file_id)))
        if held is None:
            return
        known = look_up_archive(self.session, held[1])
        members = [
            self._arrival(
                str(self.random.randrange(12)), study=known.study, stat=known.stat, archive_id=held[1]
            )
            for _ in range(2)
        ]
        record_members(self.session, *held, members, timedelta(minutes=1))
        finish_unpacked(self.session, *held, "")

    def _outcome(self, file_id: int, frame: int = 0) -> Outcome:
        random, label = self.random, self.random.choice(_LABELS)
        uid = f"1.{file_id % 3}"
        place = Place(
            uid, f"{uid}.1", f"{uid}.1.{file_id}.{frame}", accession_number=random.choice(("7", None))
        )
        return Outcome(
            file_id,
            probability=None if label == "not assessed" else round(random.random(), 1),
            label=label,
            label_code="no_head" if label == "not assessed" else None,
            warnings=random.choice((None, "Thick.")),
            frame=frame,
            place=place if file_id % 2 and random.random() < 0.7 else None,  # else by a release before
        )

    def _stamp(self) -> ModelStamp:
        return ModelStamp(self.random.choice(_VERSIONS), "0" * 64, "1", threshold=0.5)

    def is_classified(self) -> None:
        if held := self._held():
            outcome = self._outcome(held[1])
            if self.random.random() < 0.2:
                outcome = Outcome(held[1], rejected=_BLANK, place=outcome.place, warnings=outcome.warnings)
            finish(self.session, held[0], [outcome], self._stamp())

    def has_frames(self) -> None:
        if held := self._held(File.id % 4 == 0):
            outcomes = [self._outcome(held[1], frame) for frame in range(3)]
            finish_frames(
                self.session, *held, outcomes, self._stamp(), ["no_head"], more=self.random.random() < 0.5
            )

    def is_assessed(self) -> None:
        random, study = self.random, self._any(Study)
        if study is None:
            return
        finding = StudyFinding(
            model_version=random.choice(_VERSIONS),
            rule="mean5-1",
            series_id=None,
            label=random.choice(_LABELS),
            label_code=None,
            label_reason=None,
            probability=round(random.random(), 1),
            threshold=0.5,
            images_received=random.randrange(3),
            images_assessed=0,
            images_uncertain=0,
            driving_images=[],
            warnings=random.choice((None, "Few.")),
        )
        record_finding(self.session, study.id, finding)

    def is_read(self) -> None:
        said = self.random.choice(_LABELS[:2]), self.random.choice(("ann", "bob")), None
        image, study = self._any(Image), self._any(Study)
        if image and self.random.random() < 0.5:
            record_reading(self.session, image.id, *said)
        elif study:
            record_study_reading(self.session, study.id, *said)

    def is_undone(self) -> None:
        if newest := self.session.scalars(select(Reading).order_by(Reading.id.desc()).limit(1)).one_or_none():
            withdraw_reading(self.session, newest.id, newest.reader)

    def is_promoted(self) -> None:
        version = self.random.choice((None, *_VERSIONS))
        promotions.promote(self.session, version, cause=Cause.PERSON, decided_by="ann", evidence=None)

    def is_rolled_back(self) -> None:
        try:
            promotions.rollback(self.session, "ann")
        except NothingToRollBack:
            return

    def is_shipped(self) -> None:
        promotions.record_shipped(self.session, self.random.choice(_VERSIONS))

    def is_retried(self) -> None:
        ids = self.session.scalars(select(File.id).where(File.state.in_(requeue.RETRIED))).all()
        requeue.retry(self.session, ids)

    def is_reclassified(self) -> None:
        requeue.reclassify(self.session, self.random.choice(_VERSIONS))

    def is_lost(self) -> None:
        if self._held():
            self.session.execute(update(File).where(File.state == FileState.RUNNING).values(attempts=9))
            past = {"lease_expires_at": now() - timedelta(minutes=1)}
            self.session.execute(update(File).where(File.state == FileState.RUNNING).values(past))
            expire_leases(self.session, 3)


def differences(session: Session) -> list[tuple[Any, ...]]:
    """What table and views do not both say: `+` for what only the views say."""
    fresh = [_studies().where(STUDIES.c.images_received > 0), _images()]
    names = [column.name for column in fresh[0].selected_columns]
    said = {tuple(row) for one in fresh for row in session.execute(one)}
    held = {tuple(row) for row in session.execute(select(*(ITEM.c[name] for name in names)))}
    return [*(("+", *row) for row in said - held), *(("-", *row) for row in held - said)]


@pytest.mark.parametrize("seed", range(int(os.environ.get("HEADCT_TEST_SEEDS", "2"))))
def test_each_item_says_what_the_views_say(engine: Engine, seed: int) -> None:
    happened = []
    with Session(engine) as session, session.begin():
        life = Life(session, seed)
        for _ in range(80):
            happened.append(life.step())
            session.expire_all()
            assert differences(session) == [], happened[-1]


def test_the_next_case_is_the_next_row_of_every_filter(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        life, connection = Life(session, 7), session.connection()
        for _ in range(200):  # until there is something to list
            life.step()
            session.expire_all()
            if len(worklist(connection, WorklistFilter()).items) > 4:
                break
        for sort in ("urgency", "received", "study_time", "probability"):
            for descending in (False, True):
                for more in ({}, {"label": "normal"}, {"verdict": "none"}, {"warnings": True}):
                    wanted = WorklistFilter(sort=sort, descending=descending, **more)  # type: ignore[arg-type]
                    items, matching, left_out = worklist(connection, wanted)
                    anyhow = worklist(connection, WorklistFilter(**more)).items  # type: ignore[arg-type]
                    assert len(items) == matching == len(anyhow) - left_out
                    followed: list[Item | None] = [item_after(connection, wanted, item) for item in items]
                    assert followed == [*items[1:], None][: len(items)]
                    pages = [
                        WorklistFilter(sort=sort, descending=descending, limit=3, offset=start, **more)  # type: ignore[arg-type]
                        for start in range(0, len(items), 3)
                    ]
                    paged = [item for page in pages for item in worklist(connection, page).items]
                    assert paged == list(items)


def test_an_image_that_gets_its_result_while_a_study_is_named_for_it_is_no_item(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        record_arrivals(session, [NewArrival("a" * 64, 1, "1.png", "1")])
        held = Life(session, 0)._held()
        assert held is not None

    def give_result() -> None:
        with Session(engine) as session, session.begin():
            outcome = Outcome(held[1], probability=0.9, label="hemorrhage")
            finish(session, held[0], [outcome], ModelStamp("one", "0" * 64, "1", threshold=0.5))

    giving = Thread(target=give_result)
    with Session(engine) as session, session.begin():
        record_arrivals(session, [NewArrival("a" * 64, 1, "studies/A/1.png", "2", study="A")])
        giving.start()
        giving.join(0.5)  # it is to wait for what is not committed yet
    giving.join()
    with Session(engine) as session:
        assert differences(session) == []
