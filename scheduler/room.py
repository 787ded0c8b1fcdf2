"""Room on the disks: what is left where headct writes, and the mark below which the intake pauses."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from core.errors import DiskNearlyFull
from core.home import Home
from core.settings import Settings
from db.engine import database_url


@dataclass(frozen=True)
class Room:
    """Free space (in whole MiB) of the disk that a folder is on."""

    folder: Path
    free_mb: int


class Disks:
    """The disks that hold store, SQLite database and the embedded Redis's file.

    Attributes
    ----------
    folders
        One on each, by what it is for. Several may be on the same disk.
    """

    def __init__(self, settings: Settings, home: Home) -> None:
        self._min_free_mb = settings.min_free_mb
        self.folders = {"home": home.root, "store": home.store}
        if not settings.broker_url:
            self.folders["redis"] = home.redis
        url = database_url(settings, home)
        if url.get_backend_name() == "sqlite" and url.database:
            self.folders["database"] = Path(url.database).absolute().parent

    def least_room(self) -> Room:
        """That of the fullest one. A folder that is gone has none."""
        rooms = (Room(folder, _free_mb(folder)) for folder in self.folders.values())
        return min(rooms, key=lambda room: room.free_mb)

    def shortage(self, room: Room) -> str | None:
        """What is wrong if there is no more room than that, and what to do; None if it is enough."""
        if room.free_mb >= self._min_free_mb:
            return None
        if not room.folder.exists():
            return f"{room.folder} is gone: mount its disk, or bring it back from a backup"
        return (
            f"only {room.free_mb} MiB are free below {room.folder}. The intake pauses below "
            f"{self._min_free_mb} MiB: make room there, or lower HEADCT_MIN_FREE_MB"
        )

    def check(self) -> None:
        """Raise if the fullest one is below the low-water mark.

        Raises
        ------
        DiskNearlyFull
        """
        if shortage := self.shortage(self.least_room()):
            raise DiskNearlyFull(shortage)


def _free_mb(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free // 2**20
    except FileNotFoundError:
        return 0
