"""Archives that are well-formed, damaged, or made to take much time, memory or trust."""

import gzip
import io
import random
import struct
import tarfile
import time
import zipfile
from collections import Counter

import pytest

from core.errors import RejectedImage
from images.archive import MAX_MEMBERS, ArchiveLimits, Member, PassedOver, read_members
from tests.archives import MAKERS, tar_gz_of, tar_of, tar_of_headers, zip_of

PNG = b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(3000)  # noqa: S311 - to be repeatable
FILES = [("s/1.png", PNG), ("read me.txt", b"hello"), ("s/2", PNG + b"2"), ("s/3.dcm", b"damaged")]
LIMITS = ArchiveLimits(2**26, 2**28)


def members(data: bytes, limits: ArchiveLimits = LIMITS) -> list[Member]:
    return list(read_members(io.BytesIO(data), limits))


def refusal(data: bytes, limits: ArchiveLimits = LIMITS) -> str:
    began = time.process_time()
    with pytest.raises(RejectedImage) as caught:
        for _ in read_members(io.BytesIO(data), limits):
            pass
    assert time.process_time() - began < 5
    assert str(caught.value).endswith(".")
    return caught.value.reason.code.value


@pytest.mark.parametrize("kind", MAKERS)
def test_images_are_known_by_content_or_name_and_the_others_are_passed_over(kind: str) -> None:
    assert members(MAKERS[kind](FILES)) == [
        Member(0, "s/1.png", None, PNG),
        Member(1, "read me.txt", PassedOver.NO_IMAGE),
        Member(2, "s/2", None, PNG + b"2"),
        Member(3, "s/3.dcm", None, b"damaged"),
    ]


@pytest.mark.parametrize("kind", MAKERS)
def test_what_is_known_is_not_read_again(kind: str) -> None:
    found = read_members(io.BytesIO(MAKERS[kind](FILES)), LIMITS, lambda number, _: number == 0)
    assert [one.data for one in found] == [None, None, PNG + b"2", b"damaged"]


@pytest.mark.parametrize("kind", MAKERS)
def test_names_that_lead_out_archives_within_and_what_the_system_left_are_passed_over(kind: str) -> None:
    names = ["/etc/1.png", "../1.png", "a/../../1.png", "C:\\1.png", "a\\..\\1.png", "\\\\host\\1.png", ".."]
    for data in (MAKERS[kind]([(name, PNG)]) for name in names):
        assert [one.passed_over for one in members(data)] == [PassedOver.LEADS_OUT]
    inner = [(f"a.{kind}", make(FILES)) for kind, make in MAKERS.items()]
    assert [one.passed_over for one in members(MAKERS[kind](inner))] == [PassedOver.ARCHIVE] * 3
    left = [("__MACOSX/._1.png", PNG), ("a/.1.png", PNG), ("a/1.png.part", PNG), ("./b..png", PNG)]
    assert [one.passed_over is None for one in members(MAKERS[kind](left))] == [False, False, False, True]


@pytest.mark.parametrize("kind", MAKERS)
def test_a_member_that_is_too_large_is_passed_over(kind: str) -> None:
    data = MAKERS[kind]([("1.png", PNG + bytes(2**20)), ("2.png", PNG)])
    found = members(data, ArchiveLimits(2**20, 2**28))
    assert [one.passed_over for one in found] == [PassedOver.TOO_LARGE, None]


def test_links_devices_and_folders_of_a_tar_are_never_followed() -> None:
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE)
    headers = []
    for kind in (*kinds, tarfile.DIRTYPE):
        header = tarfile.TarInfo(f"{kind!r}.png")
        header.type, header.linkname = kind, "/etc/passwd"
        headers.append((header, b""))
    found = members(tar_of_headers(headers))
    assert [one.passed_over for one in found] == [PassedOver.SPECIAL] * len(kinds)


def test_links_of_a_zip_are_never_followed() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("a.png")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.mkdir("folder")
    assert [one.passed_over for one in members(buffer.getvalue())] == [PassedOver.SPECIAL]


def test_names_in_any_encoding_are_text() -> None:
    header = tarfile.TarInfo("x")
    header.name, header.size = "Mu\udcfcller \x1b\n.png", len(PNG)
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as archive:
        archive.addfile(header, io.BytesIO(PNG))
    assert [one.name for one in members(data.getvalue())] == ["Mu\\xfcller \x1b\n.png"]
    assert [one.name for one in members(zip_of([("M\u00fcller.png", PNG)]))] == ["M\u00fcller.png"]
    assert [one.passed_over for one in members(tar_of([("a" * 5000, PNG)]))] == [PassedOver.LEADS_OUT]


@pytest.mark.parametrize("kind", MAKERS)
def test_a_cut_archive_is_damaged_wherever_it_is_cut(kind: str) -> None:
    data = MAKERS[kind](FILES)
    end = len(data) if kind != "tar" else data.rindex(b"damaged") + 512
    assert {refusal(data[:cut]) for cut in range(512, end, 7)} <= {"damaged"}


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_changed_byte_is_noticed_wherever_it_changes_an_image(kind: str) -> None:
    data, whole = MAKERS[kind](FILES), [one.data for one in members(MAKERS[kind](FILES)) if one.data]
    seen: Counter[str] = Counter()
    for place in range(0, len(data), 11):
        changed = bytearray(data)
        changed[place] ^= 0x20
        try:
            found = [one.data for one in members(bytes(changed)) if one.data]
        except RejectedImage as error:
            seen[error.reason.code.value] += 1
        else:
            assert all(one in whole for one in found), "no other bytes are taken for an image"
    assert seen["damaged"] > len(data) // 11 * 0.8


def test_an_encrypted_zip_and_other_packing_are_refused_by_code() -> None:
    data = bytearray(zip_of(FILES))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    assert refusal(bytes(data)) == "encrypted"
    assert refusal(zip_of(FILES, zipfile.ZIP_LZMA)) == "unsupported"
    assert refusal(gzip.compress(PNG)) == "unsupported"


def test_a_zip_that_is_cut_behind_another_one_is_not_taken_for_that() -> None:
    inner = zip_of(FILES)
    outer = zip_of([("1.png", PNG), ("inner.zip", inner)], zipfile.ZIP_STORED)
    assert refusal(outer[: outer.index(inner) + len(inner)]) == "damaged"


def huge_pax() -> bytes:
    return tar_of_headers([(header_of(tarfile.XHDTYPE, 2**20), b"1" * 2**20)], tarfile.USTAR_FORMAT)


def header_of(kind: bytes, size: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, size
    return header


def tar_that_points_back() -> bytes:
    data = bytearray(tar_of([("a.png", PNG)], tarfile.USTAR_FORMAT))
    data[124:136] = b"\xff" * 4 + struct.pack(">q", -4096)
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    return bytes(data)


BOMBS = {
    "zip, 256 MiB of zeros": (lambda: zip_of([("a.png", bytes(2**28))]), "too_complex"),
    "tar.gz, 256 MiB of zeros": (lambda: tar_gz_of([("a.png", bytes(2**28 - 4096))]), "too_complex"),
    "gzip of many empty ones": (lambda: gzip.compress(b"") * 300_000, "too_complex"),
    "zip, very many": (lambda: zip_of([(f"{i}", b"") for i in range(MAX_MEMBERS + 1)]), "too_complex"),
    "tar.gz, very many": (lambda: tar_gz_of([(f"{i}", b"") for i in range(MAX_MEMBERS + 1)]), "too_complex"),
    "tar, a header of 1 MiB": (huge_pax, "too_complex"),
    "tar that points back": (tar_that_points_back, "damaged"),
    "tar, a chain of headers": (
        lambda: tar_of_headers([(header_of(tarfile.XHDTYPE, 0), b"")] * 9000, tarfile.USTAR_FORMAT),
        "damaged",
    ),
    "gzip with a name of 50 MiB": (
        lambda: b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * 50 * 2**20,
        "damaged",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_time(name: str) -> None:
    make, code = BOMBS[name]
    assert refusal(make(), ArchiveLimits(2**30, 2**31)) == code


def test_an_archive_over_its_limit_is_too_large_packed_or_unpacked() -> None:
    data = zip_of([("1.png", PNG), ("2.png", PNG + bytes(2**20))])
    assert refusal(data, ArchiveLimits(2**26, 2**20)) == "too_large"
    assert refusal(data, ArchiveLimits(2**26, 100)) == "too_large"


def test_an_archive_that_holds_itself_ends() -> None:
    assert [one.passed_over for one in members(zip_of([("r.zip", zip_of(FILES))]))] == [PassedOver.ARCHIVE]
