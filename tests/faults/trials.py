"""Repetitions of one fault in a running system: files before, a random moment, recovery, the invariants."""

import contextlib
import io
import json
import random
import struct
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import func, select

from db.engine import read_session
from db.tables import File
from tests.archives import tar_of
from tests.dicom_files import as_bytes, ct_slice, enhanced_ct, hounsfield_that_shows
from tests.faults.invariants import check, left_over
from tests.faults.system import System
from tests.processes import repeating, wait_until

# After a fault everything is given so long before it counts as stuck.
_PATIENCE_S = 240
# PNG 3rd ed., 5.2 and 11.2.1: the signature takes 8 bytes, IHDR 25, and any ancillary chunk may follow.
_AFTER_HEADER = 33
_SMALL = 200 * 200


@dataclass
class Record:
    """A row of the closing table."""

    fault: str
    seed: int
    repetitions: int = 0
    files: int = 0
    lost: int = 0
    doubled: int = 0
    stuck: int = 0
    longest_recovery_s: float = 0.0
    ended: bool = False
    """Whether the case came to its end; one that failed is broken off."""


@dataclass(frozen=True)
class Plan:
    """How much is done. `repetitions` overrides what each case would do; `full` is the long form."""

    seed: int
    full: bool
    repetitions: int | None


class Trial:
    """One repetition. Its randomness follows from seed, fault and number."""

    def __init__(self, system: System, files: "Files", name: str, seed: int, number: int) -> None:
        self.system = system
        self.number = number
        self.random = random.Random(f"{seed} {name} {number}")  # noqa: S311 - to be repeatable
        self._files = files
        self._before = len(system.dropped)
        self._over: float | None = None
        self._claimed: datetime | None = None

    @property
    def files(self) -> int:
        """How many were dropped since it began."""
        return len(self.system.dropped) - self._before

    def drop(self, count: int = 1) -> list[str]:
        """Put new files into the inbox, all of which are to be classified; returns their names."""
        names = []
        for _ in range(count):
            content, name = self._files.new()
            self.system.drop(content, name, state="classified")
            names.append(name)
        return names

    def drop_study(self, files: Sequence[bytes], folder: str = "") -> None:
        """Put the slices of a study into the inbox, each of which is to be classified."""
        for number, content in enumerate(files):
            name = f"{folder}study-{self.number}-{len(self.system.dropped)}-{number}.dcm"
            self.system.drop(content, name, state="classified")

    def drop_archive(self, files: Sequence[bytes]) -> None:
        """Put a tar file of the slices of a study into the inbox, each of which is to be classified."""
        name = f"archive-{self.number}-{len(self.system.dropped)}.tar"
        members = [(f"IM{number}", content) for number, content in enumerate(files)]
        for member, content in members:
            self.system.expect(content, f"{name}/{member}", "classified", of_archive=True)
        self.system.drop(tar_of(members), name, state="unpacked")

    def drop_frames(self, count: int) -> None:
        """Put a file of so many frames into the inbox, each of which is to get a result."""
        name = f"frames-{self.number}-{len(self.system.dropped)}.dcm"
        content = self._files.frames_of(self._files.new_study(), count)
        self.system.drop(content, name, state="classified", frames=count)

    def arriving(self, per_second: float) -> AbstractContextManager[None]:
        """New files go on arriving until the block ends."""
        return repeating(self.drop, per_second)

    def pause(self, longest_s: float) -> None:
        """Let a random time pass, so that the fault falls at a random moment."""
        time.sleep(self.random.uniform(0, longest_s))

    def wait_for_work(self) -> None:
        """Return in the middle of a chunk: a worker has claimed files since the last call."""
        wait_until(self._has_begun, every_s=0.002, what="a worker has begun a chunk")

    def _has_begun(self) -> bool:
        with read_session(self.system.engine) as session:
            claimed = session.scalar(select(func.max(File.lease_expires_at)).where(File.state == "running"))
        if claimed is None or (self._claimed is not None and claimed <= self._claimed):
            return False
        self._claimed = claimed
        return True

    def wait_until_recorded(self) -> None:
        """Return when everything that was dropped so far has its row."""
        wait_until(self.system.is_recorded, what="what arrived is recorded")

    def over(self) -> None:
        """The fault is over from now on; recovery is measured from here (else from the end of the trial)."""
        self._over = time.monotonic()

    def recovery_s(self) -> float:
        """Wait until everything is done; seconds since the fault was over."""
        over = self._over or time.monotonic()
        with contextlib.suppress(AssertionError):  # the invariants say what is stuck
            wait_until(self.system.is_settled, _PATIENCE_S)
        recovery = time.monotonic() - over
        with contextlib.suppress(AssertionError):  # and which processes are left
            wait_until(lambda: not left_over(self.system.home), 15)
        return recovery


class Case:
    """A fault in the making: judges its trials one by one, and keeps their record.

    Parameters
    ----------
    within_s
        Everything is to be done within so many seconds after the fault, in the full form.
    """

    def __init__(self, trials: "Trials", fault: str, within_s: float) -> None:
        self.record = Record(fault, trials.plan.seed)
        self._trials, self._within_s = trials, within_s
        self._late: list[str] = []

    def trial(self, system: System, number: int) -> Trial:
        """Begin a repetition; what is dropped from now on counts."""
        return Trial(system, self._trials.files, self.record.fault, self.record.seed, number)

    def judge(self, trial: Trial) -> None:
        """Wait until everything is done, and check the invariants."""
        recovery = trial.recovery_s()
        found = check(trial.system.home, trial.system.engine, trial.system.dropped)
        self.record.repetitions += 1
        self.record.files += trial.files
        self.record.lost, self.record.doubled, self.record.stuck = found.lost, found.doubled, found.stuck
        self.record.longest_recovery_s = max(self.record.longest_recovery_s, round(recovery, 1))
        said = f"{self.record.fault}, repetition {trial.number}: {'; '.join(found.problems)}"
        assert not found.problems, said
        if recovery > self._within_s:
            self._late.append(f"{trial.number} ({recovery:.1f} s)")

    def end(self) -> None:
        """After the last repetition."""
        self.record.ended = True
        if self._trials.plan.full:  # in the short form other tests share the machine
            said = f"{self.record.fault}: not within {self._within_s:.0f} s in repetition"
            assert not self._late, f"{said} {', '.join(self._late)}"


class Trials:
    """Runs the trials of a test, and keeps the records of its faults."""

    def __init__(self, plan: Plan, files: "Files") -> None:
        self.plan = plan
        self.files = files
        self.records: list[Record] = []

    def case(self, fault: str, *, within_s: float) -> Case:
        """Begin the record of a fault."""
        case = Case(self, fault, within_s)
        self.records.append(case.record)
        print(f"\n{fault}: seed {self.plan.seed}")  # noqa: T201 - to repeat what failed
        return case

    def numbers(self, full: int = 20) -> range:
        """Of the repetitions: `full` in the full form, one in the short one."""
        return range(self.plan.repetitions or (full if self.plan.full else 1))

    def of(self, fault: str, system: System, *, within_s: float, full: int = 20) -> Iterator[Trial]:
        """Trials of one fault in one system, each followed by the invariants; see `Case` and `numbers`."""
        case = self.case(fault, within_s=within_s)
        for number in self.numbers(full):
            trial = case.trial(system, number)
            yield trial
            case.judge(trial)
        case.end()


class Files:
    """Gives any number of distinct files, made of a few by a text chunk of their own."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._contents = [path.read_bytes() for path in paths]
        self._given = 0
        self._lock = threading.Lock()

    def new_study(self) -> str:
        """UID of a study that was never given before."""
        with self._lock:
            self._given += 1
            return f"1.2.826.{self._given}"

    def slices_of(self, uid: str, numbers: Iterable[int]) -> list[bytes]:
        """These slices of the study of that UID."""
        return [
            as_bytes(
                ct_slice(
                    self._hounsfield(number),
                    StudyInstanceUID=uid,
                    SeriesInstanceUID=f"{uid}.1",
                    SOPInstanceUID=f"{uid}.1.{number}",
                    InstanceNumber=number,
                    ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
                    ImagePositionPatient=[0, 0, 5 * number],
                )
            )
            for number in numbers
        ]

    def frames_of(self, uid: str, count: int) -> bytes:
        """A file of so many frames, which are the study of that UID; small ones, or it would be refused."""
        frame = self._hounsfield(0)
        while frame.size > _SMALL:
            frame = frame[::2, ::2]
        uids = {"StudyInstanceUID": uid, "SeriesInstanceUID": f"{uid}.1", "SOPInstanceUID": f"{uid}.1.1"}
        return as_bytes(enhanced_ct([frame] * count, **uids))

    def _hounsfield(self, number: int) -> NDArray[np.int16]:
        with Image.open(io.BytesIO(self._contents[number % len(self._contents)])) as image:
            return hounsfield_that_shows(np.asarray(image.convert("L")))

    def new(self) -> tuple[bytes, str]:
        """Bytes of a PNG that was never given before, and a name for it."""
        with self._lock:
            self._given += 1
            number = self._given
        data = self._contents[number % len(self._contents)]
        return commented(data, str(number).encode()), f"file-{number:06d}.png"


def commented(data: bytes, text: bytes) -> bytes:
    """A PNG with a text chunk after its header."""
    body = b"tEXtComment\0" + text
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:_AFTER_HEADER] + chunk + data[_AFTER_HEADER:]


def write_records(records: Sequence[Record], path: Path) -> None:
    """Append a JSON line for each."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(record)) + "\n" for record in records)
