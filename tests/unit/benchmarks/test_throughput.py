import itertools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from benchmarks.bare import BareProcesses
from benchmarks.images import FileSource
from benchmarks.system import RunningSystem
from benchmarks.throughput import Round, measure_throughput, throughput_figures


class Numbers(FileSource):
    """Files that hold their number."""

    suffix = ".txt"

    def __init__(self) -> None:
        super().__init__([b"number "])

    def _distinct(self, data: bytes, number: int) -> bytes:
        return data + str(number).encode()


class SystemOfOneSpeed:
    """Takes the files away, at most 10,000 a second."""

    def __init__(self) -> None:
        self._finished = 0

    def finished(self) -> int:
        return self._finished

    def drop(self, paths: Sequence[Path]) -> None:
        for path in paths:
            time.sleep(0.0001)
            path.unlink()
        self._finished += len(paths)

    def wait_for(self, finished: int, _look_s: float) -> None:
        assert finished == self._finished


class LoopOfKnownSpeed:
    """Says these figures one after the other, if the files are there."""

    def __init__(self, *figures: float) -> None:
        self._figures: Iterator[float] = itertools.cycle(figures)
        self.seen: list[int] = []

    def images_per_second(self, paths: Sequence[Path]) -> float:
        assert all(path.is_file() for path in paths)
        self.seen.append(len(paths))
        return next(self._figures)


def rounds_beside(
    limit: LoopOfKnownSpeed, plain: LoopOfKnownSpeed, scratch: Path, rounds: int = 1
) -> list[Round]:
    loops = cast("tuple[BareProcesses, BareProcesses]", (limit, plain))
    system = cast("RunningSystem", SystemOfOneSpeed())
    return measure_throughput(system, Numbers(), scratch, loops, rounds, files=20)


def test_the_ratios_tell_who_is_faster(tmp_path: Path) -> None:
    [one] = rounds_beside(LoopOfKnownSpeed(1e6), LoopOfKnownSpeed(1.0), tmp_path)
    assert one.ratio < 1 < one.plain_loop_ratio
    [one] = rounds_beside(LoopOfKnownSpeed(1.0), LoopOfKnownSpeed(1e6), tmp_path)
    assert one.plain_loop_ratio < 1 < one.ratio


def test_a_limit_is_the_mean_of_before_and_after_the_system(tmp_path: Path) -> None:
    # The first figure of each is that of the files that warm it.
    limit, plain = LoopOfKnownSpeed(7.0, 100.0, 300.0), LoopOfKnownSpeed(7.0, 10.0, 40.0)
    [one] = rounds_beside(limit, plain, tmp_path)
    assert (one.limit, one.plain_loop) == (200.0, 25.0)


def test_system_and_loops_are_given_the_same_files_and_none_is_left(tmp_path: Path) -> None:
    limit, plain = LoopOfKnownSpeed(1.0), LoopOfKnownSpeed(1.0)
    assert len(rounds_beside(limit, plain, tmp_path, rounds=3)) == 3
    assert limit.seen == plain.seen == [64] + [20, 20] * 3
    assert list(tmp_path.iterdir()) == []


def test_the_figures_are_medians_with_their_spread() -> None:
    rounds = [Round(100, 200, 50), Round(300, 400, 600), Round(10, 100, 100)]
    figures = throughput_figures(rounds, "dicom_")
    assert figures["dicom_throughput_ratio"] == 0.5
    assert (figures["dicom_throughput_ratio_min"], figures["dicom_throughput_ratio_max"]) == (0.1, 0.75)
    assert figures["dicom_plain_loop_ratio"] == 0.5
    assert (figures["dicom_plain_loop_ratio_min"], figures["dicom_plain_loop_ratio_max"]) == (0.1, 2.0)
    assert figures["dicom_images_per_second"] == 100
