"""Damaged files of every kind: each is decoded, or rejected with a reason, in time."""

import os
import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.corpus import damaged_files
from tests.fuzz.files import well_formed_files
from tests.fuzz.mutations import mutate
from tests.fuzz.target import LONGEST_S, examine

FULL = os.environ.get("HEADCT_TEST_FAULTS") == "full"
FILES = well_formed_files()
KINDS = sorted(FILES)

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_file_is_read_when_it_is_whole(name: str) -> None:
    """Or the mutations would all end at the first check."""
    rejected = examine(FILES[name]).rejected
    assert rejected is None or "head" in str(rejected), rejected


def test_the_corpus_is_the_same_for_the_same_seed() -> None:
    assert list(damaged_files(20, seed=1)) == list(damaged_files(20, seed=1))
    assert list(damaged_files(20, seed=1)) != list(damaged_files(20, seed=2))


def test_every_file_of_the_corpus_is_decoded_or_rejected_in_time() -> None:
    ended = Counter[bool]()
    for name, data in damaged_files(5000 if FULL else 300):
        examined = examine(data)
        assert examined.seconds < LONGEST_S, name
        ended[examined.rejected is None] += 1
    assert min(ended[True], ended[False]) > 0.05 * ended.total(), "the damage is too little or too much"


@settings(
    max_examples=20_000 if FULL else 100,
    deadline=LONGEST_S * 1000,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 2**64), tail=st.binary(max_size=64))
def test_any_damage_ends_as_an_image_or_a_reason(kind: str, seed: int, tail: bytes) -> None:
    rng = random.Random(seed)  # noqa: S311 - Hypothesis chooses and repeats the seed
    examine(mutate(rng, FILES[kind], list(FILES.values())) + tail)


@settings(
    max_examples=5_000 if FULL else 100,
    deadline=LONGEST_S * 1000,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    start=st.sampled_from([data[:length] for data in FILES.values() for length in (8, 34, 140)]),
    rest=st.binary(max_size=2000),
)
def test_any_bytes_after_a_true_beginning_end_as_an_image_or_a_reason(start: bytes, rest: bytes) -> None:
    examine(start + rest)
