"""The figures beside what they must reach."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Target:
    """What one figure must reach: at least `value`, or at most `value` where `at_most`."""

    key: str
    name: str
    unit: str
    value: float
    at_most: bool = True

    def met(self, figure: float) -> bool:
        """Whether the figure reaches it."""
        return figure <= self.value if self.at_most else figure >= self.value


TARGETS = (
    Target("throughput_ratio", "(a) whole system over the bare limit", "", 0.80, at_most=False),
    Target("latency_p50_ms", "(b) latency of one PNG, p50", "ms", 150),
    Target("latency_p99_ms", "(b) latency of one PNG, p99", "ms", 500),
    Target("idle_cpu_percent", "(c) idle CPU, of one core", "%", 3),
    Target("child_rss_mb", "(d) memory, largest classify child", "MB", 750),
    Target("other_rss_mb", "(d) memory, largest other process", "MB", 150),
    Target("results_seconds", "(e) headct results, 10,000 rows", "s", 0.6),
    Target("help_over_sqlalchemy", "(e) headct --help over the import of SQLAlchemy", "", 0.6),
    Target("results_over_sqlalchemy", "(e) headct results over the import of SQLAlchemy", "", 1.5),
    Target("table_over_csv", "(e) 50,000 results as table over CSV", "", 2.0),
    Target("up_to_first_result_seconds", "(f) headct up to the first result", "s", 20),
    Target(
        "throughput_while_training",
        "(g) throughput while training, over that without",
        "",
        0.45,
        at_most=False,
    ),
    Target("latency_p99_while_training_ms", "(g) latency while training, p99", "ms", 1000),
    Target("cost_over_decoding", "(h) preprocessing and network over decoding", "", 1.0),
)


def print_figures(console: Console, figures: dict[str, float]) -> None:
    """Print the figures that were measured."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("measurement", no_wrap=True)
    for heading in ("value", "must reach"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for target in TARGETS:
        if target.key in figures:
            figure = figures[target.key]
            bound = f"{'at most' if target.at_most else 'at least'} {target.value:g} {target.unit}".strip()
            verdict = "[green]ok[/]" if target.met(figure) else "[red]short[/]"
            table.add_row(target.name, f"{figure:.2f} {target.unit}".strip(), bound, verdict)
    console.print(table)


def print_parts(console: Console, heading: str, unit: str, parts: list[tuple[str, float]]) -> None:
    """Print what a figure is made of, in one line."""
    console.print(f"{heading}: " + ", ".join(f"{name} {value:.2f} {unit}" for name, value in parts))
