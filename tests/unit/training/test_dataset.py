"""A data set that cannot be trained on is refused with the line and the reason."""

from pathlib import Path

import pytest

from core.errors import DatasetError
from training.dataset import load_dataset

HEADER = "filename,label,group"


def write(folder: Path, lines: list[str], header: str = HEADER) -> Path:
    folder.mkdir(exist_ok=True)
    for line in lines:
        name = line.split(",")[0]
        if name and name != "missing.png":
            (folder / name).write_bytes(name.encode())
    (folder / "labels.csv").write_text("\n".join([header, *lines]) + "\n")
    return folder


def balanced() -> list[str]:
    labels = ("normal", "hemorrhage")
    return [f"{i}.png,{labels[i % 2]},g{i}" for i in range(8)]


def test_records_are_read_in_the_order_of_the_table(tmp_path: Path) -> None:
    records = load_dataset(write(tmp_path, balanced())).records
    assert [record.path.name for record in records] == [f"{i}.png" for i in range(8)]
    assert [record.target for record in records[:2]] == [0, 1]
    assert records[3].group == "g3"


def test_without_the_group_column_every_image_is_a_patient_of_its_own(tmp_path: Path) -> None:
    lines = [line.rsplit(",", 1)[0] for line in balanced()]
    groups = {record.group for record in load_dataset(write(tmp_path, lines, "filename,label")).records}
    assert len(groups) == 8


def test_the_fingerprint_depends_on_content_label_and_group_alone(tmp_path: Path) -> None:
    original = load_dataset(write(tmp_path / "a", balanced())).fingerprint
    assert load_dataset(write(tmp_path / "b", balanced()[::-1])).fingerprint == original
    for changed in ("0.png,normal,g9", "0.png,hemorrhage,g0"):
        assert load_dataset(write(tmp_path / "c", [changed, *balanced()[1:]])).fingerprint != original
    (tmp_path / "b" / "0.png").write_bytes(b"other")
    assert load_dataset(tmp_path / "b").fingerprint != original


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "lists no image"),
        (["0.png,normal,a", "1.png,bleeding,b"], "line 3: label 'bleeding' is not one of normal, hemorrhage"),
        (["0.png,normal,a", "missing.png,normal,b"], "line 3: there is no file 'missing.png'"),
        (["0.png,normal,a", ",normal,b"], "line 3: there is no file ''"),
    ],
)
def test_an_unusable_table_says_what_is_wrong(tmp_path: Path, lines: list[str], reason: str) -> None:
    with pytest.raises(DatasetError, match=reason):
        load_dataset(write(tmp_path, lines))


def test_a_folder_without_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"has no labels\.csv"):
        load_dataset(tmp_path)


def test_a_table_without_the_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="lacks the column label"):
        load_dataset(write(tmp_path, ["0.png,normal"], "filename,diagnosis"))


def test_the_tables_of_synthetic_and_real_scans_are_read(synthetic_scans: Path, real_scans: Path) -> None:
    assert len(load_dataset(synthetic_scans).records) == 24
    assert load_dataset(real_scans).records
