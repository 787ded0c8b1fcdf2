"""Training a new version: dataset, split, augment, fit, calibrate, evaluate, report, register."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
from scipy.special import logit

from core.cores import usable_cores
from core.errors import DatasetError, RejectedImage
from core.image_files import Limits
from db.states import Split
from images.constants import Preprocessing
from images.decoding import GreyImage, decode
from images.preprocessing import preprocess
from models.card import ModelCard
from models.classifier import Classifier
from models.network import shift
from models.store import ModelStore, StoredModel, shipped_model
from training import baselines
from training.batches import Images
from training.calibrate import centre_and_calibrate
from training.dataset import Dataset, Record, read_record
from training.evaluate import PREVALENCE, evaluate, measure, paired_difference
from training.fit import Epoch, domain_limit, fit, outputs
from training.gate import favour, judge
from training.hyperparameters import Hyperparameters
from training.judged import EVEN_POINT, Judged
from training.metrics import Metrics
from training.register import register
from training.report import ReportContent, data_summary, write_report
from training.split import Indices
from training.statement import statement
from training.study_figures import studies_of, study_metrics
from training.tilted import tilted
from training.wrong_images import wrong_images

_CHECKED = 200
"""Images, at most, of which network and serving graph must say the same."""


class Watch(Protocol):
    """Who is told how far a training is; each may raise to stop it, then nothing is registered."""

    def on_stage(self, name: str) -> None:
        """A stage begins."""

    def on_step(self) -> None:
        """An image is prepared, or a batch fitted."""

    def on_epoch(self, epoch: Epoch) -> None:
        """An epoch ended."""


@dataclass(frozen=True)
class Job:
    """What is to be trained.

    Attributes
    ----------
    version
        Name of the version that is made.
    incumbent
        The version in use, which is evaluated on the same test split.
    target_sensitivity
        That the threshold is chosen for; 0..1.
    report
        Folder for the report.
    limits
        Of the images, as the workers have them.
    """

    version: str
    dataset: Dataset
    incumbent: StoredModel
    hyperparameters: Hyperparameters
    target_sensitivity: float
    report: Path
    limits: Limits


def train(job: Job, store: ModelStore, watch: Watch) -> ModelCard:
    """Train, evaluate beside the version in use, and register; the card says whether the gate lets it in.

    Raises
    ------
    DatasetError, TrainingDiverged, ModelError, OSError
    """
    records, hyper, constants = job.dataset.records, job.hyperparameters, Preprocessing()
    watch.on_stage("preparing the images")
    images, splits = prepare_records(records, constants, job.limits, watch.on_step), splits_of(records)
    training, validation, test = (images.take(splits[split]) for split in Split)
    planes = tilted([records[i] for i in splits[Split.TRAIN]], job.limits, watch.on_step)
    training = training.with_more(planes)

    watch.on_stage("fitting")
    curve: list[Epoch] = []

    def on_epoch(epoch: Epoch) -> None:
        curve.append(epoch)
        watch.on_epoch(epoch)

    network = fit(training, hyper, validation=validation, on_step=watch.on_step, on_epoch=on_epoch)

    watch.on_stage("calibrating")
    said = outputs(network, validation.pixels)
    offset, point = centre_and_calibrate(
        said.logits,
        validation.targets,
        said.distances,
        target_sensitivity=job.target_sensitivity,
        domain_limit=domain_limit(network, training, validation),
    )
    shift(network, offset)

    watch.on_stage("evaluating")
    said = outputs(network, test.pixels)
    candidate = Judged.by(point, said.logits, said.distances)
    tested = [records[i] for i in splits[Split.TEST]]
    incumbent = judge_by(job.incumbent, tested, job.limits)
    metrics = measure(test.targets, candidate, test.groups, seed=hyper.seed)
    incumbent_metrics = measure(test.targets, incumbent, test.groups, seed=hyper.seed)
    difference = paired_difference(test.targets, candidate, incumbent, test.groups, seed=hyper.seed)
    shipped = job.incumbent.card.version == shipped_model().card.version
    caveat = favour(job.incumbent.card, job.dataset.fingerprint, shipped=shipped)
    verdict = judge(metrics, incumbent_metrics, difference, caveat=caveat)

    card = ModelCard(
        version=job.version,
        weights_sha256="",  # known when they are registered
        parameters=network.count_params(),
        operating_point=point,
        preprocessing=constants,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=hyper.seed,
        data_fingerprint=job.dataset.fingerprint,
        protocol=_protocol(splits, job.target_sensitivity),
        hyperparameters=asdict(hyper),
        metrics=metrics,
        baselines=_baselines(records, images, splits, job),
        gate={"incumbent": job.incumbent.card.version, **asdict(verdict)},
        statement=statement(records, {}),
    )

    watch.on_stage("reporting")
    content = ReportContent(
        card=card,
        targets=test.targets,
        candidate=candidate,
        incumbent=incumbent,
        incumbent_metrics=incumbent_metrics,
        difference=difference,
        curve=curve,
        data=data_summary(records),
        wrong=wrong_images(network, point, tested, test),
        studies=_of_studies(tested, candidate, card, incumbent, job),
    )
    write_report(job.report, content)

    watch.on_stage("registering")
    return register(store, network, card, images.pixels[:_CHECKED])


def _of_studies(
    tested: Sequence[Record], candidate: Judged, card: ModelCard, incumbent: Judged, job: Job
) -> tuple[Metrics, Metrics] | None:
    """Figures of the test split's studies, by the new version and by the one in use; None without studies."""
    ours, theirs = card.study_rule, job.incumbent.card.study_rule
    studies = studies_of(tested, max(ours.least_assessed, theirs.least_assessed))
    if not studies:
        return None
    seed = job.hyperparameters.seed
    return (
        study_metrics(studies, candidate, ours, prevalence=PREVALENCE, seed=seed),
        study_metrics(studies, incumbent, theirs, prevalence=PREVALENCE, seed=seed),
    )


def _protocol(splits: dict[Split, Indices], target_sensitivity: float) -> str:
    """In words, how the metrics came about."""
    fitted, chosen_on, tested = (len(splits[split]) for split in Split)
    return (
        f"{fitted} images to fit, {chosen_on} to choose offset, temperature, threshold (for a sensitivity of "
        f"{target_sensitivity:g}) and bounds of certainty, {tested} to test. No "
        "patient is in two splits, and a patient's split never changes. The metrics are those of the test "
        "split, which neither the fit nor the operating point saw; a bleed that is not assessed counts as "
        "missed. The 95 % intervals are from a bootstrap over patients."
    )


def prepare_records(
    records: Sequence[Record],
    constants: Preprocessing,
    limits: Limits,
    on_image: Callable[[], None] | None = None,
) -> Images:
    """Decode and preprocess the images, exactly as a worker does; `on_image` is called after each.

    Raises
    ------
    DatasetError
        An image cannot be used; names it and says why.
    """
    pixels = []
    for record in records:
        try:
            pixels.append(preprocess(_decoded(record, limits), constants))
        except RejectedImage as error:
            raise _refused(record, error) from error
        if on_image is not None:
            on_image()
    return Images(
        np.stack(pixels),
        np.array([record.target for record in records], dtype=np.intp),
        np.array([record.group for record in records]),
        np.array([record.source for record in records]),
    )


def splits_of(records: Sequence[Record]) -> dict[Split, Indices]:
    """The indices of each split of the data set."""
    return {split: np.flatnonzero([record.split == split for record in records]) for split in Split}


def judge_by(stored: StoredModel, records: Sequence[Record], limits: Limits) -> Judged:
    """What a stored version says of these images, with its own preprocessing and operating point.

    Where its preprocessing finds no head there is no probability: such an image is not assessed, at even
    odds.

    Raises
    ------
    DatasetError
        An image cannot be decoded; names it and says why.
    """
    classifier = Classifier.load(stored, threads=usable_cores())
    prepared = np.zeros((len(records), *stored.card.preprocessing.input_shape), dtype=np.float32)
    refused = np.zeros(len(records), dtype=np.bool_)
    for i, record in enumerate(records):
        image = _decoded(record, limits)
        try:
            prepared[i] = classifier.prepare_image(image)
        except RejectedImage:
            refused[i] = True
    said = classifier.score(prepared)
    logits = np.where(refused, 0.0, said.logits)
    judged = Judged.by(stored.card.operating_point, logits, said.distances)
    return replace(judged, not_assessed=judged.not_assessed | refused)


def _decoded(record: Record, limits: Limits) -> GreyImage:
    try:
        return decode(read_record(record, limits), limits.max_pixels)
    except RejectedImage as error:
        raise _refused(record, error) from error


def _refused(record: Record, error: RejectedImage) -> DatasetError:
    return DatasetError(f"{record.path} cannot be trained on: {error}")


def _baselines(
    records: Sequence[Record], images: Images, splits: dict[Split, Indices], job: Job
) -> dict[str, float | Metrics]:
    """What the cues and the majority class reach on the test split."""
    fitted, tested = splits[Split.TRAIN], splits[Split.TEST]
    features, test = baselines.cues(records, job.limits), images.take(tested)
    by_cues = baselines.cue_probabilities(features, images.targets, fitted, tested)
    none = np.zeros(len(by_cues))
    return {
        "majority_accuracy": baselines.majority_accuracy(images.targets, fitted, tested),
        "cues": evaluate(
            *(test.targets, logit(np.clip(by_cues, 1e-6, 1.0 - 1e-6)), none, test.groups, EVEN_POINT),
            seed=job.hyperparameters.seed,
        ),
    }
