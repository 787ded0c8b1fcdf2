"""The figures beside what they must reach."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from benchmarks.medians import Figures


@dataclass(frozen=True)
class Target:
    """What one figure must reach: at least `value`, or at most `value` where `at_most`.

    Attributes
    ----------
    value
        None where the figure is only stated.
    aim
        What would be better still.
    """

    key: str
    name: str
    unit: str
    value: float | None
    aim: float | None = None
    at_most: bool = True

    def met(self, figure: float) -> bool:
        """Whether the figure reaches it."""
        if self.value is None:
            return True
        return figure <= self.value if self.at_most else figure >= self.value

    @property
    def bound(self) -> str:
        """What it must reach, to print."""
        if self.value is None:
            return "stated"
        return f"{'<=' if self.at_most else '>='} {self.value:g} {self.unit}".strip()


TARGETS = (
    Target("plain_loop_ratio", "(a) system over the plain loop", "", 1.0, 1.4, at_most=False),
    Target("throughput_ratio", "(a) system over the bare limit", "", 0.80, 0.90, at_most=False),
    Target("dicom_plain_loop_ratio", "(a) DICOM: system over the plain loop", "", None, 1.0, at_most=False),
    Target("dicom_throughput_ratio", "(a) DICOM: system over the bare limit", "", 0.75, 0.90, at_most=False),
    Target("latency_p50_ms", "(b) latency of one PNG, p50", "ms", 50, 30),
    Target("latency_p99_ms", "(b) latency of one PNG, p99", "ms", 120, 80),
    Target("dicom_latency_p50_ms", "(b) latency of one DICOM slice, p50", "ms", 80, 50),
    Target("dicom_latency_p99_ms", "(b) latency of one DICOM slice, p99", "ms", 200),
    Target("idle_cpu_percent", "(c) idle CPU, of one core", "%", 1.9, 1.5),
    Target("child_rss_mb", "(d) memory, largest classify child", "MB", 250, 180),
    Target("other_rss_mb", "(d) memory, largest other process", "MB", 110, 100),
    Target("results_seconds", "(e) headct results, 10,000 rows", "s", 0.6),
    Target("help_over_sqlalchemy", "(e) headct --help over the import of SQLAlchemy", "", 0.6),
    Target("results_over_sqlalchemy", "(e) headct results over the import of SQLAlchemy", "", 1.5, 1.3),
    Target("table_over_csv", "(e) 50,000 results as table over CSV", "", 2.0),
    Target("studies_over_results", "(e) headct studies over results, 1,000 studies", "", 1.0),
    Target("up_to_first_result_seconds", "(f) headct up to the first result", "s", 6, 4),
    Target("throughput_while_training", "(g) throughput with training over without", "", 0.45, at_most=False),
    Target("latency_p99_while_training_ms", "(g) latency while training, p99", "ms", 1000),
    Target("cost_over_decoding", "(h) preprocessing, network over decoding", "", 0.5, 0.35),
    Target("child_first_image_seconds", "(i) killed child to next child's image", "s", 2.5, 1.5),
    Target("switch_seconds", "(j) promote to that version's result", "s", 2, 1),
    Target("study_seconds", "(l) study of 300 slices, folder to final row", "s", 5, 3),
    Target("demo_seconds", "(k) headct demo, second time", "s", 15, 10),
)


def print_figures(console: Console, figures: Figures) -> None:
    """Print the figures that were measured."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("measurement")
    for heading in ("value", "min..max", "must reach", "aim"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for target in TARGETS:
        if target.key in figures:
            figure = figures[target.key]
            verdict = "[green]ok[/]" if target.met(figure) else "[red]short[/]"
            table.add_row(
                target.name,
                f"{figure:.2f} {target.unit}".strip(),
                _spread(figures, target.key),
                target.bound,
                "" if target.aim is None else f"{target.aim:g}",
                "" if target.value is None else verdict,
            )
    console.print(table)


def print_parts(console: Console, heading: str, unit: str, parts: list[tuple[str, float]]) -> None:
    """Print what a figure is made of, in one line."""
    console.print(f"{heading}: " + ", ".join(f"{name} {value:.2f} {unit}".strip() for name, value in parts))


def _spread(figures: Figures, key: str) -> str:
    """How far the rounds were apart, where there were several."""
    least, greatest = figures.get(f"{key}_min"), figures.get(f"{key}_max")
    return "" if least is None or greatest is None else f"{least:.2f}..{greatest:.2f}"
