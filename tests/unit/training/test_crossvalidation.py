"""Nobody's images are on both sides of a fold, and no label chooses its own threshold."""

import itertools
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import DatasetError
from core.image_files import Limits
from images.constants import Preprocessing
from training.batches import Images
from training.crossfitting import judge_held_out, measure_repeats
from training.crossvalidation import CrossValidation, Plan, compare, divide, fits
from training.dataset import Record
from training.hyperparameters import Hyperparameters
from training.labelled.folder import read_folders
from training.recipes import Recipe
from training.train import prepare_records

BRIEF = Hyperparameters(epochs=2, batch_size=12, synthetic_images=24)

# That steps run eagerly is meant; the reading of their images does not, and need not.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning")


def patients(count: int, slices: int = 2) -> tuple[Record, ...]:
    """Records of `count` patients, half with a hemorrhage, and no files."""
    return tuple(
        Record(Path(f"{patient}-{i}"), "hemorrhage" if patient % 2 else "normal", f"p{patient}")
        for patient in range(count)
        for i in range(slices)
    )


def blank(records: Sequence[Record]) -> Images:
    return Images(
        np.zeros((len(records), 8, 8, 1), dtype=np.float32),
        np.array([record.target for record in records]),
        np.array([record.group for record in records]),
        np.array([record.source for record in records]),
    )


@pytest.fixture(scope="module")
def found(eager: None, synthetic_images: Path) -> dict[Recipe, CrossValidation]:
    """Every recipe on the 24 synthetic images, in short."""
    records = read_folders([synthetic_images], Limits())
    images, steps = prepare_records(records, Preprocessing(), Limits()), list[tuple[int, int]]()
    made = compare(
        records,
        images,
        BRIEF,
        Plan(folds=2, repeats=1),
        tuple(Recipe),
        Limits(),
        lambda done, of: steps.append((done, of)),
    )
    assert steps == [(i, 8) for i in range(9)]
    return made


def test_every_recipe_predicts_every_image(found: dict[Recipe, CrossValidation]) -> None:
    assert set(found) == set(Recipe)
    for one in found.values():
        assert one.logits.shape == one.distances.shape == one.limits.shape == (1, 24)
        assert np.isfinite(one.logits).all()
        np.testing.assert_array_equal(one.folds, found[Recipe.HEADCT].folds)
    assert np.ptp(found[Recipe.PLAIN].logits) > 0.0


def test_its_figures_are_those_of_an_evaluation(found: dict[Recipe, CrossValidation]) -> None:
    for one in found.values():
        metrics = measure_repeats(one, judge_held_out(one, 0.95), seed=1, repeats=20)
        assert (metrics["images"], metrics["groups"], metrics["repeats"]) == (24, 24, 1)
        assert 0.0 <= metrics["auc_ci95"][0] <= metrics["auc_ci95"][1] <= 1.0


def test_no_patient_is_on_both_sides_of_a_fold_and_repeats_deal_anew() -> None:
    plan, records = Plan(folds=4, repeats=2), patients(20)
    partitions = divide(records, plan)
    for held_out in itertools.chain.from_iterable(partitions):
        inside = {records[i].group for i in held_out}
        rest = {record.group for i, record in enumerate(records) if i not in held_out}
        assert not inside & rest
    first, second = partitions
    assert sorted(np.concatenate(first)) == sorted(np.concatenate(second)) == list(range(40))
    assert first[0].tolist() != second[0].tolist()
    assert (
        len({job.hyperparameters.seed for job in fits(records, partitions, BRIEF, plan, [Recipe.CUES])}) == 8
    )


def test_without_groups_patients_are_divided() -> None:
    records = patients(20)
    ((held_out, *_),) = divide(records, Plan(4, 1, grouped=False))
    divided = [records[i].group for i in held_out]
    assert len(set(divided)) == len(divided)


def test_each_source_is_held_out_and_no_patient_of_it_is_fitted_on() -> None:
    records = tuple(
        replace(record, source="b" if i < 8 else "a", group="p0" if i in {0, 8} else record.group)
        for i, record in enumerate(patients(20))
    )
    plan = Plan(by_source=True)
    (partition,) = divide(records, plan)
    assert [held_out.tolist() for held_out in partition] == [list(range(8, 40)), list(range(8))]
    ours, theirs = fits(records, [partition], BRIEF, plan, [Recipe.CUES])
    assert ours.fitted.tolist() == list(range(2, 8))
    assert theirs.fitted.tolist() == list(range(9, 40))


def test_one_source_or_one_of_one_label_is_told() -> None:
    records = patients(8)
    with pytest.raises(DatasetError, match="of one source"):
        divide(records, Plan(by_source=True))
    by_label = tuple(replace(record, source=record.label) for record in records)
    with pytest.raises(DatasetError, match="source hemorrhage has images of one label"):
        divide(by_label, Plan(by_source=True))


def test_folds_that_stay_empty_and_a_source_without_patients_of_its_own_are_told() -> None:
    labels = ["hemorrhage"] * 3 + ["both"] * 2 + ["normal"] * 3
    records = tuple(
        Record(
            Path(f"{patient}-{i}"), ("normal", "hemorrhage")[i] if label == "both" else label, f"p{patient}"
        )
        for patient, label in enumerate(labels)
        for i in range(2)
    )
    plan = Plan(folds=5)
    with pytest.raises(DatasetError, match=r"do not fill 5 folds.*--folds"):
        fits(records, divide(records, plan), BRIEF, plan, [Recipe.CUES])
    shared = tuple(
        replace(record, path=Path(f"{source}/{record.path}"), source=source)
        for source in "ab"
        for record in patients(8)
    )
    plan = Plan(by_source=True)
    with pytest.raises(DatasetError, match="name different patients differently"):
        fits(shared, divide(shared, plan), BRIEF, plan, [Recipe.CUES])


def test_the_majority_is_that_of_the_tested_images() -> None:
    records = tuple(
        replace(record, source="ab"[i >= 16], label="normal" if i in {2, 3, 6, 7} else record.label)
        for i, record in enumerate(patients(16))
    )
    plan = Plan(by_source=True)
    found = compare(records, blank(records), BRIEF, plan, [Recipe.MAJORITY], Limits())[Recipe.MAJORITY]
    (judged,) = judge_held_out(found, 0.95)
    at_half = (judged.probabilities >= 0.5) == (found.targets == 1)
    assert (at_half[:16].mean(), at_half[16:].mean()) == (0.75, 0.5)


def test_the_same_seed_deals_the_same_folds() -> None:
    dealt = [[fold.tolist() for fold in divide(patients(20), Plan(4, 1, seed))[0]] for seed in (1, 1, 2)]
    assert dealt[0] == dealt[1] != dealt[2]


def test_too_few_patients_for_so_many_folds_are_told() -> None:
    with pytest.raises(DatasetError, match=r"3 patients with the label normal.*--folds"):
        divide(patients(6), Plan(folds=4))


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """Whatever started the tests may have it ignored, as `nohup` does."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_ctrl_c")
def test_after_ctrl_c_whole_repeats_count_and_without_one_it_ends() -> None:
    records, asked = patients(12), [Recipe.MAJORITY]

    def compare_until(stopped: int) -> CrossValidation:
        def on_fit(done: int, _of: int) -> None:
            if done == stopped:
                signal.raise_signal(signal.SIGINT)

        plan = Plan(folds=3, repeats=3)
        return compare(records, blank(records), BRIEF, plan, asked, Limits(), on_fit)[Recipe.MAJORITY]

    assert compare_until(7).logits.shape == (2, 24)
    with pytest.raises(KeyboardInterrupt):
        compare_until(2)


def held_out(logits: np.ndarray, folds: np.ndarray, targets: np.ndarray) -> CrossValidation:
    none = np.zeros((1, len(targets)))
    groups = np.array([f"p{i}" for i in range(len(targets))])
    return CrossValidation(targets, groups, folds[None], logits[None], none, none + np.inf)


def test_a_folds_labels_have_no_part_in_how_it_is_judged() -> None:
    rng = np.random.default_rng(1)
    folds, targets = np.arange(60) % 3, np.arange(60) // 3 % 2
    found = held_out(3.0 * targets - 1.5 + rng.normal(0.0, 1.0, 60), folds, targets)
    turned = replace(found, targets=np.where(folds == 0, 1 - targets, targets))
    (before,), (after,) = judge_held_out(found, 0.9), judge_held_out(turned, 0.9)
    here = folds == 0
    np.testing.assert_array_equal(before.probabilities[here], after.probabilities[here])
    np.testing.assert_array_equal(before.positive[here], after.positive[here])
    assert (before.probabilities[~here] != after.probabilities[~here]).any()


def test_log_odds_that_all_say_too_much_blood_give_the_same_figures() -> None:
    rng = np.random.default_rng(1)
    folds, targets = np.arange(600) % 3, np.arange(600) // 3 % 2
    logits = 3.0 * targets - 1.5 + rng.normal(0.0, 1.5, 600)
    (right,), (more,) = (judge_held_out(held_out(logits + 2.0 * i, folds, targets), 0.9) for i in range(2))
    np.testing.assert_allclose(more.probabilities, right.probabilities, atol=0.03)


def test_each_fit_has_its_own_limit_of_the_domain() -> None:
    folds, targets = np.arange(24) % 2, np.arange(24) // 2 % 2
    found = held_out(3.0 * targets - 1.5, folds, targets)
    found = replace(found, distances=np.full((1, 24), 5.0), limits=np.where(folds == 0, 10.0, 4.0)[None])
    (judged,) = judge_held_out(found, 0.9)
    np.testing.assert_array_equal(judged.not_assessed, folds == 1)


def test_figures_are_means_over_the_repeats() -> None:
    folds, targets = np.arange(24) % 2, np.arange(24) // 2 % 2
    good, bad = held_out(4.0 * targets - 2.0, folds, targets), held_out(2.0 - 4.0 * targets, folds, targets)
    both = CrossValidation(
        targets,
        good.groups,
        *(
            np.vstack([getattr(good, name), getattr(bad, name)])
            for name in ("folds", "logits", "distances", "limits")
        ),
    )
    metrics = measure_repeats(both, judge_held_out(both, 0.9), seed=1, repeats=10)
    assert metrics["auc"] == pytest.approx(0.5)
    assert metrics["repeats"] == 2
