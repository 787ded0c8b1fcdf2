"""What can be varied in training; saved with the model."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Hyperparameters:
    """Passed to every stage that needs one.

    Attributes
    ----------
    seed
        Of the split, the augmentation and the initial weights.
    epochs
        An epoch shows about as many images as there are real training images.
    batch_size
        Images per step.
    learning_rate, weight_decay
        Of AdamW; the rate rises for `warm_up` of the steps, then falls along a cosine to zero.
    label_smoothing
        Share of the target that is spread over both classes.
    dropout
        See `models.network.build_network`.
    normal_share, painted_share
        Of each batch: normals, and normals with a painted bleed; the rest are real bleeds.
    synthetic_share
        Of normals and of bleeds: taken from synthetic scans.
    synthetic_scans
        How many synthetic scans are drawn, half of them normal.
    heat_weight
        Weight of the heat map's loss beside that of the label.
    average_momentum
        Of the running average of the weights, which is what is kept.
    """

    seed: int = 1
    epochs: int = 70
    batch_size: int = 16
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    warm_up: float = 0.05
    label_smoothing: float = 0.05
    dropout: float = 0.3
    normal_share: float = 0.5
    painted_share: float = 0.17
    synthetic_share: float = 0.2
    synthetic_scans: int = 200
    heat_weight: float = 0.5
    average_momentum: float = 0.98
