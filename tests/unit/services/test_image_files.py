from pathlib import Path

from services.image_files import image_files, kinds
from tests.dicom_files import as_bytes, ct_slice


def test_a_medium_without_suffixes_gives_its_images_in_order(tmp_path: Path) -> None:
    medium = tmp_path / "DICOM" / "PA0"
    medium.mkdir(parents=True)
    slices = [medium / "IM000002", medium / "IM000001", tmp_path / "1.3.12.2.IMA", tmp_path / "1.3.12.3"]
    for path in slices:
        path.write_bytes(as_bytes(ct_slice()))
    others = ["DICOMDIR", "README.TXT", "a.txt", "autorun.inf", "VIEWER.EXE", "LOCKFILE", "1.2.3"]
    for name in (*others, "Thumbs.db", ".hidden", "IM3.part"):
        (tmp_path / name).write_bytes(b"text")
    found = image_files(tmp_path)
    assert found.images == [slices[2], slices[3], slices[1], slices[0]]
    assert sorted(path.name for path in found.others) == sorted(others)
    assert kinds(found.others) == "2 without a suffix, 2 .txt, 1 DICOMDIR, 1 .exe, 1 .inf"


def test_images_are_in_the_order_of_the_numbers_in_their_names(tmp_path: Path) -> None:
    for name in ("10.dcm", "2.dcm", "1.dcm"):
        (tmp_path / name).write_bytes(as_bytes(ct_slice()))
    assert [path.name for path in image_files(tmp_path).images] == ["1.dcm", "2.dcm", "10.dcm"]


def test_few_of_many_kinds_are_named_and_none_controls_the_terminal() -> None:
    assert kinds([Path(f"a.{letter}") for letter in "abcdefgh"]) == "1 .a, 1 .b, 1 .c, 1 .d, 1 .e, 3 others"
    assert kinds([Path(f"a.{letter}") for letter in "abcdef"]).endswith("1 .e, 1 other")
    assert kinds([Path("a.\x1b[2J")]) == r"1 .\x1b[2j"
    assert kinds([]) == ""
