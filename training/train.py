"""Training a new version: dataset, split, augment, fit, evaluate, register."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from scipy.special import expit

from core.errors import DatasetError, RejectedImage
from models.card import ModelCard, OperatingPoint
from models.constants import Preprocessing
from models.decoding import decode
from models.preprocessing import preprocess
from models.store import ModelStore, weights_sha256
from training import baselines
from training.batches import Images
from training.dataset import Dataset, Record, load_dataset
from training.evaluate import Metrics, choose_threshold, evaluate
from training.fit import SYNTHETIC_SEEDS, Epoch, fit, outputs
from training.hyperparameters import Hyperparameters
from training.split import Split, split
from training.synthetic import write_scans


def train(
    dataset_folder: Path | None,
    store: ModelStore,
    hyperparameters: Hyperparameters,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> ModelCard:
    """Train a version on a folder of labelled images and register it.

    Parameters
    ----------
    dataset_folder
        Holds `labels.csv`; None trains on synthetic scans alone.
    store
        Where the version is registered.
    on_epoch
        Called after each epoch; may raise to stop, then nothing is registered.

    Raises
    ------
    DatasetError
    """
    if dataset_folder is not None:
        return _train(load_dataset(dataset_folder), "images", store, hyperparameters, on_epoch)
    with tempfile.TemporaryDirectory(prefix="headct-synthetic-") as folder:
        write_scans(Path(folder), hyperparameters.synthetic_scans, SYNTHETIC_SEEDS + hyperparameters.seed)
        return _train(load_dataset(Path(folder)), "synthetic", store, hyperparameters, on_epoch)


def prepare_records(records: Sequence[Record], constants: Preprocessing) -> Images:
    """Decode and preprocess the images, exactly as a worker does.

    Raises
    ------
    DatasetError
        An image cannot be used; names it and says why.
    """
    pixels = []
    for record in records:
        try:
            pixels.append(preprocess(decode(record.path.read_bytes()), constants))
        except RejectedImage as error:
            raise DatasetError(f"{record.path} cannot be trained on: {error}") from error
    return Images(
        np.stack(pixels),
        np.array([record.target for record in records], dtype=np.intp),
        np.array([record.group for record in records]),
    )


def _train(
    dataset: Dataset,
    kind: str,
    store: ModelStore,
    hyper: Hyperparameters,
    on_epoch: Callable[[Epoch], None] | None,
) -> ModelCard:
    constants = Preprocessing()
    images = prepare_records(dataset.records, constants)
    parts = split(dataset.records, salt=str(hyper.seed))
    validation, test = images.take(parts.validation), images.take(parts.test)
    network = fit(images.take(parts.train), hyper, validation=validation, on_epoch=on_epoch)
    threshold = choose_threshold(validation.targets, expit(outputs(network, validation.pixels).logits))
    probabilities = expit(outputs(network, test.pixels).logits)
    metrics = evaluate(test.targets, probabilities, probabilities >= threshold, test.groups, hyper.seed)
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="headct-weights-") as folder:
        weights = Path(folder) / "model.weights.h5"
        network.save_weights(weights)
        card = ModelCard(
            version=f"{now:%Y%m%d-%H%M%S}-{dataset.fingerprint[:6]}",
            weights_sha256=weights_sha256(weights),
            parameters=network.count_params(),
            operating_point=OperatingPoint(1.0, threshold, threshold, threshold),
            preprocessing=constants,
            created_at=now.isoformat(timespec="seconds"),
            seed=hyper.seed,
            data_fingerprint=dataset.fingerprint,
            protocol=_protocol(kind, parts),
            hyperparameters=asdict(hyper),
            metrics=metrics,
            baselines=_baselines(dataset, images, parts, hyper.seed),
        )
        store.register(card, weights)
    return card


def _protocol(kind: str, parts: Split) -> str:
    return (
        f"{len(parts.train)} {kind} to fit, {len(parts.validation)} to choose the threshold, "
        f"{len(parts.test)} to test; no patient in two parts. The metrics are those of the test part, "
        "which neither the fit nor the threshold saw."
    )


def _baselines(dataset: Dataset, images: Images, parts: Split, seed: int) -> dict[str, float | Metrics]:
    features = baselines.cues(dataset.records)
    by_cues = baselines.cue_probabilities(features, images.targets, parts.train, parts.test)
    test = images.take(parts.test)
    return {
        "majority_accuracy": baselines.majority_accuracy(images.targets, parts.train, parts.test),
        "cues": evaluate(test.targets, by_cues, by_cues >= 0.5, test.groups, seed),
    }
