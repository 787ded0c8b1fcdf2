"""What is known about one model version, kept beside its weights as `model.json`."""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from images.constants import Preprocessing
from models.labels import (
    BETWEEN_BOUNDS,
    CLASSES,
    NOT_ASSESSED,
    OUTSIDE_DOMAIN,
    UNCERTAIN,
    LabelReason,
)
from models.study_rule import SHIPPED_RULE, StudyRule


@dataclass(frozen=True)
class Decision:
    """What is said of one image.

    Attributes
    ----------
    probability
        Of a hemorrhage, calibrated; 0..1.
    label
        `normal`, `hemorrhage`, `uncertain` or `not assessed`.
    reason
        Why it is one of the last two; None otherwise.
    """

    probability: float
    label: str
    reason: LabelReason | None = None


@dataclass(frozen=True)
class OperatingPoint:
    """From what the network says to a label. All of it is chosen on the validation split.

    Attributes
    ----------
    temperature
        The network's log-odds are divided by it (Guo et al. 2017, arXiv:1706.04599); positive.
    threshold
        Calibrated probability from which on an image counts as hemorrhage; 0..1.
    uncertain_low, uncertain_high
        Bounds around the threshold: from the one up to, but without, the other the label is `uncertain`.
        Equal bounds leave no such band.
    target_sensitivity
        Sensitivity that the threshold was chosen for; 0..1, None where it was chosen otherwise.
    domain_limit
        Greatest distance from what the network has learnt (see `models.network`) that gets a label; None
        where the version has no such guard.
    """

    temperature: float
    threshold: float
    uncertain_low: float
    uncertain_high: float
    target_sensitivity: float | None = None
    domain_limit: float | None = None

    def probability(self, logit: float) -> float:
        """Calibrated P(hemorrhage) in 0..1 of the network's log-odds; NaN stays NaN."""
        scaled = logit / self.temperature
        if scaled >= 0.0:
            return 1.0 / (1.0 + math.exp(-scaled))
        return math.exp(scaled) / (1.0 + math.exp(scaled))

    def decide(self, logit: float, distance: float) -> Decision:
        """Probability and label of the network's log-odds and the distance from what it has learnt."""
        probability = self.probability(logit)
        if self.domain_limit is not None and distance > self.domain_limit:
            return Decision(probability, NOT_ASSESSED, OUTSIDE_DOMAIN)
        if self.uncertain_low <= probability < self.uncertain_high:
            return Decision(probability, UNCERTAIN, BETWEEN_BOUNDS)
        return Decision(probability, CLASSES[probability >= self.threshold])


@dataclass(frozen=True)
class ModelCard:
    """One model version.

    Attributes
    ----------
    version
        Unique name; the folder in the model store.
    weights_sha256, graph_sha256
        SHA-256 of the weights and of the serving graph in lower-case hexadecimal. No other files are ever
        loaded. The second is empty until `headct models convert` has made the graph of a version of release
        0.1.
    parameters
        Number of weights of the network.
    operating_point
        How its output becomes a label.
    preprocessing
        Constants that the weights were trained with.
    created_at
        UTC, ISO 8601.
    seed
        Seed of the augmentation and the initial weights.
    data_fingerprint
        SHA-256 over contents, labels, groups and parts of the training data.
    protocol
        In words, how the metrics came about.
    hyperparameters, metrics, baselines
        Names to values. Metrics are fractions (0..1) but for the log loss (nats); `<name>_ci95` is a pair.
    study_rule
        How its slices' probabilities become a study's.
    statement
        In words: intended use, data, known failures, what is refused. Empty in cards of older releases.
    gate
        How it compared with the version in use when it was made: `incumbent`, `promote`, `rule`, `numbers`;
        empty where it was not compared.
    """

    version: str
    weights_sha256: str
    parameters: int
    operating_point: OperatingPoint
    preprocessing: Preprocessing
    created_at: str
    seed: int
    data_fingerprint: str
    protocol: str
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    baselines: dict[str, Any] = field(default_factory=dict)
    gate: dict[str, Any] = field(default_factory=dict)
    graph_sha256: str = ""
    study_rule: StudyRule = SHIPPED_RULE
    statement: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """The card as an indented JSON object."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "ModelCard":
        """The card as `to_json` wrote it."""
        values = json.loads(text)
        values["preprocessing"] = Preprocessing.from_dict(values["preprocessing"])
        values["operating_point"] = OperatingPoint(**values["operating_point"])
        if "study_rule" in values:  # not in cards of release 0.1
            values["study_rule"] = StudyRule(**values["study_rule"])
        return cls(**values)

    @classmethod
    def read(cls, path: Path) -> "ModelCard":
        """The card in that file."""
        return cls.from_json(path.read_text(encoding="utf-8"))
