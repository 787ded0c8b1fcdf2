"""`make bench`: measure everything, print a table, write `latest.json` beside this file.

Ends with 0 whenever it could measure: it says what is, a test would say what must be.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from benchmarks.cost import measure_cost
from benchmarks.latency import measure_latency
from benchmarks.processes import CLASSIFY_CHILD, measure_idle_cpu, measure_memory
from benchmarks.report import print_figures, print_parts
from benchmarks.results_command import measure_results
from benchmarks.scans import ScanSource
from benchmarks.system import running_system
from benchmarks.throughput import measure_throughput, median_round
from benchmarks.training_share import measure_training_share
from core.cores import usable_cores
from core.settings import Settings

_LATEST = Path(__file__).with_name("latest.json")
_ALL, _ROUNDS = "abcdefgh", 3
# The first looks at a starting system are not measured to the ms.
_LOOK_S = 0.05


def main() -> None:
    """Run the measurements that were asked for; `latest.json` is only written when all were."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--only", default=_ALL, metavar="LETTERS", help="for example `ab`; default: all")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="of (a); the median counts")
    parser.add_argument("--images", type=Path, help="folder of PNGs for (h); default: synthetic ones")
    arguments = parser.parse_args()
    wanted, rounds = set(arguments.only), arguments.rounds
    os.umask(0o077)  # as the commands of headct, which refuse a home that others may read
    console = Console(highlight=False, soft_wrap=True)
    load = os.getloadavg()[0]
    if load > 0.5:
        console.print(f"The machine is busy (load {load:.1f}): the figures will be worse than the system.")
    with tempfile.TemporaryDirectory(prefix="headct-bench-") as folder:
        figures = _measure(console, Path(folder), wanted, rounds, arguments.images)
    print_figures(console, figures)
    if wanted >= set(_ALL):
        extra = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{platform.machine()}, {usable_cores()} cores, Python {platform.python_version()}",
        }
        _LATEST.write_text(json.dumps(figures | extra, indent=1) + "\n")
        console.print(f"Written to {_LATEST.parent.name}/{_LATEST.name}.")


def _measure(
    console: Console, folder: Path, wanted: set[str], rounds: int, images: Path | None
) -> dict[str, float]:
    source = ScanSource()
    console.print(f"Files: synthetic PNGs, {source.mean_bytes / 1000:.0f} kB in the mean.")
    figures: dict[str, float] = {}
    if "e" in wanted:
        of_results, imported = measure_results(folder / "results")
        figures |= of_results
        if imported:
            console.print("[red](e) headct results imports TensorFlow; it must not.[/]")
    if "h" in wanted:
        cost = measure_cost(sorted(images.rglob("*.png")) if images else source.write(folder / "cost", 64))
        parts = list(zip(("decoding", "preprocessing", "network"), cost, strict=True))
        print_parts(console, "(h) an image in a chunk of 16, on one core", "ms", parts)
        figures["cost_over_decoding"] = (cost[1] + cost[2]) / cost[0]
    if wanted - {"e", "h"}:
        figures |= _measure_system(console, folder, wanted, rounds, source)
    return figures


def _measure_system(
    console: Console, folder: Path, wanted: set[str], rounds: int, source: ScanSource
) -> dict[str, float]:
    figures: dict[str, float] = {}
    root = folder / "home"
    began = time.perf_counter()
    with running_system(root, next(source.files(1))) as system:
        system.wait_for(1, _LOOK_S)
        figures["up_to_first_result_seconds"] = time.perf_counter() - began
        if "a" in wanted:
            settings = Settings(home=root)
            measured = measure_throughput(system, source, folder / "scratch", settings, rounds)
            print_parts(
                console,
                "(a) ratio by round",
                "",
                [(f"{r.system:.0f} of {r.limit:.0f}/s:", r.ratio) for r in measured],
            )
            middle = median_round(measured)
            figures["throughput_ratio"] = middle.ratio
            figures["images_per_second"], figures["limit_images_per_second"] = middle.system, middle.limit
        if "d" in wanted:
            memory = measure_memory(system)
            print_parts(console, "(d) memory", "MB", [(one.name, one.rss_mb) for one in memory])
            figures["child_rss_mb"] = max(one.rss_mb for one in memory if one.name == CLASSIFY_CHILD)
            figures["other_rss_mb"] = max(one.rss_mb for one in memory if one.name != CLASSIFY_CHILD)
        if "b" in wanted:
            figures["latency_p50_ms"], figures["latency_p99_ms"] = measure_latency(system, source)
        if "c" in wanted:
            used = measure_idle_cpu(system)
            print_parts(console, "(c) idle CPU", "%", sorted(used.items(), key=lambda item: -item[1]))
            figures["idle_cpu_percent"] = sum(used.values())
        if "g" in wanted:
            share = measure_training_share(system, source, folder / "scratch")
            figures["throughput_while_training"] = share.ratio
            figures["latency_p99_while_training_ms"] = share.latency_p99_ms
        if system.rejected():
            console.print(f"[red]{system.rejected()} files were rejected: the figures do not count.[/]")
    return figures


if __name__ == "__main__":
    main()
