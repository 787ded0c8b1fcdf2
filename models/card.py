"""What is known about one model version, kept beside its weights as `model.json`."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from models.constants import Preprocessing

CLASSES: Final = ("normal", "hemorrhage")
"""Order of the softmax columns; also the words of `labels.csv`."""


@dataclass(frozen=True)
class ModelCard:
    """One model version.

    Attributes
    ----------
    version
        Unique name; the folder in the model store.
    weights_sha256
        SHA-256 of the weights file in lower-case hexadecimal. No other file is ever loaded.
    parameters
        Number of weights of the network.
    threshold
        A scan is labelled hemorrhage from this probability on; 0..1.
    preprocessing
        Constants that the weights were trained with.
    created_at
        UTC, ISO 8601.
    seed
        Seed of the split, the augmentation and the initial weights.
    data_fingerprint
        SHA-256 over contents, labels and groups of the training data.
    protocol
        In words, how the metrics came about.
    hyperparameters, metrics, baselines
        Names to values. Metrics are fractions (0..1) but for the log loss (nats); `<name>_ci95` is a pair.
    """

    version: str
    weights_sha256: str
    parameters: int
    threshold: float
    preprocessing: Preprocessing
    created_at: str
    seed: int
    data_fingerprint: str
    protocol: str
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    baselines: dict[str, Any] = field(default_factory=dict)

    def label(self, probability: float) -> str:
        """`hemorrhage` or `normal`."""
        return CLASSES[probability >= self.threshold]

    def to_json(self) -> str:
        """The card as an indented JSON object."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "ModelCard":
        """The card as `to_json` wrote it."""
        values = json.loads(text)
        return cls(**{**values, "preprocessing": Preprocessing.from_dict(values["preprocessing"])})

    @classmethod
    def read(cls, path: Path) -> "ModelCard":
        """The card in that file."""
        return cls.from_json(path.read_text(encoding="utf-8"))
