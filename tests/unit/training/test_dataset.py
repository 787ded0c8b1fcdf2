"""Training data that cannot be trained on is refused with the reason and what to do."""

from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import DatasetError
from core.home import Home
from db.states import Split
from db.tables import LabelledImage
from tests.labelled import balanced, fill
from training.dataset import load_dataset

Row = tuple[str, str, Split]
"""Label, group and split."""


def instead_of(missing: Split, split: Split) -> list[Row]:
    return [(label, group, split if this is missing else this) for label, group, this in balanced()]


def test_records_come_with_path_label_group_and_part(engine: Engine, home: Home) -> None:
    fill(engine, home, balanced())
    records = load_dataset(engine, home).records
    assert records[0].path == home.dataset / f"{0:064x}"
    assert [(record.label, record.group, record.split) for record in records] == balanced()
    assert [record.target for record in records[:2]] == [0, 1]


def test_two_labels_in_one_group_are_allowed(engine: Engine, home: Home) -> None:
    fill(engine, home, [*balanced(), ("normal", "hemorrhage-train", Split.TRAIN)])
    assert len(load_dataset(engine, home).records) == 7


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "no labelled image yet.*headct dataset import DIR"),
        (
            [("normal", f"g{i}", split) for i, split in enumerate(Split)],
            "0 patients with the label hemorrhage",
        ),
        (balanced()[:3], "patients with the label normal; at least 3"),
        ([row for row in balanced() for _ in range(3) if row[2] == Split.TRAIN], "1 patients"),
        (instead_of(Split.TEST, Split.TRAIN), "test split has no image labelled normal"),
        (instead_of(Split.VALIDATION, Split.TEST), "validation split has no image labelled normal"),
    ],
)
def test_an_unusable_data_set_says_what_to_do(
    engine: Engine, home: Home, rows: list[Row], reason: str
) -> None:
    fill(engine, home, rows)
    with pytest.raises(DatasetError, match=reason):
        load_dataset(engine, home)


def test_a_file_that_is_gone_is_told(sqlite_engine: Engine, home: Home) -> None:
    fill(sqlite_engine, home, balanced())
    (home.dataset / f"{3:064x}").unlink()
    with pytest.raises(DatasetError, match=r"1 images are gone .*0003\. Import them again"):
        load_dataset(sqlite_engine, home)


def test_the_fingerprint_depends_on_content_label_group_and_part(
    sqlite_engine: Engine, home: Home, tmp_path: Path
) -> None:
    fill(sqlite_engine, home, balanced())
    seen = {load_dataset(sqlite_engine, home).fingerprint}
    changes: tuple[dict[str, str], ...] = ({"source_name": "other"}, {"label": "hemorrhage"})
    for change in (*changes, {"patient_group": "other"}):
        with Session(sqlite_engine) as session, session.begin():
            extra = session.get(LabelledImage, 1)
            assert extra is not None
            for name, value in change.items():
                setattr(extra, name, value)
            if change == {"label": "hemorrhage"}:
                swapped = session.get(LabelledImage, 2)
                assert swapped is not None
                swapped.label = "normal"
        seen.add(load_dataset(sqlite_engine, home).fingerprint)
    assert len(seen) == 3, "the name does not count"
