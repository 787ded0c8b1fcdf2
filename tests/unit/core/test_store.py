"""A kept file is linked where that is possible, and copied where it is not wanted."""

import hashlib
from pathlib import Path

import pytest

from core.store import keep


@pytest.mark.parametrize("link", [True, False])
def test_a_kept_file_is_a_second_name_or_a_copy(tmp_path: Path, link: bool) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(b"bytes")
    with source.open("rb") as file:
        kept = keep(file.fileno(), tmp_path, link=link)
    assert kept.sha256 == hashlib.sha256(b"bytes").hexdigest()
    assert kept.linked is link
    assert source.samefile(tmp_path / kept.sha256) is link
