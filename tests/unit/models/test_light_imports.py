"""Who only looks at the store or a file never pays for TensorFlow."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("tensorflow", "keras", "sklearn", "pydicom")


@pytest.mark.parametrize(
    "module",
    [
        "models.store",
        "models.dicom",
        "models.decoding",
        "models.preprocessing",
        "training.phantoms.synthetic",
        "training.dataset",
    ],
)
def test_the_module_is_imported_without_tensorflow_scikit_learn_and_pydicom(module: str) -> None:
    assert said(f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])") == "[]"


def test_a_process_that_classifies_has_nothing_that_only_training_needs_and_a_trainer_gets_it() -> None:
    code = """
import sys
from models.quiet import UNUSED, load_tensorflow
load_tensorflow()
import models.classifier
print([name for name in (*UNUSED, "scipy.stats") if name in sys.modules])
import matplotlib, sklearn
"""
    assert said(code) == "[]"


def said(code: str) -> str:
    """What this Python prints, run in a process of its own."""
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()
