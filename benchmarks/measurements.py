"""Every measurement by its letter: what it needs, and the figures that it gives."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rich.console import Console

from benchmarks.cost import measure_cost
from benchmarks.demo_command import measure_demo
from benchmarks.dicom_images import DicomSource
from benchmarks.images import ImageSource
from benchmarks.latency import measure_latency
from benchmarks.limit import bare_limit
from benchmarks.medians import Figures, median_figure
from benchmarks.plain_loop import plain_loop
from benchmarks.processes import CLASSIFY_CHILD, measure_idle_cpu, measure_memory
from benchmarks.replaced_child import measure_replaced_child
from benchmarks.report import print_parts
from benchmarks.results_command import measure_results
from benchmarks.study import measure_study
from benchmarks.switch import measure_switch
from benchmarks.system import RunningSystem, running_system
from benchmarks.throughput import measure_throughput, throughput_figures
from benchmarks.training_share import measure_training_share
from core.cores import usable_cores
from core.settings import Settings

_REAL_IMAGES = Path(__file__).resolve().parents[2] / "shared" / "data" / "head_ct" / "images"
_COST_FILES = 64
# The first looks at a starting system are not measured to the ms.
_LOOK_S = 0.05


@dataclass(frozen=True)
class Bench:
    """What the measurements share: where they print and write, and how often (a) is repeated.

    `images` is a folder of PNGs to measure with; None for the real ones beside the repository or, where there
    are none, for synthetic ones.
    """

    console: Console
    folder: Path
    rounds: int
    images: Path | None = None

    @cached_property
    def slices(self) -> list[Path]:
        """The images to measure with; none for synthetic ones."""
        folder = self.images or _REAL_IMAGES
        return sorted(folder.rglob("*.png")) if folder.is_dir() else []

    @cached_property
    def source(self) -> ImageSource:
        which = f"{len(self.slices)} slices of a folder" if self.slices else "synthetic slices"
        self.console.print(f"PNGs: {which}.")
        return ImageSource(self.slices)

    @cached_property
    def dicom(self) -> DicomSource:
        """DICOM files to measure with."""
        return DicomSource()


def measure(bench: Bench, letters: set[str]) -> Figures:
    """Measure these letters; those that need a running system share one, each in its turn.

    Raises
    ------
    BenchmarkFailed
    """
    figures: Figures = {}
    for letter, alone in ALONE.items():
        if letter in letters:
            figures |= alone(bench)
    if letters - ALONE.keys():
        began = time.perf_counter()
        with running_system(bench.folder / "home", next(bench.source.files(1))) as system:
            system.wait_for(1, _LOOK_S)
            figures["up_to_first_result_seconds"] = time.perf_counter() - began  # (f)
            for letter, running in RUNNING.items():
                if letter in letters:
                    figures |= running(bench, system)
            system.check_results()
    return figures


def _results(bench: Bench) -> Figures:
    figures, imported = measure_results(bench.folder / "results")
    if imported:
        bench.console.print("[red](e) headct results imports TensorFlow; it must not.[/]")
    return figures


def _cost(bench: Bench) -> Figures:
    cost = measure_cost(bench.slices or bench.source.write(bench.folder / "cost", _COST_FILES))
    print_parts(bench.console, "(h) an image in a chunk of 16, one core", "ms", list(cost._asdict().items()))
    return {"cost_over_decoding": (cost.preprocessing + cost.network) / cost.pillow}


def _replaced_child(bench: Bench) -> Figures:
    seconds = measure_replaced_child(bench.folder / "replaced", bench.source)
    bench.console.print(f"(i) by kill: {', '.join(f'{one:.2f}' for one in seconds)} s")
    return median_figure("child_first_image_seconds", seconds)


def _demo(bench: Bench) -> Figures:
    return {"demo_seconds": measure_demo(bench.folder / "demo")}


def _throughput(bench: Bench, system: RunningSystem) -> Figures:
    settings, figures = Settings(home=system.home.root), Figures()
    with bare_limit(settings) as limit, plain_loop(usable_cores()) as plain:
        for kind, prefix, source in (("PNG", "", bench.source), ("DICOM", "dicom_", bench.dicom)):
            rounds = measure_throughput(
                system, source, bench.folder / "scratch", (limit, plain), bench.rounds
            )
            said = [
                (f"{one.system:.0f}/s of {one.limit:.0f}/s and {one.plain_loop:.0f}/s:", one.ratio)
                for one in rounds
            ]
            heading = (
                f"(a) {kind}, {source.mean_bytes / 1000:.0f} kB in the mean; system of limit and plain loop"
            )
            print_parts(bench.console, heading, "", said)
            figures |= throughput_figures(rounds, prefix)
    return figures


def _memory(bench: Bench, system: RunningSystem) -> Figures:
    memory = measure_memory(system)
    print_parts(bench.console, "(d) memory", "MB", [(one.name, one.rss_mb) for one in memory])
    return {
        "child_rss_mb": max(one.rss_mb for one in memory if one.name == CLASSIFY_CHILD),
        "other_rss_mb": max(one.rss_mb for one in memory if one.name != CLASSIFY_CHILD),
    }


def _latency(bench: Bench, system: RunningSystem) -> Figures:
    middle, slow = measure_latency(system, bench.source)
    dicom_middle, dicom_slow = measure_latency(system, bench.dicom)
    return {
        "latency_p50_ms": middle,
        "latency_p99_ms": slow,
        "dicom_latency_p50_ms": dicom_middle,
        "dicom_latency_p99_ms": dicom_slow,
    }


def _study(bench: Bench, system: RunningSystem) -> Figures:
    return median_figure("study_seconds", measure_study(system, bench.dicom))


def _idle_cpu(bench: Bench, system: RunningSystem) -> Figures:
    used = measure_idle_cpu(system)
    print_parts(bench.console, "(c) idle CPU", "%", sorted(used.items(), key=lambda item: -item[1]))
    return {"idle_cpu_percent": sum(used.values())}


def _training_share(bench: Bench, system: RunningSystem) -> Figures:
    share = measure_training_share(system, bench.source, bench.folder / "scratch")
    return {
        "throughput_while_training": share.ratio,
        "latency_p99_while_training_ms": share.latency_p99_ms,
    }


def _switch(bench: Bench, system: RunningSystem) -> Figures:
    switches = measure_switch(system, bench.source)
    said = ", ".join(f"{one.from_return:.2f} ({one.from_start:.2f})" for one in switches)
    bench.console.print(f"(j) from the return of promote (from its start): {said} s")
    return median_figure("switch_seconds", [one.from_return for one in switches]) | median_figure(
        "switch_from_start_seconds", [one.from_start for one in switches]
    )


ALONE: dict[str, Callable[[Bench], Figures]] = {
    "e": _results,
    "h": _cost,
    "i": _replaced_child,
    "k": _demo,
}
"""Need no running system, or one of their own."""

RUNNING: dict[str, Callable[[Bench, RunningSystem], Figures]] = {
    "a": _throughput,
    "d": _memory,  # after the load
    "b": _latency,
    "l": _study,
    "c": _idle_cpu,
    "g": _training_share,
    "j": _switch,
}
"""Share one running system, whose start is (f), and run in this order."""

LETTERS = "".join(sorted([*ALONE, "f", *RUNNING]))
