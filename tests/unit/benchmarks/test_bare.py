import time
from collections.abc import Sequence
from pathlib import Path
from threading import BrokenBarrierError

import pytest

from benchmarks.bare import BareProcesses, Work

_BATCH_S = 0.05


def slow_work() -> Work:
    """Takes 0.05 s for a batch, and leaves a mark beside each file for each time that it was taken."""

    def work(paths: Sequence[Path]) -> None:
        time.sleep(_BATCH_S)
        for path in paths:
            with path.with_suffix(".taken").open("a") as file:
                file.write("x")

    return work


def broken_work() -> Work:
    raise RuntimeError("there is no network")


def files(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{number}.png" for number in range(count)]
    for path in paths:
        path.touch()
    return paths


def test_each_file_is_taken_once_by_one_process(tmp_path: Path) -> None:
    paths = files(tmp_path, 10)
    with BareProcesses(slow_work, 2, batch=4) as bare:
        bare.images_per_second(paths)
        assert [path.with_suffix(".taken").read_text() for path in paths] == ["x"] * 10
        bare.images_per_second(paths[:3])
    assert [path.with_suffix(".taken").read_text() for path in paths] == ["xx"] * 3 + ["x"] * 7


def test_the_figure_holds_the_time_of_every_batch(tmp_path: Path) -> None:
    with BareProcesses(slow_work, 2, batch=4) as bare:
        # Four batches on two processes: one of them takes at least two.
        assert 0 < bare.images_per_second(files(tmp_path, 16)) <= 16 / (2 * _BATCH_S)


def test_a_process_that_cannot_begin_ends_the_measurement() -> None:
    with pytest.raises(BrokenBarrierError):
        BareProcesses(broken_work, 2, batch=4)
