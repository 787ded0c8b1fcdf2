"""Odd files, and odd ways of putting them into the inbox: each ends in the right state."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from sqlalchemy import select

from db.engine import read_session
from db.tables import Arrival
from scheduler.claims import CLAIMS, InboxFile
from tests.faults.invariants import Drop
from tests.faults.system import System
from tests.faults.trials import Trial, Trials
from tests.processes import wait_until

_DONE_S = 60
# Whatever a file system takes; each is the name of a good file.
NAMES = [
    "ünïcødé ✓ 頭部.png",
    "u\u0308 decomposed.png",
    "n" * 251 + ".png",
    "é" * 125 + ".png",
    "line\nbreak\r.png",
    "quote'\"`.png",
    "'; DROP TABLE file; --.png",
    "back\\slash\\n.png",
    "x\\..\\..\\windows.png",
    "x%2f..%2f..%2fetc%2fpasswd",
    "$(touch owned) `id` ${HOME} %s %n {0} {file}.png",
    "-rf --no-preserve-root",
    "\u202egnp.thgir-ot-tfel",
    " leading and trailing ",
    "tab\tbell\x07delete\x7f.png",
    "no end",
    os.fsdecode(b"no utf-8 \xff\xfe \xc3.png"),
    "/".join(["deep" * 60] * 8) + "/file.png",
]


class Dropping:
    """Drops of one repetition; every name begins with its number."""

    def __init__(self, trial: Trial, trials: Trials, outside: Path) -> None:
        self.system: System = trial.system
        self.inbox = self.system.home.inbox
        self.outside = outside
        self._number = trial.number
        self._files = trials.files

    def name(self, name: str) -> str:
        """The name in this repetition."""
        return f"{self._number}/{name}"

    def file(self) -> bytes:
        """The bytes of a file that was never dropped."""
        return self._files.new()[0]

    def expect(self, name: str, content: bytes, state: str | None = "classified") -> Path:
        """A file of that name and content is going to be dropped by the test itself; returns its path."""
        path = self.inbox / self.name(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        seen = InboxFile(path, Path(self.name(name))).source_name
        self.system.dropped.append(Drop(seen, sha256(content).hexdigest(), state))
        return path

    def write(self, name: str, content: bytes) -> None:
        """A file of that name and content is dropped."""
        self.expect(name, content).write_bytes(content)

    def prepared(self, content: bytes) -> Path:
        """A file outside of the inbox, on the same file system."""
        self.outside.mkdir(parents=True, exist_ok=True)
        path = self.outside / sha256(content).hexdigest()
        path.write_bytes(content)
        return path


def test_odd_files_end_in_the_right_state(system: System, trials: Trials, tmp_path: Path) -> None:
    slow_s = 20.0 if trials.plan.full else 3.0
    scheduler = system.part("scheduler").pid
    for trial in trials.of("odd files and odd ways of dropping them", system, within_s=_DONE_S):
        dropping = Dropping(trial, trials, tmp_path / str(trial.number))
        slow = [
            threading.Thread(target=writer, args=(dropping, slow_s))
            for writer in (write_slowly, write_slowly_after_an_end_marker, write_slowly_beside_a_pause)
        ]
        for thread in slow:
            thread.start()
        checks = [
            drop(dropping)
            for drop in (
                odd_names,
                renamed_into_the_inbox,
                the_same_name_again,
                the_same_content_under_fifty_names,
                vanishing,
                a_folder_moved_in,
                a_folder_that_moves_about,
                links_to_secrets,
                a_hard_link,
                what_is_no_file,
            )
        ]
        for thread in slow:
            thread.join()
        trial.over()
        wait_until(system.is_settled, _DONE_S, what="final states")
        for check in checks:
            check()
        shutil.rmtree(system.home.inbox / str(trial.number))
    assert system.part("scheduler").pid == scheduler, "nothing brought the scheduler down"


def nothing_more() -> None:
    """The invariants say all there is to say."""


def write_slowly(dropping: Dropping, seconds: float) -> None:
    """A file without a mark at its end grows; all of it counts."""
    content = dropping.file()
    _write_in_pieces(dropping.expect("slow.png", content), content, b"", seconds)


def write_slowly_after_an_end_marker(dropping: Dropping, seconds: float) -> None:
    """A whole file stands at its beginning, so that it looks complete long before it is."""
    first, rest = dropping.file(), b"what a scanner appends" * 100
    path = dropping.expect("slow-marked.png", first + rest, state=None)
    _write_in_pieces(path, rest, first, seconds)


def write_slowly_beside_a_pause(dropping: Dropping, seconds: float) -> None:
    """The writer stands still for longer than the settle time, with the file open."""
    content = dropping.file()
    with dropping.expect("slow-pausing.tif", content).open("wb", buffering=0) as file:
        file.write(content[:1000])
        time.sleep(max(seconds, 5))
        file.write(content[1000:])


def _write_in_pieces(path: Path, content: bytes, first: bytes, seconds: float) -> None:
    pieces = max(2, int(seconds / 0.25))
    size = -(-len(content) // pieces)
    with path.open("wb", buffering=0) as file:
        file.write(first)
        for start in range(0, len(content), size):
            time.sleep(seconds / pieces)
            file.write(content[start : start + size])


def odd_names(dropping: Dropping) -> Callable[[], None]:
    for name in NAMES:
        dropping.write(name, dropping.file())
    return nothing_more


def renamed_into_the_inbox(dropping: Dropping) -> Callable[[], None]:
    content = dropping.file()
    dropping.prepared(content).rename(dropping.expect("renamed.png", content))
    half = dropping.inbox / dropping.name("upload.part")
    content = dropping.file()
    half.write_bytes(content)
    half.rename(dropping.expect("uploaded.png", content))
    return nothing_more


def the_same_name_again(dropping: Dropping) -> Callable[[], None]:
    for _ in range(3):
        content = dropping.file()
        prepared, path = dropping.prepared(content), dropping.expect("again.png", content)
        prepared.rename(path)
        wait_until(lambda path=path: not path.exists(), what="it is taken")  # type: ignore[misc]
    return nothing_more


def the_same_content_under_fifty_names(dropping: Dropping) -> Callable[[], None]:
    content = dropping.file()
    for number in range(50):
        dropping.write(f"fifty-{number}.png", content)

    def one_file() -> None:
        these = Arrival.source_name.startswith(dropping.name("fifty-"))
        with read_session(dropping.system.engine) as session:
            ids = session.scalars(select(Arrival.file_id).where(these)).all()
        assert (len(ids), len(set(ids))) == (50, 1)

    return one_file


def vanishing(dropping: Dropping) -> Callable[[], None]:
    """Half-written and gone again; seen or not, nothing is recorded of what was never complete."""
    for number in range(20):
        path = dropping.inbox / dropping.name(f"vanishing-{number}.tif")
        path.write_bytes(b"II*\x00%d" % number)
        path.unlink()
    return nothing_more


def a_folder_moved_in(dropping: Dropping) -> Callable[[], None]:
    folder = dropping.outside / "study"
    for number in range(5):
        content = dropping.file()
        name = f"moved/series-{number}/1.png"
        file = folder / f"series-{number}" / "1.png"
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
        dropping.expect(name, content)
        (dropping.inbox / dropping.name(name)).parent.rmdir()
    (dropping.inbox / dropping.name("moved")).rmdir()
    folder.rename(dropping.inbox / dropping.name("moved"))
    return nothing_more


def a_folder_that_moves_about(dropping: Dropping) -> Callable[[], None]:
    """Files are dropped into it under its new name, and not seen any more once it is moved out."""
    folder = dropping.inbox / dropping.name("here")
    folder.mkdir()
    folder.rename(folder.with_name("there"))
    dropping.write("there/1.png", dropping.file())
    away = dropping.outside / "away"
    wait_until(lambda: not list(folder.with_name("there").iterdir()), what="it is taken")
    folder.with_name("there").rename(away)
    (away / "2.png").write_bytes(dropping.file())

    def still_there() -> None:
        assert (away / "2.png").exists()

    return still_there


def links_to_secrets(dropping: Dropping) -> Callable[[], None]:
    secret = dropping.prepared(b"secret")
    before = secret.stat()
    folder = dropping.inbox / dropping.name("links")
    folder.mkdir(parents=True)
    (folder / "secret.png").symlink_to(secret)
    (folder / "folder").symlink_to(secret.parent)
    (folder / "everything").symlink_to("/")
    (folder / "self").symlink_to("self")
    (folder / "passwords").symlink_to(dropping.system.home.root / "secrets")

    def never_followed() -> None:
        assert secret.stat() == before, "nor read"
        assert secret.read_bytes() == b"secret"
        assert not (dropping.system.home.store / sha256(b"secret").hexdigest()).exists()
        assert len(list(folder.iterdir())) == 5

    return never_followed


def claimed(dropping: Dropping) -> list[Path]:
    """Files that are just being taken."""
    return list((dropping.inbox / CLAIMS).glob("*/**/*.png"))


def a_hard_link(dropping: Dropping) -> Callable[[], None]:
    """Its other name belongs to somebody who goes on writing there."""
    content = dropping.file()
    other = dropping.prepared(content)
    other.chmod(0o644)
    path = dropping.expect("hard-link.png", content)
    path.hardlink_to(other)
    name = dropping.name("hard-link.png")
    wait_until(lambda: dropping.system.state(name) and not claimed(dropping), what="it is taken")
    owners = other.stat()
    other.write_bytes(b"what its owner writes later")

    def left_alone() -> None:
        assert (owners.st_mode & 0o777, owners.st_nlink) == (0o644, 1)
        stored = dropping.system.home.store / sha256(content).hexdigest()
        assert stored.read_bytes() == content
        assert dropping.system.state(name) == "classified"

    return left_alone


def what_is_no_file(dropping: Dropping) -> Callable[[], None]:
    folder = dropping.inbox / dropping.name("no-files")
    folder.mkdir(parents=True)
    os.mkfifo(folder / "fifo.png")
    here = Path.cwd()
    os.chdir(folder)  # a socket's path is to be short
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("socket.png")
    finally:
        os.chdir(here)

    def left() -> None:
        assert sorted(path.name for path in folder.iterdir()) == ["fifo.png", "socket.png"]

    return left
