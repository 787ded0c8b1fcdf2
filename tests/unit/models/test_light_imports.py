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
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    root = Path(__file__).parents[3]
    found = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
