"""`headct evaluate` prints figures with what they mean, and writes them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cli.evaluation import print_recipes, print_version
from cli.main import app
from core.home import Home
from tests.labelled import images_by_label, write_table
from training.calibrate import calibrate
from training.crossfitting import judge_held_out, measure_repeats
from training.crossvalidation import CrossValidation, Plan
from training.evaluate import measure
from training.judged import Judged


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def test_recipes_are_compared_in_the_same_folds(
    home_in_use: Home, synthetic_images: Path, tmp_path: Path
) -> None:
    written = tmp_path / "figures.json"
    code, said = run(
        *("evaluate", "--cv", "--images", str(synthetic_images), "--folds", "2", "--repeats", "2"),
        *("--recipe", "cues", "--recipe", "majority", "--processes", "1", "-o", str(written)),
    )
    assert code == 0, said
    for words in ("cues", "majority", "AUC", "cross-fitting", "No patient is in two folds", "Research use"):
        assert words in said
    values = json.loads(written.read_text(encoding="utf-8"))
    assert values["metrics"]["cues"]["images"] == 24
    assert values["plan"]["grouped"] is True
    assert len(values["logits"]["majority"]) == 2


def test_each_source_is_held_out_in_turn_with_figures_of_its_studies(
    home_in_use: Home, synthetic_images: Path, tmp_path: Path
) -> None:
    for source in range(2):
        folder, lines = tmp_path / f"source {source}", []
        folder.mkdir()
        for label, files in images_by_label(synthetic_images).items():
            for number, file in enumerate(files[6 * source : 6 * source + 6]):
                shutil.copy(file, folder)
                lines.append(f"{file.name},{label},p{source}{number % 2},{len(lines)}")
        write_table(folder, lines, "filename,label,group,slice")
    written = tmp_path / "figures.json"
    code, said = run(
        *("evaluate", "--cv", "--by-source", "--recipe", "cues", "--processes", "1", "-o", str(written)),
        *("--images", str(tmp_path / "source 0"), "--images", str(tmp_path / "source 1")),
    )
    assert code == 0, said
    for words in ("source 0", "source 1", "upper third", "studies: AUC", "Each source held out in turn"):
        assert words in said
    values = json.loads(written.read_text(encoding="utf-8"))
    assert values["metrics"] == {}
    assert values["by_part"]["source 1"]["cues"]["images"] == 12
    assert values["by_part"]["source 1"]["cues"]["of_studies"]["studies"] == 4
    thirds = [values["by_part"][f"source 1, {name} third"]["cues"] for name in ("lower", "middle", "upper")]
    assert sum(one["images"] for one in thirds) == 12
    assert not any("of_studies" in one for one in thirds)


def test_a_patient_of_two_sources_is_told(home_in_use: Home, synthetic_images: Path, tmp_path: Path) -> None:
    for source in "ab":
        (tmp_path / source).mkdir()
        lines = []
        for label, files in images_by_label(synthetic_images).items():
            for number, file in enumerate(files["ab".index(source) :: 2][:6]):
                shutil.copy(file, tmp_path / source)
                lines.append(f"{file.name},{label},{'both' if number == 0 else f'{source}{len(lines)}'}")
        write_table(tmp_path / source, lines, "filename,label,group")
    folders = [f"--images={tmp_path / source}" for source in "ab"]
    code, said = run("evaluate", "--cv", "--by-source", "--recipe", "majority", "--processes", "1", *folders)
    assert code == 0, said
    assert "Patients that stand in several sources: 1." in " ".join(said.split())


def test_choosing_by_the_data_set_leaves_its_test_split_alone(
    home_in_use: Home, synthetic_images: Path, tmp_path: Path
) -> None:
    assert run("dataset", "import", str(synthetic_images))[0] == 0
    asked = ("--recipe", "majority", "--folds", "2", "--processes", "1", "-o", str(tmp_path / "figures.json"))
    code, said = run("evaluate", "--cv", *asked)
    assert code == 0, said
    assert run("evaluate", "-o", str(tmp_path / "test.json"))[0] == 0
    chosen, tested = (
        json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8")) for name in ("figures", "test")
    )
    of_test = tested["metrics"]["images"]
    assert of_test > 0
    assert chosen["metrics"]["majority"]["images"] == 24 - of_test


def test_the_version_in_use_is_evaluated_on_the_test_part(home_in_use: Home, synthetic_images: Path) -> None:
    assert run("dataset", "import", str(synthetic_images))[0] == 0
    code, said = run("evaluate")
    assert code == 0, said
    for words in ("sensitivity", "last look only", "was fit on public images", "Research use"):
        assert words in said


def test_a_version_or_recipe_that_is_certain_of_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    targets, groups = np.arange(12) % 2, np.array([f"p{i}" for i in range(12)])
    logits, far = np.linspace(-1.0, 1.0, 12), np.full(12, 9.0)
    point = calibrate(logits, targets, far, domain_limit=1.0)
    metrics = measure(targets, Judged.by(point, logits, far), groups, seed=1, repeats=20)
    print_version("site-1", metrics, shipped=False)
    folds = np.arange(12)[np.newaxis] % 3
    found = CrossValidation(targets, groups, folds, logits[np.newaxis], far[np.newaxis], np.ones((1, 12)))
    of_recipe = measure_repeats(found, judge_held_out(found, 0.95), seed=1, repeats=20)
    print_recipes({"headct": of_recipe}, {}, Plan(3, 1), 0.95)
    assert metrics["not_assessed_share"] == of_recipe["not_assessed_share"] == 1.0
    assert metrics["error_share_of_certain"] is of_recipe["error_share_of_certain"] is None
    said = capsys.readouterr().out
    assert "6 missed (6 not assessed)" in said
    assert "0 of 6 errors are called hemorrhage or normal" in said


def test_the_version_in_use_is_evaluated_on_studies(
    home_in_use: Home, synthetic_images: Path, tmp_path: Path
) -> None:
    for label, files in images_by_label(synthetic_images).items():
        for number, file in enumerate(files[:6]):
            (tmp_path / f"{label} {number % 2}").mkdir(exist_ok=True)
            shutil.copy(file, tmp_path / f"{label} {number % 2}")
    labels = ("normal", "hemorrhage")
    write_table(tmp_path, [f"{label} {n},{label}" for label in labels for n in range(2)], "study,label")
    code, said = run("evaluate", "--studies", str(tmp_path), "-o", str(tmp_path / "figures.json"))
    assert code == 0, said
    assert "4 studies of 4 patients, 2 without a bleed, by the rule mean3-3" in " ".join(said.split())
    assert json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))["metrics"]["studies"] == 4


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--epochs", "1"], "goes with --cv only"),
        (["--by-source"], "goes with --cv only"),
        (["--cv", "--by-source", "--random"], "does not go with --random"),
        (["--cv", "--model", "x"], "does not go with --cv"),
        (["--cv", "--recipe", "magic"], "there are headct"),
        (["--cv", "--studies", "x"], "does not go with --studies"),
    ],
)
def test_options_that_do_not_go_together_are_told(home_in_use: Home, arguments: list[str], why: str) -> None:
    code, said = run("evaluate", *arguments)
    assert code == 2
    assert why in said
