"""Where in an image the network sees what speaks for a hemorrhage."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import NotACtSlice, NothingToExplain
from db.engine import read_session
from db.queries import find_file
from db.states import FileState
from images.decoding import GreyImage
from models.card import Decision
from models.classifier import Classifier
from models.explain import heat_map, heat_overlay, in_image
from services.context import Context
from services.models import model_in_use
from services.pictures import Pictures


class Explained(NamedTuple):
    """What the version in use says of an image, and why.

    Attributes
    ----------
    image
        Grey (height, width).
    heat
        float32 (height, width), as `models.explain.in_image` gives it.
    """

    file_id: int
    version: str
    decision: Decision
    image: GreyImage
    heat: NDArray[np.float32]


def explain(context: Context, reference: str, frame: int | None = None) -> Explained:
    """Look at the image of a file, named by its id or SHA-256, once more; of several at that frame, from 0.

    Raises
    ------
    NoSuchFile, NothingToExplain, RejectedImage, ModelError
    """
    with read_session(context.engine) as session:
        file = find_file(session, reference)
        file_id, sha256 = file.id, file.sha256
        if file.reason is not None:
            raise NothingToExplain(
                f"File {file_id} is {file.state}, so there is nothing to explain: {file.reason}",
                file.reason_code,
            )
        if file.state == FileState.UNPACKED:
            raise NothingToExplain(f"File {file_id} is an archive. Name one of the images that it held.")
    image = Pictures(context).picture(sha256, frame)
    stored = model_in_use(context)
    classifier, constants = Classifier.load(stored), stored.card.preprocessing
    try:
        prepared = classifier.prepare_image(image)
    except NotACtSlice as error:
        raise NothingToExplain(
            f"No network has looked at file {file_id}, so there is nothing to explain. {error}"
        ) from error
    said = classifier.score(prepared[np.newaxis])
    decision = classifier.decide(float(said.logits[0]), float(said.distances[0]))
    heat = in_image(heat_map(said.heat[0], constants.size), image, constants)
    return Explained(file_id, stored.card.version, decision, image, heat)


class Overlay(NamedTuple):
    """A PNG to lay over the image (`models.explain.heat_overlay`), and the version whose heat it is."""

    png: bytes
    version: str


def overlay(context: Context, file_id: int, frame: int) -> Overlay:
    """As `explain`, as a picture for a viewer."""
    found = explain(context, str(file_id), frame)
    return Overlay(heat_overlay(found.heat), found.version)
