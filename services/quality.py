"""How good the results are: model beside readers, calibration, drift, readers beside each other.

Beside each share stand how many it is of, a 95 % interval, and what would be reached without any model.
"""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from math import sqrt
from statistics import NormalDist
from typing import Any, NamedTuple

from db.engine import now
from db.quality import BINS, Level, Period, calibration, drift, judged_by_week, reader_conflicts
from db.results import read_connection
from services.context import Context

DEFAULT_WEEKS = 12
_CONFLICTS_SHOWN = 50
_Z = NormalDist().inv_cdf(0.975)


class Share(NamedTuple):
    """So many of so many."""

    part: int
    of: int

    @property
    def value(self) -> float | None:
        """The share; None of nothing."""
        return self.part / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Its 95 % score interval (Wilson 1927, doi:10.1080/01621459.1927.10502953); None of nothing."""
        if not self.of:
            return None
        share, z2 = self.part / self.of, _Z**2 / self.of
        centre = (share + z2 / 2) / (1 + z2)
        half = sqrt(share * (1 - share) * z2 + z2**2 / 4) / (1 + z2)
        low = 0.0 if self.part == 0 else max(0.0, centre - half)
        return low, 1.0 if self.part == self.of else min(1.0, centre + half)


class Agreement(NamedTuple):
    """Model and readers, of one week or of all.

    Attributes
    ----------
    week
        Its Monday; None of all.
    agreed
        Of those that both call hemorrhage or normal.
    baseline
        Share that would agree if always the label were said that readers give more often; None of nothing.
    missed, false_alarms
        Those that readers call hemorrhage and the model normal, and the other way round.
    uncertain, not_assessed
        So the model called further ones that were read.
    """

    week: dt.date | None
    agreed: Share
    baseline: float | None
    missed: int
    false_alarms: int
    uncertain: int
    not_assessed: int


class Bin(NamedTuple):
    """What was read of those whose probability lies from `low` on, below `high`.

    Attributes
    ----------
    predicted
        Mean probability.
    bled
        Those that readers call hemorrhage.
    """

    low: float
    high: float
    predicted: float
    bled: Share


class Calibration(NamedTuple):
    """Whether probabilities are what they say, on what was read and assessed.

    Attributes
    ----------
    bled
        Of all; the baseline of each bin.
    brier, baseline
        Mean squared error of the probability, and of always giving the share that bled; None of nothing.
    """

    bins: Sequence[Bin]
    bled: Share
    brier: float | None
    baseline: float | None


class Drift(NamedTuple):
    """Results of slices, of one week or of all.

    Attributes
    ----------
    week
        Its Monday; None of all, which is each week's baseline.
    probability, distance
        Means, of those that have one; None without any.
    limit
        Of the distance; beyond it nothing is said. None without any.
    """

    week: dt.date | None
    results: int
    probability: float | None
    distance: float | None
    limit: float | None
    not_assessed: Share
    uncertain: Share
    hemorrhage: Share


class Judged(NamedTuple):
    """Model and readers at one level."""

    total: Agreement
    weeks: Sequence[Agreement]
    calibration: Calibration


class Conflict(NamedTuple):
    """What readers name differently: a study as a whole, or an image; their newest readings.

    Attributes
    ----------
    study_id
        Of the study, also where the image is of one.
    name
        May identify a patient.
    """

    study_id: int | None
    image_id: int | None
    accession_number: str | None
    name: str | None
    readings: Sequence[Any]


class Quality(NamedTuple):
    """All of it. `conflicts` are the newest of `conflict_count`, by all versions' readers alike."""

    slices: Judged
    studies: Judged
    drift: Sequence[Drift]
    drift_total: Drift
    conflicts: Sequence[Conflict]
    conflict_count: int


def last_weeks(weeks: int = DEFAULT_WEEKS, until: dt.date | None = None) -> Period:
    """So many weeks up to the one of that day, by default this day's (in UTC)."""
    day = until or now().date()
    monday = day - dt.timedelta(days=day.weekday())
    return Period(monday - dt.timedelta(weeks=weeks - 1), monday + dt.timedelta(weeks=1))


def measure(context: Context, version: str, period: Period) -> Quality:
    """How good the results of a version are in these weeks."""
    with read_connection(context.engine) as connection:
        levels: dict[Level, Judged] = {
            level: Judged(
                *_agreements(judged_by_week(connection, level, version, period)),
                _calibrated(calibration(connection, level, version, period)),
            )
            for level in ("slices", "studies")
        }
        rows = drift(connection, version, period)
        readings, conflict_count = reader_conflicts(connection, period, _CONFLICTS_SHOWN)
    return Quality(
        levels["slices"],
        levels["studies"],
        [_drifted(row.week, [row]) for row in rows],
        _drifted(None, rows),
        _conflicts(readings),
        conflict_count,
    )


def _agreements(rows: Sequence[Any]) -> tuple[Agreement, list[Agreement]]:
    weeks = [_agreement(week, list(found)) for week, found in groupby(rows, lambda row: row.week)]
    return _agreement(None, rows), weeks


def _agreement(week: dt.date | None, rows: Sequence[Any]) -> Agreement:
    both: Counter[tuple[str, str]] = Counter()
    for row in rows:
        both[row.label, row.read] += row.number
    agreed = both["hemorrhage", "hemorrhage"] + both["normal", "normal"]
    missed, false_alarms = both["normal", "hemorrhage"], both["hemorrhage", "normal"]
    compared = agreed + missed + false_alarms
    bled = both["hemorrhage", "hemorrhage"] + missed
    return Agreement(
        week,
        Share(agreed, compared),
        max(bled, compared - bled) / compared if compared else None,
        missed,
        false_alarms,
        sum(number for (label, _), number in both.items() if label == "uncertain"),
        sum(number for (label, _), number in both.items() if label == "not assessed"),
    )


def _calibrated(rows: Sequence[Any]) -> Calibration:
    bled = Share(sum(row.bled for row in rows), sum(row.number for row in rows))
    base = bled.value
    return Calibration(
        [
            Bin(row.bin / BINS, (row.bin + 1) / BINS, row.predicted / row.number, Share(row.bled, row.number))
            for row in rows
        ],
        bled,
        None if base is None else sum(row.squares for row in rows) / bled.of,
        None if base is None else base * (1 - base),
    )


def _drifted(week: dt.date | None, rows: Sequence[Any]) -> Drift:
    def total(name: str) -> Any:  # noqa: ANN401 - a count or a sum
        return sum(getattr(row, name) or 0 for row in rows)

    def mean(name: str) -> float | None:
        return total(name) / total(f"with_{name}") if total(f"with_{name}") else None

    results = total("number")
    return Drift(
        week,
        results,
        mean("probability"),
        mean("distance"),
        max((row.limit for row in rows if row.limit is not None), default=None),
        *(Share(total(name), results) for name in ("not_assessed", "uncertain", "hemorrhage")),
    )


def _conflicts(rows: Sequence[Any]) -> list[Conflict]:
    found = []
    for (study_id, image_id), readings in groupby(rows, lambda row: (row.study_id, row.image_id)):
        of_it = list(readings)
        found.append(Conflict(study_id, image_id, of_it[0].accession_number, of_it[0].name, of_it))
    return found
