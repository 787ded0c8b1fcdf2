"""What can be varied in training; saved with the model."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Shares:
    """How often each kind of image is drawn; relative to their sum.

    Attributes
    ----------
    real_normals, synthetic_normals
        Brains without a bleed.
    levels
        Synthetic slices outside the brain's levels, without a bleed.
    real_bleeds, synthetic_bleeds
        Brains with one.
    painted
        Normal brains with a painted bleed.
    """

    real_normals: float = 0.32
    synthetic_normals: float = 0.06
    levels: float = 0.12
    real_bleeds: float = 0.28
    synthetic_bleeds: float = 0.07
    painted: float = 0.15


SYNTHETIC_SHARES = Shares(0.0, 0.28, 0.14, 0.0, 0.34, 0.24)
"""For pretraining, which sees no patient."""


@dataclass(frozen=True)
class Hyperparameters:
    """Passed to every stage that needs one.

    Attributes
    ----------
    seed
        Of the augmentation, the synthetic images and the initial weights.
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
    shares
        What a batch is made of.
    painted_synthetic_share
        Of the normals that bleeds are painted into: synthetic ones.
    decoy_share
        Of the brains: those that get a patch or specks that are no blood.
    synthetic_images
        How many synthetic slices are drawn, if the fit shows as many images.
    heat_weight, level_weight
        Weights of the losses of the heat map and of the level beside that of the label.
    average_momentum
        Of the running average of the weights, which is what is kept.
    """

    seed: int = 1
    epochs: int = 50
    batch_size: int = 16
    learning_rate: float = 1.5e-3
    weight_decay: float = 1e-2
    warm_up: float = 0.06
    label_smoothing: float = 0.01
    dropout: float = 0.3
    shares: Shares = field(default_factory=Shares)
    painted_synthetic_share: float = 0.1
    decoy_share: float = 0.15
    synthetic_images: int = 350
    heat_weight: float = 0.5
    level_weight: float = 0.3
    average_momentum: float = 0.98
