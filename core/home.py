"""The layout of the home folder."""

import contextlib
import hashlib
import os
from pathlib import Path

from core.errors import SettingsError

# sockaddr_un.sun_path holds 108 bytes on Linux and 104 on macOS, the closing NUL included (unix(7)).
_MAX_SOCKET_PATH = 100
# Not that of TMPDIR: service, shell and cron have different ones, and are to find the same socket.
_TEMPORARY = Path("/tmp")  # noqa: S108 - the folder made there is private, and looked at (core/private.py)


class Home:
    """Paths below `HEADCT_HOME`; creating nothing until `make()`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.inbox = root / "inbox"
        self.store = root / "store"
        self.rejected = root / "rejected"
        self.dataset = root / "dataset"  # the images of the training data
        self.models = root / "models"
        self.reports = root / "reports"
        self.redis = root / "redis"
        self.logs = root / "logs"
        self.run = root / "run"
        self.health = root / "health"  # a file per classify worker, touched when it takes a message
        self.metrics = self.health / "metrics"  # what the classify processes count, for the scheduler to read
        self.secrets = root / "secrets"
        self.database = root / "headct.db"
        self.wake = self.run / "wake"  # touched to wake the dispatcher in the scheduler's process
        self.intake_paused = self.run / "intake-paused"  # says why the intake pauses, as long as it does

    @property
    def private(self) -> list[Path]:
        """The folders that are for headct's user alone: all but the inbox."""
        images = [self.store, self.rejected, self.dataset, self.models, self.reports]
        return [*images, self.redis, self.logs, self.run, self.health, self.metrics, self.secrets]

    def report(self, run_id: int) -> Path:
        """Folder of a training run's report."""
        return self.reports / str(run_id)

    def training_log(self, run_id: int) -> Path:
        """What one training run logged."""
        return self.logs / f"training-{run_id}.log"

    def wake_dispatcher(self) -> None:
        """Have it look for work at once. Without the folder of its file no scheduler runs: it looks later."""
        with contextlib.suppress(FileNotFoundError):
            self.wake.touch()

    @property
    def redis_socket(self) -> Path:
        """Socket of the embedded Redis: in the home, or in a short private folder if that is too long."""
        inside = self.redis / "redis.sock"
        if len(os.fsencode(inside)) <= _MAX_SOCKET_PATH:
            return inside
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return _TEMPORARY / f"headct-{os.getuid()}-{digest}" / "redis.sock"

    @property
    def supervisor_socket(self) -> Path:
        """Where the supervisor of `headct up` tells of its parts, beside the socket of Redis."""
        return self.redis_socket.with_name("up.sock")

    def is_made(self) -> bool:
        """Whether `make()` was called for this home."""
        return self.secrets.is_dir()

    def make(self) -> None:
        """Create the folders, readable by this user alone.

        An inbox that is gone later is not made again: it may be a share that is not mounted, and files
        would be dropped beneath its mount point.

        Raises
        ------
        SettingsError
            The home cannot be created or written.
        """
        inbox = [] if self.is_made() else [self.inbox]
        try:
            for folder in (self.root, *inbox, self.redis_socket.parent, *self.private):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"{self.root} cannot be a home of headct: {error.filename}: {error.strerror}. "
                "Name a folder that this user may write, or give this user the right to."
            ) from error

    def bytes_path(self, sha256: str) -> Path:
        """Where the bytes of a file are: in the store, or in `rejected` if they were refused at the door."""
        stored = self.store / sha256
        return stored if stored.exists() else self.rejected / sha256
