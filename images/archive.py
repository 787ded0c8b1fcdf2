"""The members of a zip, tar or tar.gz file, one by one: bytes and names, nothing is written anywhere.

docs/hostile-input.md has the limits. Names are shown to people and are never paths.
"""

import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, BinaryIO, NamedTuple

from core.archive_start import START, ArchiveKind, archive_kind
from core.errors import ImageTooLarge, RejectedImage, UnreadableImage
from core.left_alone import is_ignored
from core.reasons import ReasonCode
from images.bounded import PARSER_ERRORS, too_many_pieces
from images.gunzipped import Gunzipped
from images.sniff import shows_image

MAX_MEMBERS = 20_000
MAX_RATIO = 200
"""Times its size that an archive may unpack to, from `_SMALL` on. CT shrinks to a half, a slice of air to a
thousandth."""
_SMALL = 64 * 2**20
_FIRST, _BLOCK = 2**16, 2**18
_LONGEST_NAME = 4096
_DIRECTORY = 5 * 2**20
"""Bytes of a zip file's directory, which is read at once; 20,000 entries of 250."""
_HEADER = 2**16
"""Bytes of one extended header of tar, which is read at once and searched."""
_READS = 1000
"""Of the headers of one member of tar."""
_UNPACKED_HERE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1  # APPNOTE 6.3.10, 4.4.4
_UNIX = 3  # APPNOTE 6.3.10, 4.4.2
_SPLIT_MARK = 4
"""Bytes before the first member of a zip file that was to be split and fits into one (APPNOTE, 8.5.5)."""
_LEADS_OUT = re.compile(r"[/\\]|[A-Za-z]:[/\\]|(.*[/\\])?\.\.([/\\]|\Z)", re.DOTALL)


class PassedOver(StrEnum):
    """Why a member is not taken."""

    NO_IMAGE = "no images by their content"
    ARCHIVE = "archives within it"
    SPECIAL = "links or devices"
    LEADS_OUT = "names that lead out of it"
    TOO_LARGE = "larger than HEADCT_MAX_FILE_MB"


@dataclass(frozen=True)
class ArchiveLimits:
    """Greatest size in bytes of a member, and of an archive, packed and unpacked."""

    member: int
    archive: int


class Member(NamedTuple):
    """A file in an archive.

    Attributes
    ----------
    number
        Which of its entries, since names may come twice.
    name
        As text that every database takes; bytes that are no UTF-8 are written as `\\xNN`.
    passed_over
        None of one that may be an image.
    data
        Its bytes; None where it is passed over, or `known`.
    """

    number: int
    name: str
    passed_over: PassedOver | None = None
    data: bytes | None = None


def read_members(
    file: BinaryIO, limits: ArchiveLimits, known: Callable[[int, str], bool] = lambda *_: False
) -> Iterator[Member]:
    """Every file in an open archive, folders apart, in its order.

    Parameters
    ----------
    known
        Whether the image with that number and name is not read once more.

    Raises
    ------
    UnreadableImage, ImageTooLarge
        It is damaged, encrypted, packed in a way that is not read, or exceeds a limit. That can turn up in
        its last byte: who takes nothing from a damaged archive reads it through once before.
    OSError
        The disk does not give it.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    kind = archive_kind(file.read(START))
    file.seek(0)
    if size > limits.archive:
        raise ImageTooLarge.archive(limits.archive / 2**20)
    entries = _zip_entries if kind is ArchiveKind.ZIP else _tar_entries
    try:
        for index, entry in enumerate(entries(file, _Budget(size, limits), kind)):
            if index >= MAX_MEMBERS:
                raise _too_many()
            if not entry.is_folder:
                yield _looked_at(index, entry, limits, known)
    except (RejectedImage, MemoryError):
        raise
    except OSError as error:
        if error.errno is not None:
            raise
        raise _cut() from error
    except (*PARSER_ERRORS, zipfile.BadZipFile, tarfile.TarError) as error:
        raise _cut() from error


class _Entry(NamedTuple):
    """What an archive says of a member, and what reads so many of its bytes from its beginning on."""

    name: str
    size: int
    is_folder: bool
    is_special: bool
    read: Callable[[], Iterator[bytes]]


def _looked_at(index: int, entry: _Entry, limits: ArchiveLimits, known: Callable[[int, str], bool]) -> Member:
    name = _as_text(entry.name)
    passed_over = _by_its_entry(entry, name)
    if passed_over or known(index, name):
        return Member(index, name, passed_over)
    blocks = entry.read()
    start = next(blocks, b"")
    if not shows_image(start, name):
        return Member(index, name, PassedOver.ARCHIVE if archive_kind(start) else PassedOver.NO_IMAGE)
    if entry.size > limits.member:
        return Member(index, name, PassedOver.TOO_LARGE)
    data = b"".join([start, *blocks])
    if len(data) != entry.size:
        raise _cut()
    return Member(index, name, data=data)


def _by_its_entry(entry: _Entry, name: str) -> PassedOver | None:
    """Why a member is passed over whatever is in it."""
    if entry.is_special:
        return PassedOver.SPECIAL
    if not name or len(name) > _LONGEST_NAME or _LEADS_OUT.match(name):
        return PassedOver.LEADS_OUT
    left_alone = any(part != "." and is_ignored(part) for part in re.split(r"[/\\]", name))
    return PassedOver.NO_IMAGE if left_alone else None


def _as_text(name: str) -> str:
    """As `InboxFile.source_name`; and PostgreSQL takes no NUL."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").replace("\0", "\\x00")


class _Budget:
    """How much may still be unpacked."""

    def __init__(self, size: int, limits: ArchiveLimits) -> None:
        by_ratio = max(_SMALL, MAX_RATIO * size)
        self._left = min(by_ratio, limits.archive)
        self._error = ImageTooLarge.archive(limits.archive / 2**20) if limits.archive <= by_ratio else _bomb()

    def spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise self._error


class _Bounded:
    """A file that gives little at once, as parsers read a header of any length that a file tells of.

    Parameters
    ----------
    most
        Bytes of one read.
    reads
        Between two calls of `begin_member`.
    """

    def __init__(self, file: "BinaryIO | Gunzipped", most: int, reads: int | None = None) -> None:
        self._file, self._most, self._reads = file, most, reads
        self._reads_left = reads

    def begin_member(self) -> None:
        self._reads_left = self._reads

    def read(self, size: int = -1) -> bytes:
        if self._reads_left is not None:
            self._reads_left -= 1
            if self._reads_left < 0:
                raise too_many_pieces()
        block = self._file.read(size if 0 <= size <= self._most else self._most + 1)
        if len(block) > self._most:
            raise too_many_pieces()
        return block

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET and position < 0:
            raise ValueError("negative")
        if isinstance(self._file, Gunzipped):
            self._file.seek(position)
            return position
        return self._file.seek(position, whence)

    def seekable(self) -> bool:
        return True


def _zip_entries(file: BinaryIO, budget: _Budget, _: ArchiveKind | None) -> Iterator[_Entry]:
    with zipfile.ZipFile(_Bounded(file, _DIRECTORY)) as archive:
        entries = archive.infolist()
        if len(entries) > MAX_MEMBERS:
            raise _too_many()
        if entries and min(entry.header_offset for entry in entries) > _SPLIT_MARK:
            raise _cut()  # of another one, that is in it and whose directory is the last that was left
        if any(entry.flag_bits & _ENCRYPTED for entry in entries):
            raise UnreadableImage(
                ReasonCode.ENCRYPTED, "The archive is encrypted. Make it again without a password."
            )
        for entry in entries:
            kind = stat.S_IFMT(entry.external_attr >> 16) if entry.create_system == _UNIX else 0
            yield _Entry(
                entry.orig_filename.partition("\0")[0],
                entry.file_size,
                entry.is_dir(),
                kind not in (0, stat.S_IFREG),
                partial(_zip_blocks, archive, entry, budget),
            )


def _zip_blocks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: _Budget) -> Iterator[bytes]:
    if entry.compress_type not in _UNPACKED_HERE:
        raise UnreadableImage(
            ReasonCode.UNSUPPORTED,
            "The archive is packed in a way that is not read. Make an ordinary zip file (deflate) of it.",
        )
    with archive.open(entry) as member:
        size = _FIRST
        while block := member.read(size):
            budget.spend(len(block))
            yield block
            size = _BLOCK


class _Header(tarfile.TarInfo):
    """A header of tar, which says when the empty block comes that ends an archive: the library does not."""

    @classmethod
    def fromtarfile(cls, tarfile: Any) -> "_Header":  # noqa: ANN401 - a `_Tar`
        try:
            return super().fromtarfile(tarfile)
        except _END:
            tarfile.ended = True
            raise


_END: type[Exception] = tarfile.EOFHeaderError  # type: ignore[attr-defined]


class _Tar(tarfile.TarFile):
    tarinfo = _Header
    ended = False


def _tar_entries(file: BinaryIO, budget: _Budget, kind: ArchiveKind | None) -> Iterator[_Entry]:
    packed = Gunzipped(file, budget.spend) if kind is ArchiveKind.GZIP else None
    source = _Bounded(packed or file, _HEADER, _READS)
    try:
        archive = _Tar(fileobj=source, encoding="utf-8", errors="surrogateescape")  # type: ignore[arg-type] # as above
    except tarfile.ReadError as error:
        if packed is None:
            raise
        packed.finish()
        raise UnreadableImage(
            ReasonCode.UNSUPPORTED,
            "The file is packed by gzip, and no tar archive is in it. Unpack it, and drop what is in it.",
        ) from error
    last = 0
    while (header := archive.next()) is not None:
        if header.offset_data <= last:  # it points back
            raise _cut()
        last = header.offset_data
        yield _Entry(
            header.name,
            header.size,
            header.isdir(),
            not header.isreg() or header.issparse(),
            partial(_tar_blocks, source, header),
        )
        source.begin_member()
    if not archive.ended:
        raise _cut()
    if packed is not None:
        packed.finish()


def _tar_blocks(source: _Bounded, header: tarfile.TarInfo) -> Iterator[bytes]:
    source.seek(header.offset_data)
    left = header.size
    while left > 0:
        source.begin_member()
        block = source.read(min(left, _HEADER))
        if not block:
            raise _cut()
        left -= len(block)
        yield block


def _cut() -> UnreadableImage:
    return UnreadableImage(
        ReasonCode.DAMAGED,
        "The archive is truncated or damaged, so nothing was taken out of it. Copy or export it again.",
    )


def _bomb() -> UnreadableImage:
    return UnreadableImage(
        ReasonCode.TOO_COMPLEX,
        f"The archive unpacks to more than {MAX_RATIO} times its size, as no images do. Export it again.",
    )


def _too_many() -> UnreadableImage:
    return UnreadableImage(
        ReasonCode.TOO_COMPLEX, f"The archive has more than {MAX_MEMBERS:,} entries. Make several of it."
    )
