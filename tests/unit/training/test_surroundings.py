"""A fit amid the settings of other programs is the fit without them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.other_programs import other_programs
from tests.unit.training.short_fit import fitted

_ELSEWHERE = """
import json, sys
from core.surroundings import shut_out
shut_out()
from training.quiet import load_tensorflow
load_tensorflow()
sys.path.insert(0, sys.argv[1])
from tests.unit.training.short_fit import fitted
print(json.dumps(fitted()))
"""


def test_a_fit_is_the_same_amid_the_settings_of_other_programs(tmp_path: Path) -> None:
    folder, repository = tmp_path / "folder", str(Path(__file__).parents[3])
    amid = subprocess.Popen(
        [sys.executable, "-I", "-c", _ELSEWHERE, repository],
        env=other_programs(folder, tmp_path / "user"),
        cwd=folder,
        stdout=subprocess.PIPE,
    )
    alone, beside = fitted(), json.loads(amid.communicate(timeout=120)[0])
    assert alone["bytes"] == beside["bytes"] == [4]
    assert np.allclose(alone["logits"], beside["logits"], rtol=0, atol=1e-5)
