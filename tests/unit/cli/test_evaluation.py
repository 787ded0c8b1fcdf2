"""`headct evaluate` prints figures with what they mean, and writes them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from core.home import Home


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def test_recipes_are_compared_in_the_same_folds(
    home_in_use: Home, synthetic_scans: Path, tmp_path: Path
) -> None:
    written = tmp_path / "figures.json"
    code, said = run(
        *("evaluate", "--cv", "--images", str(synthetic_scans), "--folds", "2", "--repeats", "2"),
        *("--recipe", "cues", "--recipe", "majority", "--processes", "1", "-o", str(written)),
    )
    assert code == 0, said
    for words in ("cues", "majority", "AUC", "cross-fitting", "No patient is in two folds", "Research use"):
        assert words in said
    values = json.loads(written.read_text(encoding="utf-8"))
    assert values["metrics"]["cues"]["images"] == 24
    assert values["plan"]["grouped"] is True
    assert len(values["logits"]["majority"]) == 2


def test_the_version_in_use_is_evaluated_on_the_test_part(home_in_use: Home, synthetic_scans: Path) -> None:
    assert run("dataset", "import", str(synthetic_scans))[0] == 0
    code, said = run("evaluate")
    assert code == 0, said
    for words in ("sensitivity", "last look only", "was fit on public images", "Research use"):
        assert words in said


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--epochs", "1"], "goes with --cv only"),
        (["--cv", "--model", "x"], "does not go with --cv"),
        (["--cv", "--recipe", "magic"], "there are headct"),
    ],
)
def test_options_that_do_not_go_together_are_told(home_in_use: Home, arguments: list[str], why: str) -> None:
    code, said = run("evaluate", *arguments)
    assert code == 2
    assert why in said
