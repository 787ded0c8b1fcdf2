"""What can be varied in training; saved with the model."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Shares:
    """How often each kind of image is drawn; relative to their sum. Images without their paint come on top.

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

    real_normals: float = 0.29
    synthetic_normals: float = 0.04
    levels: float = 0.09
    real_bleeds: float = 0.25
    synthetic_bleeds: float = 0.07
    painted: float = 0.27


SYNTHETIC_SHARES = Shares(0.0, 0.28, 0.14, 0.0, 0.28, 0.30)
"""For pretraining, which sees no patient."""


EPOCHS = 50


@dataclass(frozen=True)
class Hyperparameters:
    """Passed to every stage that needs one.

    Attributes
    ----------
    seed
        Of the augmentation, the synthetic images and the initial weights.
    epochs
        An epoch shows about as many images as there are real training images. None: 50, and of many images
        fewer, so that there are no more than `most_steps` batches, or one epoch.
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
    thin_share
        Of the painted bleeds: thin or small ones (`training.thin_bleeds`).
    twin_share
        Of the painted bleeds: those whose image comes next without the paint, so that it is the blood that
        tells, not the level.
    decoy_share
        Of the brains: those that get a patch or specks that are no blood.
    synthetic_images
        How many synthetic slices are drawn, if the fit shows four times as many images.
    heat_weight, level_weight
        Weights of the losses of the heat map and of the level beside that of the label.
    average_momentum
        Of the running average of the weights, which is what is kept.
    """

    seed: int = 1
    epochs: int | None = None
    most_steps: int = 2500
    batch_size: int = 16
    learning_rate: float = 1.5e-3
    weight_decay: float = 1e-2
    warm_up: float = 0.06
    label_smoothing: float = 0.01
    dropout: float = 0.3
    shares: Shares = field(default_factory=Shares)
    painted_synthetic_share: float = 0.1
    thin_share: float = 0.8
    twin_share: float = 0.5
    decoy_share: float = 0.15
    synthetic_images: int = 1000
    heat_weight: float = 1.0
    level_weight: float = 0.3
    average_momentum: float = 0.98

    def epochs_of(self, steps: int) -> int:
        """How many epochs of so many steps there are."""
        return self.epochs or min(EPOCHS, max(1, self.most_steps // steps))
