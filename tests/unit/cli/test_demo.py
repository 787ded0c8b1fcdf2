"""What the demo prints of results beside their truth."""

from types import SimpleNamespace
from typing import Any

import pytest

from cli.demo import _print_results

TRUTH = {"1.png": "normal", "2.png": "normal", "3.png": "hemorrhage"}


def row(name: str, label: str | None, **changes: Any) -> Any:  # noqa: ANN401 - a row of the view
    values = {"source_name": name, "label": label, "probability": 0.5, "state": "classified", "reason": None}
    return SimpleNamespace(**values | {"label_reason": None, "warnings": None} | changes)


@pytest.fixture
def rows() -> list[Any]:
    return [
        row("1.png", "normal"),
        row("2.png", "hemorrhage"),
        row("3.png", "uncertain", label_reason="outside the model's domain"),
        row("4.png", None, probability=None, state="rejected", reason="The file is no image."),
    ]


def test_right_wrong_and_uncertain_results_are_counted(
    rows: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    _print_results(rows, TRUTH)
    out = capsys.readouterr().out
    assert "normal (wrong)" in out
    assert "1 of 3 as labelled, 1 otherwise, 1 uncertain or not assessed." in out


@pytest.mark.parametrize("truth", [TRUTH, {}])
@pytest.mark.parametrize("columns", ["40", "60", "80", "200"])
def test_why_an_image_was_rejected_stands_at_it(
    rows: list[Any],
    truth: dict[str, str],
    columns: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    _print_results(rows, truth)
    lines = capsys.readouterr().out.splitlines()
    assert "The file is no image." in " ".join(" ".join(lines).split())
    assert all(len(line) <= int(columns) for line in lines)
    assert len(lines) < 12
