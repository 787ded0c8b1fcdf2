"""What the page of quality is made of: model beside readers, and how results change by week.

A week is named by its Monday, in UTC. The newest reading of an image or study counts, in its own week.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    SQLColumnExpression,
    Subquery,
    and_,
    case,
    cast,
    func,
    or_,
    select,
)
from sqlalchemy.orm import aliased

from db.tables import Arrival, Image, Prediction, Reading, Series, Study, StudyResult

BINS = 10
"""Of equal width, from probability 0 to 1."""

Level = Literal["slices", "studies"]


@dataclass(frozen=True)
class Period:
    """Whole weeks: the Monday of the first one, and that after the last one."""

    since: date
    before: date

    def holds(self, moment: SQLColumnExpression[datetime]) -> ColumnElement[bool]:
        """Whether a moment is within them."""
        since, before = (datetime.combine(day, time(), UTC) for day in (self.since, self.before))
        return and_(moment >= since, moment < before)

    @property
    def weeks(self) -> list[date]:
        """The Mondays."""
        return [self.since + timedelta(weeks=n) for n in range((self.before - self.since).days // 7)]


def judged_by_week(connection: Connection, level: Level, version: str, period: Period) -> Sequence[Any]:
    """How many have which label of the version and which of a reader: `week`, `label`, `read`, `count`."""
    judged = _judged(level)
    query = select(_week(connection, judged.c.read_at), judged.c.label, judged.c.reader_label.label("read"))
    return _by_week(
        connection, query.add_columns(func.count().label("number")).where(_of(judged, version, period))
    )


def calibration(connection: Connection, level: Level, version: str, period: Period) -> Sequence[Any]:
    """By bin of the probability: `bin`, `number`, `predicted` (its sum), `bled`, `squares` of the errors.

    What the version did not assess is left out.
    """
    judged = _judged(level)
    probability = judged.c.probability
    edges = [(probability < (n + 1) / BINS, n) for n in range(BINS - 1)]
    bled = case((judged.c.reader_label == "hemorrhage", 1), else_=0)
    error = probability - bled
    query = (
        select(
            case(*edges, else_=BINS - 1).label("bin"),
            func.count().label("number"),
            func.sum(probability).label("predicted"),
            func.sum(bled).label("bled"),
            func.sum(error * error).label("squares"),
        )
        .where(_of(judged, version, period), judged.c.label != "not assessed")
        .group_by("bin")
        .order_by("bin")
    )
    return connection.execute(query).all()


def drift(connection: Connection, version: str, period: Period) -> Sequence[Any]:
    """By week, of the results of slices: sums and counts, so that weeks can be put together."""

    def labelled(label: str) -> ColumnElement[int]:
        return func.count(case((Prediction.label == label, 1)))

    query = select(
        _week(connection, Prediction.classified_at),
        func.count().label("number"),
        func.count(Prediction.probability).label("with_probability"),
        func.sum(Prediction.probability).label("probability"),
        func.count(Prediction.domain_distance).label("with_distance"),
        func.sum(Prediction.domain_distance).label("distance"),
        func.max(Prediction.domain_limit).label("limit"),
        labelled("not assessed").label("not_assessed"),
        labelled("uncertain").label("uncertain"),
        labelled("hemorrhage").label("hemorrhage"),
    ).where(Prediction.model_version == version, period.holds(Prediction.classified_at))
    return _by_week(connection, query)


def reader_conflicts(connection: Connection, period: Period, limit: int) -> tuple[Sequence[Any], int]:
    """Newest readings of what two readers name differently, and of how many; the newest conflicts first.

    Of each reader the newest reading of an image or study counts. A row has `study_id` (also of an image that
    is of one), `image_id` (None where the study as a whole was read), its study's `accession_number` and
    `name`, and `reader`, `label`, `read_at`.
    """
    newest = select(func.max(Reading.id)).group_by(Reading.image_id, Reading.study_id, Reading.reader)
    conflicts = (
        select(Reading.image_id, Reading.study_id, func.max(Reading.id).label("last"))
        .where(Reading.id.in_(newest))
        .group_by(Reading.image_id, Reading.study_id)
        .having(func.min(Reading.label) != func.max(Reading.label), period.holds(func.max(Reading.read_at)))
    )
    matching = connection.scalar(select(func.count()).select_from(conflicts.subquery())) or 0
    shown = conflicts.order_by(func.max(Reading.id).desc()).limit(limit).subquery()
    same = or_(Reading.image_id == shown.c.image_id, Reading.study_id == shown.c.study_id)
    named = select(func.max(Arrival.study_id)).where(Arrival.file_id == Image.file_id).scalar_subquery()
    rows = connection.execute(
        select(
            Study.id.label("study_id"),
            Reading.image_id,
            Study.accession_number,
            Study.name,
            Reading.reader,
            Reading.label,
            Reading.read_at,
        )
        .join(shown, same)
        .outerjoin(Image, Image.id == Reading.image_id)
        .outerjoin(Series, Series.id == Image.series_id)
        .outerjoin(Study, Study.id == func.coalesce(Reading.study_id, Series.study_id, named))
        .where(Reading.id.in_(newest))
        .order_by(shown.c.last.desc(), Reading.id)
    ).all()
    return rows, matching


def _judged(level: Level) -> Subquery:
    """Each newest reading (`read_at`, `reader_label`), beside what each version says (the rest)."""
    newest = aliased(Reading)
    if level == "slices":
        said: Any = Prediction
        same = newest.image_id == Reading.image_id, Prediction.image_id == Reading.image_id
        last: tuple[ColumnElement[bool], ...] = ()
    else:
        said, later = StudyResult, aliased(StudyResult)
        same = newest.study_id == Reading.study_id, StudyResult.study_id == Reading.study_id
        last = (
            StudyResult.id
            == select(func.max(later.id))
            .where(later.study_id == StudyResult.study_id, later.model_version == StudyResult.model_version)
            .scalar_subquery(),
        )
    return (
        select(
            Reading.read_at,
            Reading.label.label("reader_label"),
            said.model_version,
            said.label,
            said.probability,
        )
        .join(said, same[1])
        .where(Reading.id == select(func.max(newest.id)).where(same[0]).scalar_subquery(), *last)
        .subquery()
    )


def _of(judged: Subquery, version: str, period: Period) -> ColumnElement[bool]:
    return and_(judged.c.model_version == version, period.holds(judged.c.read_at))


def _week(connection: Connection, moment: SQLColumnExpression[datetime]) -> ColumnElement[Any]:
    """The Monday of a moment's week, as the view `agreement` has it."""
    if connection.dialect.name == "postgresql":
        return cast(func.date_trunc("week", func.timezone("UTC", moment)), Date).label("week")
    return func.date(moment, "weekday 0", "-6 days", type_=Date).label("week")


def _by_week(connection: Connection, query: Any) -> Sequence[Any]:  # noqa: ANN401 - a Select of any columns
    names = [column.name for column in query.selected_columns if column.name in {"week", "label", "read"}]
    return connection.execute(query.group_by(*names).order_by(*names)).all()
