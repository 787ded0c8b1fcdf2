"""Whatever may happen to files on their way: workers die, messages are lost, come twice, come late.

The model is the queue with its messages, and the tasks that workers hold. In the end, once workers live
and leases run out, every file gets one final state in a bounded number of rounds.
"""

import itertools
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.reasons import Reason, ReasonCode
from db.arrivals import NewArrival, record_arrivals
from db.engine import make_engine, now
from db.lifecycle import (
    Claimant,
    ModelStamp,
    Outcome,
    claim,
    expire_leases,
    finish,
    next_chunks,
    release,
    unqueue,
)
from db.requeue import reclassify, retry
from db.states import UNFINISHED, FileState
from db.tables import File, Image, Prediction
from tests.fuzz.test_decoder import FULL

LEASE, MOST, CHUNK = timedelta(minutes=1), 3, 3
MODELS = [ModelStamp(f"v{number}", "f" * 64, "p1", 0.5) for number in (1, 2)]
UNREADABLE, POISON = 5, 7
"""Every fifth file is one that a worker rejects; in the end every seventh ends whoever has it."""
ROUNDS = 2 * MOST + 2
"""Each ends what can be ended by then; a file may have to wait for its lease after each of its attempts."""


@dataclass(frozen=True)
class Message:
    """A message of the queue; delivered again it has the same task id and try."""

    task_id: str
    file_ids: tuple[int, ...]
    retries: int = 0

    @property
    def claimant(self) -> Claimant:
        return Claimant(self.task_id, self.retries)


class Lifecycle(RuleBasedStateMachine):
    """Moves of dispatcher, workers and people, and of a world that goes wrong."""

    migrated: Path  # a database to copy

    def __init__(self) -> None:
        super().__init__()
        self.queue: list[Message] = []
        self.held: list[tuple[Message, list[int], ModelStamp]] = []
        self.ended: Counter[int] = Counter()
        self.final: dict[int, str] = {}
        self.model = MODELS[0]
        self.numbers = itertools.count(1)

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="headct-lifecycle-"))
        shutil.copyfile(self.migrated, self.folder / "headct.db")
        self.engine = make_engine(f"sqlite:///{self.folder / 'headct.db'}")

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            try:
                self.settle()
            finally:
                self.engine.dispose()
                shutil.rmtree(self.folder)

    @rule(count=st.integers(1, 5))
    def arrive(self, count: int) -> None:
        with self.writing() as session, session.begin():
            new = [NewArrival(f"{next(self.numbers):064x}", 100, "a.png", None) for _ in range(count)]
            record_arrivals(session, new)

    @rule(room=st.integers(1, 4), published=st.integers(0, 4), again=st.booleans())
    def dispatch(self, room: int, published: int, *, again: bool) -> None:
        """What Redis does not take is put back."""
        with self.writing() as session, session.begin():
            chunks = next_chunks(session, room, CHUNK, LEASE, again=again)
        self.queue += [Message(f"t{next(self.numbers)}", tuple(chunk)) for chunk in chunks[:published]]
        with self.writing() as session, session.begin():
            unqueue(session, [file_id for chunk in chunks[published:] for file_id in chunk])

    @precondition(lambda self: self.queue)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        """A worker takes a message, in any order, and claims its files."""
        message = self.queue.pop(data.draw(st.integers(0, len(self.queue) - 1)))
        with self.ending(), self.writing() as session, session.begin():
            claimed = claim(session, message.file_ids, message.claimant, LEASE, MOST)
        self.held.append((message, [file.id for file in claimed], self.model))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def complete(self, data: st.DataObject) -> None:
        """A worker commits, also long after its lease ended."""
        message, file_ids, model = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        outcomes = [
            Outcome(file_id, rejected=Reason(ReasonCode.DAMAGED, "It cannot be read."))
            if file_id % UNREADABLE == 0
            else Outcome(file_id, 0.25, "normal")
            for file_id in file_ids
        ]
        with self.ending(), self.writing() as session, session.begin():
            finish(session, message.claimant, outcomes, model)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), redelivered=st.booleans())
    def die(self, data: st.DataObject, *, redelivered: bool) -> None:
        """A worker is gone with what it held; its message comes again, or is gone too."""
        message, _, _ = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        if redelivered:
            self.queue.append(message)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def fail_to_commit(self, data: st.DataObject) -> None:
        """The database does not answer: the task is tried again, which is no attempt more."""
        message, _, _ = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        self.queue.append(replace(message, retries=message.retries + 1))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def lose_the_store(self, data: st.DataObject) -> None:
        """A worker cannot read the store: what it holds waits again, which is no attempt."""
        message, _, _ = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        with self.writing() as session, session.begin():
            release(session, message.claimant)

    @precondition(lambda self: self.queue)
    @rule(data=st.data())
    def come_twice(self, data: st.DataObject) -> None:
        self.queue.append(data.draw(st.sampled_from(self.queue)))

    @rule()
    def forget(self) -> None:
        """Redis is emptied."""
        self.queue.clear()

    @rule()
    def expire(self) -> None:
        with self.writing() as session, session.begin():
            session.execute(
                update(File).where(File.lease_expires_at.is_not(None)).values(lease_expires_at=now() - LEASE)
            )

    @rule()
    def sweep(self) -> None:
        with self.ending(), self.writing() as session, session.begin():
            expire_leases(session, MOST)

    @rule(data=st.data())
    def retry_one(self, data: st.DataObject) -> None:
        """A person has it tried again, as if new."""
        with self.writing() as session, session.begin():
            ids = list(session.scalars(select(File.id).where(File.state.in_(("rejected", "quarantined")))))
            if ids:
                chosen = data.draw(st.sampled_from(ids))
                retry(session, [chosen])
                del self.ended[chosen], self.final[chosen]

    @rule()
    def switch_the_model(self) -> None:
        self.model = MODELS[1] if self.model is MODELS[0] else MODELS[0]
        classified = select(File.id).where(File.state == FileState.CLASSIFIED)
        with self.writing() as session, session.begin():
            before = set(session.scalars(classified))
            reclassify(session, self.model.version, None)
            moved = before - set(session.scalars(classified))
        for file_id in moved:
            del self.ended[file_id], self.final[file_id]

    @invariant()
    def final_states_stay(self) -> None:
        """What is final changes by a person's wish alone, who makes these entries void."""
        final = select(File.id, File.state).where(File.state.not_in(UNFINISHED))
        with Session(self.engine) as session:
            states = {row.id: row.state for row in session.execute(final)}
        assert states.items() >= self.final.items()
        self.final = states

    @invariant()
    def rows_are_sound(self) -> None:
        with Session(self.engine) as session:
            files = list(session.scalars(select(File)))
            doubled = session.execute(
                select(Image.file_id, Prediction.model_version)
                .join(Image, Image.id == Prediction.image_id)
                .group_by(Image.file_id, Prediction.model_version)
                .having(func.count() > 1)
            ).all()
            with_result = set(session.scalars(select(Image.file_id).join(Prediction)))
        assert not doubled
        for file in files:
            leased = file.state in (FileState.QUEUED, FileState.RUNNING)
            assert (file.lease_expires_at is not None) == leased
            assert (file.claimed_by is not None) == (file.state == FileState.RUNNING)
            assert file.attempts == self.ended[file.id] + (file.state == FileState.RUNNING)
            assert file.state != FileState.QUARANTINED or file.attempts == MOST
            assert (file.reason is not None) == (file.state in (FileState.REJECTED, FileState.QUARANTINED))
            assert file.state != FileState.CLASSIFIED or file.id in with_result
            assert file.state != FileState.REJECTED or file.id % UNREADABLE == 0

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Count the attempts that end in the block: with a result, or a worker is taken for dead."""
        running = select(File.id, File.attempts).where(File.state == FileState.RUNNING)
        with Session(self.engine) as session:
            before = session.execute(running).all()
        yield
        with Session(self.engine) as session:
            self.ended.update(row.id for row in set(before) - set(session.execute(running)))

    def settle(self) -> None:
        """Nothing goes wrong any more but for what poison does. Workers that were silent finish, late."""
        for _ in range(ROUNDS):
            self.expire()
            self.sweep()
            for again in (False, True):
                with self.writing() as session, session.begin():
                    chunks = next_chunks(session, 100, CHUNK, LEASE, again=again)
                self.queue += [Message(f"t{next(self.numbers)}", tuple(chunk)) for chunk in chunks]
            while self.queue or self.held:
                if self.queue:
                    self.deliver(First())
                elif any(file_id % POISON == 0 for file_id in self.held[0][1]):
                    self.die(First(), redelivered=True)
                else:
                    self.complete(First())
                self.rows_are_sound()
        with Session(self.engine) as session:
            assert list(session.scalars(select(File.id).where(File.state.in_(UNFINISHED)))) == []

    def writing(self) -> Session:
        return Session(self.engine)


class First:
    """Draws the first of whatever there is."""

    def draw(self, strategy: st.SearchStrategy[int]) -> int:  # noqa: ARG002 - it is the first one in any case
        return 0


def test_whatever_happens_every_file_gets_one_final_state(migrated_sqlite: Path) -> None:
    class Migrated(Lifecycle):
        migrated = migrated_sqlite

    run_state_machine_as_test(
        Migrated,
        settings=settings(
            max_examples=500 if FULL else 10,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
