"""Every table on terminals of 40, 60 and 80 columns: what matters is whole, and nothing is wider."""

import re
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.cells import cell_len

from cli import operation
from cli.dataset import print_dataset
from cli.evaluation import print_version
from cli.files import print_file
from cli.models import print_comparison, print_history, print_versions
from cli.operation import doctor, print_state
from cli.runs import print_run, print_runs
from core.errors import HeadctError
from core.home import Home
from db.states import FileState, RunState, Split
from db.tables import Arrival, EpochRecord, File, LabelledImage, Prediction, Promotion, Reading, TrainingRun
from models.store import DamagedModel, shipped_model
from services.comparison import compare_cards

MOMENT = datetime(2026, 11, 28, 10, 11, 12, tzinfo=UTC)
NAME = "series/\x1b[2J\u202eDoe^Jane" + "-of-a-long-name" * 4 + ".png"
SHOWN = r"series/\x1b[2J\u202eDoe^Jane" + "-of-a-long-name" * 4 + ".png"
WHY = (
    "The new version is not worse: AUC 0.934 (0.880 to 0.970) against 0.941 on 24 images of 12 patients, "
    "and its sensitivity is within 0.05 of that in use."
)


@pytest.fixture(params=[40, 60, 80], autouse=True)
def columns(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> int:
    """The width of a terminal."""
    monkeypatch.setenv("COLUMNS", str(request.param))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True)  # pytest makes another one for the test
    return int(request.param)


def lines(capsys: pytest.CaptureFixture[str], columns: int) -> list[str]:
    """What was printed, without its colours."""
    printed = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).splitlines()
    assert all(cell_len(line) <= columns for line in printed), printed
    assert not any(character in "".join(printed) for character in "\x1b\u202e")
    return [line.rstrip() for line in printed]


def run(number: int, **changes: Any) -> TrainingRun:  # noqa: ANN401 - any column
    values = {
        "id": number,
        "state": RunState.SUCCEEDED,
        "requested_at": MOMENT,
        "requested_by": "dr.radiology",
        "started_at": MOMENT,
        "finished_at": MOMENT,
        "model_version": f"20261128-101112-{number}",
        "reason": WHY,
        "attempts": 1,
        "seed": 1,
        "metrics": {"auc": 0.9, "auc_ci95": (0.8, 0.95)},
        "cancel_requested": False,
    }
    return TrainingRun(**values | changes)


def test_runs_have_id_state_and_model_whole_and_the_reason_in_few_lines(
    columns: int, capsys: pytest.CaptureFixture[str]
) -> None:
    print_runs(
        [run(117), run(2, state=RunState.CANCELLED, reason=None, model_version=None, requested_by=NAME)]
    )
    printed = lines(capsys, columns)
    assert re.match(r"117  succeeded  .*20261128-101112-117$", printed[1])
    reason = next(number for number, line in enumerate(printed) if line.startswith("2 "))
    assert "cancelled" in printed[reason]
    assert reason - 2 <= -(-len(WHY) // (columns - 14))
    assert " ".join(line.strip() for line in printed[2:reason]) == WHY


def test_a_run_is_shown_whole(columns: int, capsys: pytest.CaptureFixture[str], home: Home) -> None:
    epoch = EpochRecord(number=1, of=10, loss=0.5, validation_loss=0.4, validation_auc=0.9)
    print_run(run(7, reason=NAME), [epoch], home)
    text = "".join(line.replace(" ", "") for line in lines(capsys, columns))
    assert SHOWN in text
    assert "1of100.50000.4000.900" in text
    assert "auc0.9000.800to0.950" in text


def test_versions_have_name_and_auc_whole(columns: int, capsys: pytest.CaptureFixture[str]) -> None:
    card = shipped_model().card
    print_versions([card, DamagedModel("20261128-101112-7", "Its card cannot be read.")], card.version)
    printed = lines(capsys, columns)
    assert re.match(rf"\*  {card.version} .* {card.metrics['auc']:.3f}", printed[1])
    assert re.match(r"   20261128-101112-7 .*damaged$", printed[2])


def test_the_history_has_moment_and_version_whole(columns: int, capsys: pytest.CaptureFixture[str]) -> None:
    one = Promotion(
        promoted_at=MOMENT,
        model_version="20261128-101112-7",
        replaced_version="(shipped)",
        decided_by=NAME,
        cause="gate",
        evidence={"rule": WHY},
    )
    print_history([one])
    printed = lines(capsys, columns)
    assert re.match(r"(2026-)?11-28 \S+  20261128-101112-7", printed[1])
    assert WHY.replace(" ", "").endswith("".join(printed[-1:]).replace(" ", ""))


def test_a_comparison_cuts_nothing(columns: int, capsys: pytest.CaptureFixture[str]) -> None:
    card = shipped_model().card
    print_comparison(compare_cards(card, card))
    printed = lines(capsys, columns)
    assert "…" not in "".join(printed)


def test_an_evaluation_cuts_nothing(columns: int, capsys: pytest.CaptureFixture[str]) -> None:
    card = shipped_model().card
    metrics = {**card.metrics, "confusion_matrix": {"tp": 1, "fn": 2, "tn": 3, "fp": 4}}
    metrics |= {"bleeds_not_assessed": 1, "normals_not_assessed": 2}
    print_version("20261128-101112-7", metrics, shipped=False)
    printed = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    table, _ = printed.split("\n\n", 1)
    assert "…" not in table
    assert all(cell_len(line) <= columns for line in table.splitlines())
    assert f"{metrics['auc']:.3f}" in table


def test_the_data_set_has_every_number_whole(columns: int, capsys: pytest.CaptureFixture[str]) -> None:
    images = [
        LabelledImage(label=label, split=split, patient_group=f"{label} {number // 2}")
        for number, (label, split) in enumerate(
            [("normal", Split.TRAIN)] * 11 + [("hemorrhage", Split.TEST)] * 2
        )
    ]
    print_dataset(images)
    assert [line.split() for line in lines(capsys, columns)] == [
        ["normal", "hemorrhage", "all"],
        ["groups", "6", "2", "8"],
        ["images", "11", "2", "13"],
        ["train", "11", "0", "11"],
        ["validation", "0", "0", "0"],
        ["test", "0", "2", "2"],
    ]


def test_the_state_cuts_nothing(columns: int, capsys: pytest.CaptureFixture[str]) -> None:
    worker = "inference@host.of.the.department.of.radiology"
    print_state(
        {
            "files": dict.fromkeys(FileState, 12345678),
            "intake_paused": None,
            "scheduler_runs": True,
            "free_mb": 12345,
            "free_mb_below": f"/srv/{NAME}",
            "queues": {"inference": 3, "training": 0},
            "workers": [worker],
            "heard_seconds_ago": {worker: 2.0},
            "oldest_unfinished_seconds": None,
            "model_version": "default-6",
            "problems": [HeadctError(f"Mount {NAME}.")],
        }
    )
    text = "".join(line.replace(" ", "") for line in lines(capsys, columns))
    assert "quarantined12345678" in text
    assert f"12345MiBbelow/srv/{SHOWN}queue" in text
    assert f"workersalive{worker}tookamessage{worker},2sago" in text


def test_the_doctors_lines_are_folded_at_spaces(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "services.doctor.run_checks",
        lambda **_: iter([("settings", None), ("inbox", HeadctError(f"{WHY} {NAME}"))]),
    )
    with pytest.raises(operation.typer.Exit):
        doctor()
    printed = lines(capsys, columns)
    assert printed[0] == "ok   settings"
    assert printed[1].startswith("BAD  inbox: The new version is")
    assert all(line.startswith("     ") for line in printed[2:])
    assert SHOWN in "".join(line.strip() for line in printed)


def test_a_file_has_its_name_hash_and_results_whole(columns: int, capsys: pytest.CaptureFixture[str]) -> None:
    file = File(
        id=17, sha256="a" * 64, size_bytes=1234, state=FileState.CLASSIFIED, attempts=1, received_at=MOMENT
    )
    said = [
        Prediction(
            classified_at=MOMENT,
            label="hemorrhage",
            probability=0.91 + number / 1000,
            threshold=0.5,
            model_version=f"20261128-101112-{number}",
            weights_sha256="b" * 64,
            preprocessing_version="3",
        )
        for number in range(4)
    ]
    print_file(
        file,
        [Arrival(arrived_at=MOMENT, source_name=NAME)],
        said,
        [Reading(read_at=MOMENT, label="normal", reader=NAME, note=None)],
        [],
    )
    printed = lines(capsys, columns)
    text = "".join(line.replace(" ", "").removeprefix("2026-11-2810:11:12") for line in printed)
    assert SHOWN in text
    assert "a" * 64 in text
    for number in range(4):
        assert any(f"20261128-101112-{number}" in line for line in printed)
        assert any(f"{0.91 + number / 1000:.4f}" in line for line in printed)
