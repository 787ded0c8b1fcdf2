"""Claims: files that were moved to where nobody else can exchange them, before a byte of them is read.

A claim is a folder `inbox/.incoming/<uuid>`, for headct's user alone, with files under their paths below the
inbox. Its name and such a path are the key of one arrival.
"""

import contextlib
import errno
import hashlib
import os
import stat
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

from core.errors import InboxUnusable

CLAIMS = ".incoming"
"""In the inbox, as a rename does not leave its file system."""

_IMMOVABLE = (errno.EXDEV, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG)
"""A folder below the inbox is a mount of its own, or another user's; or its path nearly is too long."""

# The watcher's paths are text: objects of pathlib cost a quarter of a file's time.
StrPath: TypeAlias = str | Path


class InboxFile(NamedTuple):
    """A file to take in.

    Attributes
    ----------
    path
        Where it is dropped or submitted.
    name
        Its name for people: below the inbox, or below the folder that was submitted.
    place, folder
        Where it is read: a path, or a name in an open folder.
    claim
        Name of the claim that it is in.
    identity
        Of what cannot be claimed and is taken where it is: the same as long as nobody touches it.
    """

    path: StrPath
    name: StrPath
    place: str = ""
    folder: int | None = None
    claim: str | None = None
    identity: str | None = None

    @property
    def source_name(self) -> str:
        """The name as text that every database takes; bytes that are no UTF-8 are written as `\\xNN`."""
        return os.fsencode(self.name).decode("utf-8", "backslashreplace")

    def key(self, sha256: str) -> str | None:
        """Of its arrival: the same if it is found again. None where it cannot be."""
        if self.claim is None:
            return self.identity
        return hashlib.sha256(f"{self.claim}:{sha256}:".encode() + os.fsencode(self.name)).hexdigest()


def check_claims(claims: Path) -> None:
    """Raise unless the folder of claims, which is there, is this user's alone to write in.

    Raises
    ------
    InboxUnusable
    """
    status = claims.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise InboxUnusable(
            f"{claims} must be a folder that this user alone can write in, since files wait there to be "
            "recorded. Move what is in it into the inbox, and remove it."
        )


def new_claim(claims: Path) -> Path:
    """Make a claim without files.

    Raises
    ------
    InboxUnusable
    """
    claim = claims / uuid.uuid4().hex
    try:
        claims.mkdir(0o700, exist_ok=True)
        check_claims(claims)
        claim.mkdir(0o700)
    except OSError as error:
        raise InboxUnusable(
            f"{claims} cannot be written ({error.strerror}): files are taken in there. Let this "
            "user write in the inbox."
        ) from error
    return claim


def move_into(
    claim: Path, files: Sequence[InboxFile]
) -> tuple[list[InboxFile], list[tuple[InboxFile, OSError]]]:
    """Move files into a claim; returns what can be taken, some of it where it is, and failures."""
    taken: list[InboxFile] = []
    failed: list[tuple[InboxFile, OSError]] = []
    made = {""}
    for file in files:
        place, parent = f"{claim}/{file.name}", os.path.split(file.name)[0]
        try:
            if parent not in made:
                (claim / parent).mkdir(parents=True, exist_ok=True)
                made.add(parent)
            os.rename(file.place, place, src_dir_fd=file.folder)
        except OSError as error:
            if error.errno in _IMMOVABLE:
                taken.append(file)
            else:
                failed.append((file, error))
        else:
            taken.append(InboxFile(file.path, file.name, place, claim=claim.name))
    return taken, failed


def identity_of(name: StrPath, status: os.stat_result) -> str:
    """Of a file of that name, as long as nobody touches it."""
    facts = f"{status.st_ino}:{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:"
    return hashlib.sha256(facts.encode() + os.fsencode(name)).hexdigest()


def files_of(claim: Path, inbox: Path) -> list[InboxFile]:
    """What is in a claim that was left; it came from the inbox."""
    places = [f"{folder}/{name}" for folder, _, names in os.walk(claim) for name in names]
    names = [place[len(str(claim)) + 1 :] for place in places]
    return [
        InboxFile(f"{inbox}/{name}", name, place, claim=claim.name)
        for name, place in zip(names, places, strict=True)
    ]


def remove_folders(claim: Path) -> None:
    """Remove a claim that holds no file any more."""
    for folder, _, _ in os.walk(claim, topdown=False):
        with contextlib.suppress(OSError):  # not empty
            Path(folder).rmdir()
