"""A loaded model version: from bytes to the log-odds of a hemorrhage, the guard's distance and the heat."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import HeadlessCt, NotACtSlice
from core.reasons import ReasonCode
from images.decoding import DEFAULT_MAX_PIXELS, GreyImage, decode
from images.noted import Noted
from images.preprocessors import preprocessor_of
from models.card import Decision, ModelCard
from models.serving import OUTPUTS, load_session
from models.store import StoredModel, verified_graph

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_BATCH = 8
"""Images that the network sees at once: of more its layers outgrow the processor's cache."""
_WARM_BATCH_SIZES = (1, _BATCH)
_HEADLESS = (ReasonCode.BLANK, ReasonCode.NO_HEAD, ReasonCode.NO_BRAIN)


@dataclass(frozen=True)
class Scores:
    """The network's output for N images.

    Attributes
    ----------
    logits
        float64 (N,), log-odds of a hemorrhage, not calibrated.
    distances
        float64 (N,), how far each image is from what the network has learnt; 0 is typical.
    heat
        float32 (N, h, w), log-odds of a bleed in each cell of the image; see `models.explain`.
    """

    logits: NDArray[np.float64]
    distances: NDArray[np.float64]
    heat: NDArray[np.float32]


class Classifier:
    """A network in memory, run by ONNX Runtime."""

    def __init__(self, card: ModelCard, session: "InferenceSession") -> None:
        self.card = card
        self._session = session
        self._input = session.get_inputs()[0].name
        self._prepare = preprocessor_of(card.preprocessing).prepare

    @classmethod
    def load(cls, stored: StoredModel, threads: int = 1) -> "Classifier":
        """Load the serving graph of a version, once its SHA-256 is the registered one.

        Parameters
        ----------
        stored
            As the model store gives it.
        threads
            Threads of this process for the network; one a process is fastest for a small CNN.

        Raises
        ------
        ModelError
            The graph is missing, altered or not made yet; it is for another ONNX Runtime; or the version was
            trained with a preprocessing that this release does not have.
        """
        return cls(stored.card, load_session(verified_graph(stored), stored.card.version, threads))

    def warm_up(self) -> None:
        """Run the network, so that the first images are not slow."""
        for size in _WARM_BATCH_SIZES:
            self.score(np.zeros((size, *self.card.preprocessing.input_shape), dtype=np.float32))

    def prepare(
        self,
        data: bytes,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        noted: Noted | None = None,
        *,
        of_study: bool = False,
    ) -> NDArray[np.float32]:
        """Decode and preprocess one file; float32 (size, size, 1).

        Parameters
        ----------
        data, max_pixels, noted
            See `decode`.
        of_study
            Whether a person named the study that it is of, and so said that it is CT.

        Raises
        ------
        RejectedImage
            With the reason as its message. `HeadlessCt` where the file is a CT: a neck, the vertex, air.
        """
        noted = noted or Noted()
        image = decode(data, max_pixels, noted)
        return self.prepare_slice(image, is_ct=of_study or noted.is_ct)

    def prepare_slice(self, image: GreyImage, *, is_ct: bool) -> NDArray[np.float32]:
        """As `prepare`, of a decoded image."""
        try:
            return self.prepare_image(image)
        except NotACtSlice as error:
            if error.reason.code in _HEADLESS and is_ct:
                raise HeadlessCt(*error.reason) from None
            raise

    def prepare_image(self, image: GreyImage) -> NDArray[np.float32]:
        """Preprocess a decoded image as the version's training did; float32 (size, size, 1).

        Raises
        ------
        NotACtSlice
        """
        return self._prepare(image, self.card.preprocessing)

    def score(self, images: Sequence[NDArray[np.float32]] | NDArray[np.float32]) -> Scores:
        """What the network says of N prepared images, float32 (size, size, 1) each."""
        parts = [
            self._session.run(OUTPUTS, {self._input: np.asarray(images[start : start + _BATCH])})
            for start in range(0, len(images), _BATCH)
        ]
        logit, distance, heat = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Scores(logit[:, 0].astype(np.float64), distance[:, 0].astype(np.float64), heat[..., 0])

    def decide(self, logit: float, distance: float) -> Decision:
        """Probability and label by the version's operating point."""
        return self.card.operating_point.decide(logit, distance)
