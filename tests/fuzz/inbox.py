"""An inbox where files are dropped in odd ways, its real intake, and a model of what has to become of them.

The folders are real ones, and the rows lie in a real SQLite database; only the waiting for the disk is left
out. Some moves come between the listing of the files and their intake; some come late, between their record
and their removal.
"""

import contextlib
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from core.home import Home
from core.left_alone import is_ignored
from core.settings import Settings
from db.engine import make_engine
from db.migrate import migrate
from db.states import FileState
from scheduler.claims import InboxFile
from scheduler.inbox import carries_its_end, regular_file, walk
from scheduler.intake import CHANGED, VANISHED, Intake
from tests.transactions import at

if TYPE_CHECKING:
    from atheris import FuzzedDataProvider

MOST_BYTES = 48
"""A file of more is too large."""
MOST_MOVES = 32
_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"\0\0\0\0IEND\xaeB`\x82"
_JPEG, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_STARTS, _ENDS = [b"", _PNG, _JPEG, _JPEG[:2]], [b"", _PNG_END, _JPEG_END, _PNG_END[:-1], _JPEG_END[1:]]
# Few, so that names and bytes come again. Two of the names are one for people.
_NAMES = [
    b"a.png",
    b"b.jpg",
    b"c",
    b"\xff.png",
    b"\\xff.png",
    b".png",
    b"a.png.part",
    b"d.tmp",
    b"\n",
    b"-rf",
]
_CONTENTS = [
    b"",
    b"a",
    b"b",
    _PNG + b"c" + _PNG_END,
    _JPEG + _JPEG_END,
    b"x" * MOST_BYTES,
    b"x" * (MOST_BYTES + 1),
]
_MOMENTS_NS = [0, -1, 1_700_000_000 * 10**9, 2**33 * 10**9]
_ROWS = "SELECT source_name, sha256, size_bytes, state FROM file LEFT JOIN arrival ON file_id = file.id"

Move = Callable[[], None]


class Inbox:
    """Plays what the fuzzer asks for; raises on an exception of the intake, or where the model disagrees.

    One home and one database for all: before each input both are empty.
    """

    def __init__(self, folder: Path) -> None:
        self._outside, self._beside = folder / "outside", str(folder / "beside")
        self._secret = str(folder / "secret")
        Path(self._secret).write_bytes(b"secret")
        self._home = Home(folder / "home")
        self._home.make()
        self._outside.mkdir()
        self._inbox = str(self._home.inbox)
        self._engine = make_engine(f"sqlite:///{self._home.database}", durable=False)
        migrate(self._engine)
        options = Settings(home=self._home.root, max_file_mb=MOST_BYTES / 2**20, min_free_mb=0)
        with contextlib.ExitStack() as stack:
            # No power fails here, so nothing has to wait for the disk.
            stack.enter_context(patch("os.fsync", lambda _: None))
            stack.enter_context(at(self._engine, "commit", lambda: self._come(self._late)))
            self._patched = stack.pop_all()
        self._intake = Intake(options, self._home, self._engine)

    def close(self) -> None:
        """End the intake."""
        self._intake.close()
        self._engine.dispose()
        self._patched.close()

    def play(self, chance: "FuzzedDataProvider") -> None:
        """The moves of one input; in the end, everything that can be taken is."""
        self._begin()
        try:
            while chance.remaining_bytes() and len(self._moves) < MOST_MOVES:
                self._draw(chance)
            rounds = 2 if self._between or self._late else 1  # the second takes what comes during the first
            for _ in range(rounds):
                self._finish_writing()
                self._round()
            self._check()
        except BaseException as error:
            told = "\n".join(self._moves).replace(self._inbox, "inbox")
            raise AssertionError(f"{error!r} after these moves:\n{told}") from error
        finally:
            self._clean()

    # What the model knows.

    def _begin(self) -> None:
        self._moves: list[str] = []
        self._between: list[Move] = []
        self._late: list[Move] = []
        self._folders, self._paths = [self._inbox], [f"{self._inbox}/a.png"]  # that were asked for
        self._lying: dict[str, int | None] = {}  # regular files by their inodes, and None for all else
        self._bytes: dict[int, bytes] = {}  # of each inode
        self._theirs: dict[str, int] = {}  # files outside the inbox, which nobody may touch
        self._shared: list[str] = []  # of these, what got a second name in the inbox
        self._held: list[int] = []
        self._writers: dict[int, int] = {}  # descriptors by inodes
        self._due: Counter[tuple[str, str, int, str]] = Counter()

    def _is_visible(self, path: str) -> bool:
        parts = path[len(self._inbox) + 1 :].split("/")
        return self._lying[path] is not None and not any(map(is_ignored, parts))

    # The moves.

    def _draw(self, chance: "FuzzedDataProvider") -> None:
        draw = chance.PickValueInList(
            [self._draw_drop] * 3 + [self._draw_link, self._draw_odd, self._draw_other]
        )
        move = draw(chance)
        times = ["now"] if move == self._round else ["now", "now", "between"]
        when = chance.PickValueInList(times if draw == self._draw_other else [*times, "late"])
        told = f"{move.func.__name__}{move.args}" if isinstance(move, partial) else move.__name__
        self._moves.append(f"{when}: {told}")
        if when == "now":
            move()
        else:
            (self._between if when == "between" else self._late).append(move)

    def _draw_path(self, chance: "FuzzedDataProvider") -> str:
        """A path that was asked for before, or a usual name or any name (Linux: 255 bytes) in a folder."""
        kind = chance.ConsumeIntInRange(0, 3)
        if kind == 0:
            return str(chance.PickValueInList(self._paths))
        name = chance.PickValueInList(_NAMES)
        if kind == 1:
            name = chance.ConsumeBytes(chance.ConsumeIntInRange(1, 255)) or b"_"
            name = name.replace(b"/", b"_").replace(b"\0", b"_")
        path = f"{chance.PickValueInList(self._folders)}/{os.fsdecode(name)}"
        self._paths.append(path)
        return path

    def _draw_content(self, chance: "FuzzedDataProvider") -> bytes:
        if chance.ConsumeBool():
            return bytes(chance.PickValueInList(_CONTENTS))
        start, end = chance.PickValueInList(_STARTS), chance.PickValueInList(_ENDS)
        return bytes(start + chance.ConsumeBytes(chance.ConsumeIntInRange(0, MOST_BYTES)) + end)

    def _draw_drop(self, chance: "FuzzedDataProvider") -> Move:
        moment = chance.PickValueInList([None, *_MOMENTS_NS])
        return partial(
            self._drop, self._draw_path(chance), self._draw_content(chance), moment, chance.ConsumeBool()
        )

    def _draw_link(self, chance: "FuzzedDataProvider") -> Move:
        return partial(self._link, self._draw_path(chance), chance.ConsumeIntInRange(0, 7))

    def _draw_odd(self, chance: "FuzzedDataProvider") -> Move:
        path, ends = self._draw_path(chance), [self._inbox, str(self._outside), self._secret, *self._paths]
        made = chance.PickValueInList(["folder", "folder", "nothing", "pipe", "link"])
        return partial(self._odd, path, chance.PickValueInList(ends) if made == "link" else made)

    def _draw_other(self, chance: "FuzzedDataProvider") -> Move:
        move = chance.PickValueInList([self._round, self._finish_writing, self._swap])
        if move == self._swap:
            return partial(self._swap, chance.PickValueInList(self._folders), chance.ConsumeBool())
        return move

    def _drop(self, path: str, content: bytes, moment_ns: int | None, is_open: bool) -> None:
        """A file is renamed into its place, with its time of modification kept, or is still being written."""

        def make(beside: str) -> None:
            Path(beside).write_bytes(content)
            if moment_ns is not None:
                os.utime(beside, ns=(moment_ns, moment_ns))

        if (inode := self._put(path, make)) is not None:
            self._bytes[inode] = content
            if is_open:
                self._writers[inode] = os.open(path, os.O_WRONLY)

    def _link(self, path: str, which: int) -> None:
        """One more name of a file in the inbox, or of one that somebody goes on using elsewhere."""
        files = [there for there, inode in self._lying.items() if inode is not None]
        if which < len(files):
            source, inode = files[which], self._lying[files[which]]
        else:
            source = str(self._outside / f"{len(self._theirs)}")
            Path(source).write_bytes(b"shared")
            inode = self._hold(source)
            self._theirs[source], self._bytes[inode] = inode, b"shared"
            self._shared.append(source)
        self._put(path, partial(os.link, source))

    def _odd(self, path: str, made: str) -> None:
        """A folder, nothing where something was, or what is no regular file; the rest are links' ends."""
        if made == "folder":
            with contextlib.suppress(OSError):
                os.mkdir(path)  # noqa: PTH102 - as text, like all these paths
                self._folders.append(path)
        elif made == "nothing":
            if self._is_reached(path):
                with contextlib.suppress(OSError):
                    os.unlink(path)  # noqa: PTH108
                    self._lying.pop(path)
        else:
            self._put(path, os.mkfifo if made == "pipe" else partial(os.symlink, made))

    def _swap(self, folder: str, is_linked: bool) -> None:
        """A folder is moved out of the inbox, where nothing of it may be taken; a link may take its place."""
        away = str(self._outside / f"folder-{len(list(self._outside.iterdir()))}")
        if folder == self._inbox or not self._is_reached(f"{folder}/") or not Path(folder).is_dir():
            return
        os.rename(folder, away)  # noqa: PTH104
        for path in [path for path in self._lying if path.startswith(f"{folder}/")]:
            inode = self._lying.pop(path)
            if inode is not None:
                self._theirs[away + path[len(folder) :]] = inode
        if is_linked:
            self._put(folder, partial(os.symlink, away))

    def _finish_writing(self) -> None:
        for descriptor in self._writers.values():
            os.close(descriptor)
        self._writers.clear()

    def _round(self) -> None:
        """List the inbox and take what it has."""
        listed = self._look()
        self._come(self._between)
        self._take(listed)

    def _look(self) -> list[str]:
        found = list(walk(self._inbox))
        assert sorted(found) == sorted(filter(self._is_visible, self._lying)), "walk"
        for path, inode in self._lying.items():
            status = regular_file(path)
            assert (status and status.st_ino) == inode, "regular_file"
            content = b"" if inode is None else self._bytes[inode]
            is_png = content.startswith(_PNG) and content.endswith(_PNG_END)
            is_jpeg = content.startswith(_JPEG) and content.endswith(_JPEG_END)
            assert carries_its_end(path) == (is_png or is_jpeg), "carries_its_end"
        return found

    def _take(self, listed: list[str]) -> None:
        there = {path: inode for path in listed if (inode := self._lying.get(path)) is not None}
        busy = {path for path, inode in there.items() if inode in self._writers}
        ready = {path: inode for path, inode in there.items() if path not in busy}
        for path, inode in ready.items():
            name = os.fsencode(path[len(self._inbox) + 1 :]).decode("utf-8", "backslashreplace")
            self._due[name, *self._facts(inode)] += 1
        for path in ready:  # claimed before anything comes late
            del self._lying[path]
        taken = self._intake.take([InboxFile(path, path[len(self._inbox) + 1 :]) for path in listed])
        self._come(self._late)  # where nothing was recorded
        assert taken.file_ids.keys() == ready.keys(), "taken"
        assert taken.left.keys() == set(listed) - ready.keys(), "left"
        for path, why in taken.left.items():
            if path in busy:
                assert why == CHANGED
            else:
                assert why == VANISHED or why.startswith("it cannot be read ("), why

    def _come(self, moves: list[Move]) -> None:
        for move in moves:
            move()
        moves.clear()

    # How they are done.

    def _put(self, path: str, make: Callable[[str], None]) -> int | None:
        """Make something and rename it to its place; None where the system refuses, else its inode."""
        try:
            make(self._beside)
            inode = self._hold(self._beside)
            if not self._is_reached(path):
                return None
            os.rename(self._beside, path)  # noqa: PTH104
        except OSError:
            return None
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._beside)  # noqa: PTH108
        self._lying[path] = inode if regular_file(path) else None
        return inode

    def _is_reached(self, path: str) -> bool:
        """Whether the folder of a path is there, and no link leads to it."""
        parent = os.path.dirname(path)  # noqa: PTH120
        return os.path.realpath(parent) == parent and os.path.lexists(parent)

    def _hold(self, path: str) -> int:
        """The inode of a file, which no other file gets while this input is played.

        The model knows files by their inodes.
        """
        self._held.append(os.open(path, os.O_PATH | os.O_NOFOLLOW))
        return os.fstat(self._held[-1]).st_ino

    def _facts(self, inode: int) -> tuple[str, int, str]:
        content = self._bytes[inode]
        state = FileState.REJECTED if len(content) > MOST_BYTES else FileState.RECEIVED
        return hashlib.sha256(content).hexdigest(), len(content), state

    # What has to hold in the end.

    def _check(self) -> None:
        self._check_files()
        for path in self._shared:
            Path(path).write_bytes(b"altered")  # what is in the store does not change with it
        self._check_rows()
        self._check_stores()

    def _check_files(self) -> None:
        """What is left is what was not to be taken, and is as it was."""
        left = {
            os.path.join(folder, name)  # noqa: PTH118
            for folder, folders, files in os.walk(self._inbox)
            for name in (*folders, *files)
            if name in files or os.path.islink(os.path.join(folder, name))  # noqa: PTH114, PTH118
        }
        assert left == self._lying.keys(), "inbox"
        assert not any(map(self._is_visible, left)), "inbox"
        for path, inode in (*self._lying.items(), *self._theirs.items()):
            if inode is not None:
                assert Path(path).stat().st_ino == inode, "a file that is not to be taken"
                assert Path(path).read_bytes() == self._bytes[inode], "a file that is not to be taken"

    def _check_rows(self) -> None:
        with self._engine.begin() as connection:
            found = Counter(map(tuple, connection.exec_driver_sql(_ROWS)))
            connection.exec_driver_sql("DELETE FROM arrival")
            connection.exec_driver_sql("DELETE FROM file")
        assert found == self._due, f"rows: missing {self._due - found}, too many {found - self._due}"

    def _check_stores(self) -> None:
        """Each has the bytes of its files, and no other name."""
        for folder, state in (
            (self._home.store, FileState.RECEIVED),
            (self._home.rejected, FileState.REJECTED),
        ):
            due = {sha256 for _, sha256, _, its in self._due if its == state}
            assert {path.name for path in folder.iterdir()} == due, f"names in {folder.name}"
            for sha256 in due:
                stored = (folder / sha256).read_bytes()
                assert hashlib.sha256(stored).hexdigest() == sha256, f"bytes in {folder.name}"

    def _clean(self) -> None:
        self._finish_writing()
        for descriptor in self._held:
            os.close(descriptor)
        for folder in (self._home.inbox, self._outside, self._home.store, self._home.rejected):
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        shutil.rmtree(entry.path)
                    else:
                        os.unlink(entry.path)  # noqa: PTH108
