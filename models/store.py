"""The versions of the network that can be used: the one that ships with headct and those trained here."""

import contextlib
import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import GraphMissing, ModelError, ModelExists, ModelNotFound, ModelUnusable, NoSuchVersion
from images.constants import check_served
from models.card import ModelCard
from models.model_files import private_copy, read_verified, replace_file, sync

SHIPPED_CARD = Path(__file__).parent / "weights" / "default.json"
SHIPPED_WEIGHTS = SHIPPED_CARD.with_name("default.weights.h5")
SHIPPED_GRAPH = SHIPPED_CARD.with_name("default.onnx")
PRETRAINED = SHIPPED_WEIGHTS.with_name("pretrained.weights.h5")
PRETRAINED_SHA256 = "pretrained.sha256"
CARD_NAME = "model.json"
WEIGHTS_NAME = "model.weights.h5"
GRAPH_NAME = "model.onnx"

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class StoredModel:
    """A model version, and where its weights (to train) and its serving graph (to classify) are."""

    card: ModelCard
    weights_path: Path
    graph_path: Path


def shipped_model(folder: Path = SHIPPED_CARD.parent) -> StoredModel:
    """The model that ships with headct.

    Raises
    ------
    ModelNotFound
        The installation is incomplete.
    """
    card, weights, graph = (folder / path.name for path in (SHIPPED_CARD, SHIPPED_WEIGHTS, SHIPPED_GRAPH))
    return StoredModel(_read_card(card), weights, graph)


@dataclass(frozen=True)
class DamagedModel:
    """A version whose card cannot be read; `problem` says what to do."""

    version: str
    problem: str


@dataclass(frozen=True)
class ModelStore:
    """Versions trained at this site, each in a folder of its name below `directory`."""

    directory: Path

    def versions(self) -> list[ModelCard | DamagedModel]:
        """The shipped version first, then those trained here, the oldest first; the damaged ones last."""
        cards: list[ModelCard] = []
        damaged: list[DamagedModel] = []
        for path in self.directory.glob(f"*/{CARD_NAME}"):
            version = path.parent.name
            if not _VERSION.fullmatch(version):  # one that is being registered
                continue
            try:
                cards.append(self.find(version).card)
            except ModelError as error:
                damaged.append(DamagedModel(version, str(error)))
        cards.sort(key=lambda card: (card.created_at, card.version))
        damaged.sort(key=lambda model: model.version)
        return [shipped_model().card, *cards, *damaged]

    def find(self, version: str | None) -> StoredModel:
        """The model of that version; the shipped one for None.

        Raises
        ------
        ModelNotFound
            Names the versions there are.
        ModelError
            Its card is damaged.
        """
        shipped = shipped_model()
        if version is None or version == shipped.card.version:
            return shipped
        folder = self.directory / version
        if not _VERSION.fullmatch(version) or not (folder / CARD_NAME).is_file():
            known = ", ".join(model.version for model in self.versions())
            raise NoSuchVersion(f"There is no model version {version!r}. There are: {known}.")
        card = _read_card(folder / CARD_NAME)
        if card.version != version:
            raise ModelError(
                f"The model in {folder} is {card.version}: it was copied or renamed by hand. "
                f"Name the folder {card.version} again, or remove it."
            )
        return _stored(card, folder)

    def trace(self, version: str | None) -> tuple[tuple[int, int], ...]:
        """Another value as soon as a file of that version changes: its time of change (ns) and size."""
        if version is None:
            paths = [SHIPPED_CARD, SHIPPED_WEIGHTS, SHIPPED_GRAPH]
        else:
            paths = [self.directory / version / name for name in (CARD_NAME, WEIGHTS_NAME, GRAPH_NAME)]
        return tuple((path.stat().st_ctime_ns, path.stat().st_size) for path in paths if path.is_file())

    def register(self, card: ModelCard, weights: Path, graph: bytes) -> StoredModel:
        """Copy the weights, the serving graph and the card into the store; all appear, or nothing does.

        Raises
        ------
        ModelError
            The version's name is not allowed.
        ModelExists
        ModelAltered
            The weights or the graph are not those that the card names.
        """
        folder = self.directory / card.version
        if not _VERSION.fullmatch(card.version):
            raise ModelError(
                f"{card.version!r} cannot name a model version. Use at most 64 letters, digits, . _ or -."
            )
        if folder.exists() or card.version == shipped_model().card.version:
            raise ModelExists(f"Model version {card.version} exists already. Give the new one another name.")
        self.directory.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".partial-{card.version}.", dir=self.directory))
        try:
            shutil.copyfile(weights, partial / WEIGHTS_NAME)
            (partial / GRAPH_NAME).write_bytes(graph)
            verify(_stored(card, partial))
            (partial / CARD_NAME).write_text(card.to_json(), encoding="utf-8")
            for name in (WEIGHTS_NAME, GRAPH_NAME, CARD_NAME, "."):
                sync(partial / name)
            partial.rename(folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        sync(self.directory)
        for left in self.directory.glob(f".partial-{card.version}.????????"):  # of a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        return _stored(card, folder)

    def add_graph(self, version: str, graph: bytes) -> StoredModel:
        """Give a version its serving graph, then name that in the card: so a crash is harmless.

        Raises
        ------
        ModelError
        """
        stored = self.find(version)
        card = replace(stored.card, graph_sha256=hashlib.sha256(graph).hexdigest())
        replace_file(stored.graph_path, graph)
        replace_file(stored.graph_path.with_name(CARD_NAME), card.to_json().encode())
        return _stored(card, stored.graph_path.parent)

    def discard(self, version: str) -> None:
        """Remove a version that was trained here and never came into use."""
        shutil.rmtree(self.directory / version)


def _stored(card: ModelCard, folder: Path) -> StoredModel:
    return StoredModel(card, folder / WEIGHTS_NAME, folder / GRAPH_NAME)


def verify(stored: StoredModel) -> bytes:
    """Check that this release can serve the version, and that its files are those that the card names.

    Returns
    -------
    bytes
        Its serving graph.

    Raises
    ------
    PreprocessingUnknown, GraphMissing, ModelNotFound, ModelAltered
    ModelError
        They cannot be read.
    """
    graph = verified_graph(stored)
    _verified_weights(stored)
    return graph


def verified_graph(stored: StoredModel) -> bytes:
    """The serving graph whose SHA-256 is that of the card.

    Raises
    ------
    ModelError
        As `verify`.
    """
    card = stored.card
    check_served(card.preprocessing, f"Model {card.version}")
    if not card.graph_sha256:
        raise GraphMissing(
            f"Model {card.version} has no serving graph, as versions of release 0.1: it has to be made from "
            "the weights."
        )
    name = f"serving graph of model {card.version}"
    return read_verified(stored.graph_path, card.graph_sha256, name)


@contextlib.contextmanager
def verified_weights(stored: StoredModel) -> Iterator[Path]:
    """The weights to load: a copy for this process alone of the bytes whose SHA-256 is that of the card.

    The file in the store could be exchanged between a look at it and its loading.

    Raises
    ------
    ModelError
        As `verify`.
    """
    with private_copy(_verified_weights(stored), WEIGHTS_NAME) as weights:
        yield weights


def _verified_weights(stored: StoredModel) -> bytes:
    name = f"weights of model {stored.card.version}"
    return read_verified(stored.weights_path, stored.card.weights_sha256, name)


@contextlib.contextmanager
def verified_pretrained(weights: Path = PRETRAINED) -> Iterator[Path]:
    """As `verified_weights`: the pretrained weights that every fit starts from, with their hash beside them.

    Raises
    ------
    ModelError
        They are not those of `pretrained.sha256`, or cannot be read.
    """
    hash_file = weights.with_name(PRETRAINED_SHA256)
    try:
        sha256, _ = hash_file.read_text(encoding="utf-8").split()
    except (OSError, ValueError) as error:
        raise ModelError(f"{hash_file} cannot be read. Restore it from a fresh clone.") from error
    try:
        data = read_verified(weights, sha256, "pretrained weights")
    except ModelUnusable as error:  # it is no version, for which another one would do
        raise ModelError(str(error)) from error
    with private_copy(data, WEIGHTS_NAME) as copy:
        yield copy


def weights_sha256(path: Path) -> str:
    """SHA-256 of the file in lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_card(path: Path) -> ModelCard:
    try:
        return ModelCard.read(path)
    except FileNotFoundError as error:
        raise ModelNotFound(
            f"The card of a model is gone: {path} does not exist. Restore it from a backup or a fresh clone."
        ) from error
    except TypeError as error:  # a field that is unknown or missing
        raise ModelUnusable(
            f"The card of a model is of another release of headct, or damaged: {path}. Upgrade headct, or "
            "restore the file from a backup or a fresh clone."
        ) from error
    except (OSError, ValueError, KeyError) as error:
        raise ModelUnusable(
            f"The card of a model cannot be read: {path}. Restore it from a backup or a fresh clone."
        ) from error
