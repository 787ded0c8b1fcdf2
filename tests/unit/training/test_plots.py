"""Each plot is drawn of whatever a version may say."""

import numpy as np
import pytest

from training import plots
from training.judged import EVEN_POINT, Judged

TARGETS = np.arange(8) % 2
NONE, ALL = np.zeros(8, dtype=np.bool_), np.ones(8, dtype=np.bool_)
LOGITS = np.linspace(-2.0, 2.0, 8)


@pytest.mark.parametrize(
    ("in_band", "not_assessed"),
    [(NONE, NONE), (ALL, NONE), (NONE, ALL), (ALL, ALL), (NONE, TARGETS == 0), (NONE, TARGETS == 1)],
)
@pytest.mark.filterwarnings("error")
def test_all_is_drawn_where_every_image_is_uncertain_or_not_assessed(
    in_band: np.ndarray, not_assessed: np.ndarray
) -> None:
    by_probability = Judged.by(EVEN_POINT, LOGITS, np.zeros(8))
    judged = Judged(by_probability.probabilities, by_probability.reaches, in_band, not_assessed)
    for drawn in (
        plots.confusion(TARGETS, judged),
        plots.discrimination(TARGETS, {"site-1": judged}),
        plots.calibration(TARGETS, judged, (0.4, 0.5, 0.6)),
    ):
        assert drawn.startswith(b"\x89PNG")
