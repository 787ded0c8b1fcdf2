"""Whether the extra `train` is installed: TensorFlow, and what makes serving graphs."""

import importlib.util

from core.errors import TrainingNotInstalled

_TRAINS = ("tensorflow", "keras", "onnx", "tf2onnx", "sklearn", "matplotlib", "jinja2")


def can_train() -> bool:
    """Whether all of it is there, without importing any."""
    return all(importlib.util.find_spec(name) is not None for name in _TRAINS)


def require_training() -> None:
    """Refuse what needs it where it is not installed.

    Raises
    ------
    TrainingNotInstalled
    """
    if not can_train():
        raise TrainingNotInstalled(
            "This needs the extra `train` (TensorFlow), which is not installed here. Install it (`make up` "
            "does), or run the command on a machine that has it."
        )
