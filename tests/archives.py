"""Archives for tests."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Sequence

Files = Sequence[tuple[str, bytes]]


def zip_of(files: Files, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip file of these names and bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return buffer.getvalue()


def tar_of(files: Files, kind: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar file of them."""
    return tar_of_headers([(_header(name, content), content) for name, content in files], kind)


def tar_of_headers(members: Sequence[tuple[tarfile.TarInfo, bytes]], kind: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar file of members with any headers."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as archive:
        for header, content in members:
            archive.addfile(header, io.BytesIO(content))
    return buffer.getvalue()


def tar_gz_of(files: Files) -> bytes:
    """A tar.gz file of them, always of the same bytes."""
    return gzip.compress(tar_of(files), mtime=0)


MAKERS = {"zip": zip_of, "tar": tar_of, "tar.gz": tar_gz_of}


def _header(name: str, content: bytes) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size = len(content)
    return header
