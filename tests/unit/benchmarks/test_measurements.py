import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from benchmarks import measurements
from benchmarks.cost import Cost
from benchmarks.measurements import LETTERS, Bench, measure
from benchmarks.processes import CLASSIFY_CHILD, Memory
from benchmarks.report import TARGETS
from benchmarks.switch import Switch
from benchmarks.throughput import Round
from benchmarks.training_share import TrainingShare

_SOURCE = SimpleNamespace(mean_bytes=1.0, files=lambda count: iter([b""] * count), write=lambda *_: [])
_SAID: dict[str, Any] = {
    "measure_results": (
        dict.fromkeys(
            (
                *("results_seconds", "studies_over_results", "help_over_sqlalchemy"),
                *("results_over_sqlalchemy", "table_over_csv"),
            ),
            1.0,
        ),
        False,
    ),
    "measure_cost": Cost(4.0, 9.0, 1.0, 2.0),
    "measure_replaced_child": [3.0, 9.0, 1.0],
    "measure_demo": 1.0,
    "measure_study": [1.0],
    "measure_throughput": [Round(100.0, 200.0, 50.0)],
    "measure_memory": [Memory("supervisor", 5.0), Memory(CLASSIFY_CHILD, 3.0), Memory(CLASSIFY_CHILD, 2.0)],
    "measure_latency": (1.0, 2.0),
    "measure_idle_cpu": {"supervisor": 1.0, "Redis": 0.5},
    "measure_training_share": TrainingShare(0.5, 1.0),
    "measure_switch": [Switch(2.0, 1.0), Switch(3.0, 0.0), Switch(4.0, 3.0)],
    "bare_limit": contextlib.nullcontext(),
    "plain_loop": contextlib.nullcontext(),
    "ImageSource": _SOURCE,
    "DicomSource": _SOURCE,
}
"""What each part says instead of measuring: that takes minutes, and is what `make bench` does."""


@contextlib.contextmanager
def stand_in(root: Path, _: bytes) -> Iterator[SimpleNamespace]:
    yield SimpleNamespace(
        home=SimpleNamespace(root=root), wait_for=lambda *_: None, check_results=lambda: None
    )


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    for name, said in _SAID.items():
        monkeypatch.setattr(measurements, name, lambda *_, said=said: said)
    monkeypatch.setattr(measurements, "running_system", stand_in)
    return Bench(Console(quiet=True), tmp_path, rounds=1)


def test_everything_that_has_a_target_is_measured(bench: Bench) -> None:
    assert {target.key for target in TARGETS} <= measure(bench, set(LETTERS)).keys()


@pytest.mark.parametrize("letter", LETTERS)
def test_a_letter_measures_what_the_table_lists_under_it(bench: Bench, letter: str) -> None:
    measured = measure(bench, {letter}).keys() & {target.key for target in TARGETS}
    if letter != "f":
        measured.discard("up_to_first_result_seconds")  # every start of the system gives it
    assert measured == {target.key for target in TARGETS if target.name.startswith(f"({letter}) ")}


def test_figures_are_what_their_names_say(bench: Bench) -> None:
    figures = measure(bench, set(LETTERS))
    assert figures["throughput_ratio"] == figures["dicom_throughput_ratio"] == 0.5
    assert figures["plain_loop_ratio"] == figures["dicom_plain_loop_ratio"] == 2.0
    assert figures["cost_over_decoding"] == 0.75
    assert (figures["child_rss_mb"], figures["other_rss_mb"]) == (3.0, 5.0)
    assert figures["child_first_image_seconds"] == 3.0
    assert (figures["switch_seconds"], figures["switch_from_start_seconds"]) == (1.0, 3.0)
    assert figures["idle_cpu_percent"] == 1.5
