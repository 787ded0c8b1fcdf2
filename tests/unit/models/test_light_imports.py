"""Who classifies, or only looks at the store or a file, never pays for TensorFlow."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("tensorflow", "keras", "sklearn", "pydicom")


@pytest.mark.parametrize(
    "module",
    [
        "models.store",
        "images.dicom",
        "images.decoding",
        "images.preprocessing",
        "models.classifier",
        "models.explain",
        "training.phantoms.synthetic",
        "training.dataset",
    ],
)
def test_the_module_is_imported_without_tensorflow_scikit_learn_and_pydicom(module: str) -> None:
    assert said(f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])") == "[]"


def test_what_classifies_loads_nothing_of_what_trains() -> None:
    code = """
import sys
import worker.classification, models.explain
from models.classifier import Classifier
from models.store import shipped_model
Classifier.load(shipped_model()).warm_up()
trains = ("tensorflow", "keras", "onnx", "tf2onnx", "sklearn", "matplotlib", "scipy")
print([name for name in trains if name in sys.modules])
"""
    assert said(code) == "[]"


def test_a_trainer_gets_what_keras_does_without() -> None:
    code = """
import sys
from training.quiet import UNUSED, load_tensorflow
load_tensorflow()
print([name for name in (*UNUSED, "scipy.stats") if name in sys.modules])
import matplotlib, sklearn
"""
    assert said(code) == "[]"


def said(code: str) -> str:
    """What this Python prints, run in a process of its own."""
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()
