import io

from rich.console import Console

from benchmarks.medians import median_figure
from benchmarks.report import Target, print_figures


def printed(figures: dict[str, float]) -> list[str]:
    console = Console(file=io.StringIO(), width=120)
    print_figures(console, figures)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()[1:]


def test_a_bound_is_met_from_its_own_side() -> None:
    at_most, at_least = Target("a", "", "s", 2), Target("b", "", "", 0.8, at_most=False)
    assert [at_most.met(figure) for figure in (1.9, 2.0, 2.1)] == [True, True, False]
    assert [at_least.met(figure) for figure in (0.7, 0.8, 0.9)] == [False, True, True]


def test_a_figure_is_printed_with_spread_bound_aim_and_verdict() -> None:
    [line] = printed(median_figure("plain_loop_ratio", [1.3, 0.9, 1.1]))
    assert line.split("plain loop")[1].split() == ["1.10", "0.90..1.30", ">=", "1", "1.4", "ok"]
    [line] = printed({"demo_seconds": 20.0})
    assert line.split("second time")[1].split() == ["20.00", "s", "<=", "15", "s", "10", "short"]


def test_a_figure_without_a_bound_has_no_verdict() -> None:
    [line] = printed({"dicom_plain_loop_ratio": 0.1})
    assert line.split("plain loop")[1].split() == ["0.10", "stated", "1"]


def test_the_median_of_an_even_number_of_rounds_lies_between_the_middle_ones() -> None:
    assert median_figure("key", [4.0, 1.0, 2.0, 10.0]) == {"key": 3.0, "key_min": 1.0, "key_max": 10.0}
