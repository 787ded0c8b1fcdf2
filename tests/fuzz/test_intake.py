"""Any sequence of what may happen to an inbox: each file is recorded once, by its bytes and its name.

The model is a dictionary of what lies in the inbox and a count of what is to be recorded. Files that vanish
or are exchanged after they were listed, names of any bytes, links to a secret, and crashes on both sides of
the commit are among the moves.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.home import Home
from core.left_alone import is_ignored
from core.settings import Settings
from db.engine import make_engine
from db.tables import Arrival, File
from scheduler.claims import CLAIMS, InboxFile
from scheduler.inbox import walk
from scheduler.intake import Intake
from tests.fuzz.test_decoder import FULL
from tests.transactions import at, fail

MOST_BYTES = 2048
SECRET = b"of another user, and longer than what is dropped"
# What Linux lets a name be: any bytes but these two, 255 at most.
names = st.one_of(
    st.binary(min_size=1, max_size=255).map(lambda raw: raw.replace(b"/", b"_").replace(b"\0", b"_")),
    st.text("ab.\n'\"\\äé%", min_size=1, max_size=20).map(lambda text: f"{text}.png".encode()),
    st.sampled_from([b"a.png", b"b.png", b".hidden.png", b"a.png.part", b"..png", b"-rf", b"$(id).png"]),
).filter(lambda name: name not in (b".", b".."))
folders = st.sampled_from([b"", b"one", b"one/two", b"\xff\xfe", b"a.png.d"])
# Few, so that the same bytes come again; one is too large.
contents = st.sampled_from([b"", b"a", b"b", b"\x89PNG\r\n\x1a\n", b"x" * (MOST_BYTES + 1)]) | st.binary()


class Crash(Exception):
    """The process ends here."""


class Inbox(RuleBasedStateMachine):
    """Moves of those who drop files, of the intake, and of a machine that fails."""

    migrated: Path  # a database to copy

    def __init__(self) -> None:
        super().__init__()
        self.lying: dict[Path, bytes] = {}
        self.claimed: Counter[tuple[str, str]] = Counter()  # by an intake that crashed before its commit
        self.due: Counter[tuple[str, str]] = Counter()
        self.listed: list[InboxFile] = []
        self.theirs = 0

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="headct-intake-"))
        self.home = Home(self.folder / "home")
        self.home.make()
        shutil.copyfile(self.migrated, self.home.database)
        self.home.database.chmod(0o600)
        self.engine = make_engine(f"sqlite:///{self.home.database}")
        options = Settings(home=self.home.root, max_file_mb=MOST_BYTES / 2**20, min_free_mb=0)
        self.intake = Intake(options, self.home, self.engine)
        self.secret = self.folder / "secret"
        self.secret.write_bytes(SECRET)

    def teardown(self) -> None:
        if hasattr(self, "intake"):
            self.intake.close()
            self.engine.dispose()
            shutil.rmtree(self.folder)

    @rule(folder=folders, name=names, content=contents, whole=st.booleans(), dated=st.booleans())
    def drop(self, folder: bytes, name: bytes, content: bytes, *, whole: bool, dated: bool) -> None:
        """A file is written, or renamed into its place; what was there of that name is gone."""
        with self.place(folder, name) as path:
            if whole:
                beside = self.folder / "beside"
                beside.write_bytes(content)
                beside.replace(path)
            else:
                path.unlink(missing_ok=True)
                path.write_bytes(content)
            if dated:  # as by a program that keeps the time of what it copies
                os.utime(path, (0, 0))
            self.lies(path, content)

    @rule(folder=folders, name=names)
    def hard_link(self, folder: bytes, name: bytes) -> None:
        """One more name of a file that somebody goes on using elsewhere: a file as any other."""
        with self.place(folder, name) as path:
            path.unlink(missing_ok=True)
            self.theirs += 1
            theirs = self.folder / f"theirs-{self.theirs}"
            theirs.write_bytes(b"shared")
            path.hardlink_to(theirs)
            self.lies(path, b"shared")

    @rule(folder=folders, name=names, kind=st.sampled_from(["secret", "folder", "nothing", "pipe"]))
    def odd(self, folder: bytes, name: bytes, kind: str) -> None:
        """What is no regular file stays where it is, and nothing of it is ever taken."""
        with self.place(folder, name) as path:
            path.unlink(missing_ok=True)
            if kind == "pipe":
                os.mkfifo(path)
            else:
                to = {"secret": self.secret, "folder": self.folder, "nothing": self.folder / "nothing"}
                path.symlink_to(to[kind])
            self.gone(path)

    @rule(data=st.data())
    def vanish(self, data: st.DataObject) -> None:
        if self.lying:
            path = data.draw(st.sampled_from(sorted(self.lying)))
            path.unlink()
            self.gone(path)

    @rule()
    def look(self) -> None:
        """List the inbox; what is taken next is this list, whatever happens in between."""
        found = map(Path, walk(str(self.home.inbox)))
        self.listed = [InboxFile(path, path.relative_to(self.home.inbox)) for path in found]

    @rule()
    def take(self) -> None:
        self.claim(recorded=True)
        self.intake.take(self.listed)
        assert list((self.home.inbox / CLAIMS).glob("*")) == []

    @rule()
    def take_and_crash_before_the_commit(self) -> None:
        if not self.is_claimed():  # else it is those claims that it begins with, and comes no further
            self.claim(recorded=False)
        with at(self.engine, "commit", fail(Crash)), contextlib.suppress(Crash):
            self.intake.take(self.listed)

    @rule()
    def take_and_crash_after_the_commit(self) -> None:
        if self.is_claimed():
            self.due += self.claimed
            self.claimed.clear()
        else:
            self.claim(recorded=True)
        with at(Session, "after_commit", fail(Crash)), contextlib.suppress(Crash):
            self.intake.take(self.listed)

    @invariant()
    def every_file_is_recorded_once(self) -> None:
        with Session(self.engine) as session:
            query = select(Arrival.source_name, File.sha256).join(File, File.id == Arrival.file_id)
            found = Counter((name, sha256) for name, sha256 in session.execute(query))
            files = {file.sha256: file.size_bytes for file in session.scalars(select(File))}
        assert found == self.due
        assert set(files) == {sha256 for _, sha256 in self.due}
        for sha256, size in files.items():
            stored = (self.home.rejected if size > MOST_BYTES else self.home.store) / sha256
            assert hashlib.sha256(stored.read_bytes()).hexdigest() == sha256
            assert stored.stat().st_size == size

    @invariant()
    def what_was_not_taken_still_lies_there(self) -> None:
        assert set(map(Path, walk(str(self.home.inbox)))) == set(self.lying)
        assert all(path.read_bytes() == content for path, content in self.lying.items())

    @invariant()
    def the_secret_is_kept(self) -> None:
        assert self.secret.read_bytes() == SECRET
        sha256 = hashlib.sha256(SECRET).hexdigest()
        assert not any((folder / sha256).exists() for folder in (self.home.store, self.home.rejected))

    @contextlib.contextmanager
    def place(self, folder: bytes, name: bytes) -> Iterator[Path]:
        """A path for a new file; nothing happens where a folder is in its way, or a file in its folder's."""
        path = self.home.inbox / os.fsdecode(folder) / os.fsdecode(name)
        with contextlib.suppress(FileExistsError, NotADirectoryError, IsADirectoryError):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield path

    def lies(self, path: Path, content: bytes) -> None:
        self.gone(path)
        if not is_ignored(path.name):
            self.lying[path] = content

    def gone(self, path: Path) -> None:
        self.lying.pop(path, None)

    def is_claimed(self) -> bool:
        """Whether a claim is left, recorded or not."""
        return any((self.home.inbox / CLAIMS).glob("*"))

    def claim(self, *, recorded: bool) -> None:
        """What is listed and still lies there is moved into a claim now."""
        for file in self.listed:
            content = self.lying.pop(Path(file.path), None)
            if content is not None:
                name = os.fsencode(file.name).decode("utf-8", "backslashreplace")
                self.claimed[name, hashlib.sha256(content).hexdigest()] += 1
        if recorded:
            self.due += self.claimed
            self.claimed.clear()


def test_whatever_happens_to_the_inbox_each_file_is_recorded_once(migrated_sqlite: Path) -> None:
    class Migrated(Inbox):
        migrated = migrated_sqlite

    run_state_machine_as_test(
        Migrated,
        settings=settings(
            max_examples=500 if FULL else 15,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
