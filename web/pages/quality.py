"""How good the results are."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from db.quality import Period
from services.models import known_versions
from services.quality import Agreement, Calibration, Conflict, Drift, Judged, Share, last_weeks, measure
from web.access import context, visit
from web.charts import Chart, Point, Series, chart
from web.templating import page

_MOST_WEEKS = 530
_YEARS = range(2000, 2100)
_LONGEST = 64
_VERSION = re.compile(rf"[\w.-]{{1,{_LONGEST}}}", re.ASCII)


class Level(NamedTuple):
    """Slices or studies: the figures, and charts of them."""

    title: str
    key: str
    judged: Judged
    by_week: Chart
    calibration: Chart


def show(request: Request) -> Response:
    """Model and readers, calibration, drift, conflicts of readers: of one version, in some weeks."""
    ours = context(request)
    versions, in_use = known_versions(ours)
    version = request.query_params.get("version", "").strip() or in_use
    if not _VERSION.fullmatch(version):
        raise HTTPException(400, "That is no name of a version.")
    period = _period(request.query_params)
    found = measure(ours, version, period)
    weeks = period.weeks
    levels = [_level("Studies", found.studies, weeks), _level("Slices", found.slices, weeks)]
    names = visit(request).shows_names
    return page(
        request,
        "quality.html",
        version=version,
        versions=versions if version in versions else [*versions, version],
        in_use=in_use,
        first=_iso(period.since),
        last=_iso(period.before - timedelta(weeks=1)),
        levels=levels,
        found=found,
        drift_charts=_drift_charts(found.drift, weeks),
        conflicts=[(_route(one), _title(one, names=names), one) for one in found.conflicts],
    )


def _level(title: str, judged: Judged, weeks: Sequence[date]) -> Level:
    charts = _agreement_chart(judged.weeks, weeks), _calibration_chart(judged.calibration)
    return Level(title, title.lower(), judged, *charts)


def _period(given: Mapping[str, str]) -> Period:
    last, first = _week(given, "to"), _week(given, "from")
    period = last_weeks(until=last or (first and first + timedelta(weeks=11)))
    if first:
        period = Period(first, period.before)
    if not 0 < len(period.weeks) <= _MOST_WEEKS:
        raise HTTPException(400, f"Choose 1 to {_MOST_WEEKS} weeks, the first one before the last one.")
    return period


def _week(given: Mapping[str, str], name: str) -> date | None:
    """The Monday of a week, as 2026-W48."""
    text = given.get(name, "").strip()
    if not text:
        return None
    try:
        year, number = text.split("-W")
        monday = date.fromisocalendar(int(year), int(number), 1)
    except ValueError as error:
        raise HTTPException(400, f"{name}={text[:_LONGEST]!a} is no week, as 2026-W48.") from error
    if monday.year not in _YEARS:
        raise HTTPException(400, f"{name}={text[:_LONGEST]!a} is too far away.")
    return monday


def _iso(monday: date) -> str:
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02}"


def _weekly(title: str, weeks: Sequence[date], series: Sequence[Series], highest: float = 1.0) -> Chart:
    ticks = [(number, f"W{monday.isocalendar().week:02}") for number, monday in enumerate(weeks)]
    return chart(title, series, x_ticks=ticks, x_range=(-0.5, len(weeks) - 0.5), highest=highest)


def _points(
    rows: Sequence[Any], weeks: Sequence[date], value: Callable[[Any], float | Share | None]
) -> list[Point]:
    places, points = {monday: number for number, monday in enumerate(weeks)}, []
    for row in rows:
        said = value(row)
        if isinstance(said, Share):
            if said.value is not None:
                points.append(Point(places[row.week], said.value, said.interval))
        elif said is not None:
            points.append(Point(places[row.week], said))
    return points


def _agreement_chart(rows: Sequence[Agreement], weeks: Sequence[date]) -> Chart:
    return _weekly(
        "Share in which model and readers agree, by week",
        weeks,
        [
            Series("agreement", "one", _points(rows, weeks, lambda row: row.agreed)),
            Series("always the commoner label", "base", _points(rows, weeks, lambda row: row.baseline)),
        ],
    )


def _calibration_chart(found: Calibration) -> Chart:
    points = [Point(one.predicted, one.bled.value or 0.0, one.bled.interval) for one in found.bins]
    diagonal = [Point(0.0, 0.0), Point(1.0, 1.0)]
    base = [] if found.bled.value is None else [Point(x, found.bled.value) for x in (0.0, 1.0)]
    return chart(
        "Share with a hemorrhage by mean predicted probability",
        [
            Series("read", "one", points),
            Series("well calibrated", "ideal", diagonal if points else []),
            Series("always the share of all", "base", base),
        ],
        x_ticks=[(tick / 5, f"{tick / 5:.1f}") for tick in range(6)],
        x_range=(0.0, 1.0),
    )


def _drift_charts(rows: Sequence[Drift], weeks: Sequence[date]) -> list[Chart]:
    shares = [
        Series("mean probability", "one", _points(rows, weeks, lambda row: row.probability)),
        Series("share not assessed", "two", _points(rows, weeks, lambda row: row.not_assessed)),
        Series("share uncertain", "three", _points(rows, weeks, lambda row: row.uncertain)),
    ]
    distances = [
        Series("mean domain distance", "one", _points(rows, weeks, lambda row: row.distance)),
        Series("its limit", "base", _points(rows, weeks, lambda row: row.limit)),
    ]
    highest = max((point.y for one in distances for point in one.points), default=1.0)
    return [
        _weekly("Probability and shares of slices, by week", weeks, shares),
        _weekly("Domain distance of slices, by week", weeks, distances, 1.1 * highest),
    ]


def _route(conflict: Conflict) -> tuple[str, int]:
    """Where it is looked at: a slice in its study, if it is of one."""
    return ("image", conflict.image_id or 0) if conflict.study_id is None else ("study", conflict.study_id)


def _title(conflict: Conflict, *, names: bool) -> str:
    if conflict.study_id is None:
        return f"Image {conflict.image_id}"
    known_as = (conflict.name if names else None) or conflict.accession_number
    study = known_as or f"Study {conflict.study_id}"
    return study if conflict.image_id is None else f"{study}, image {conflict.image_id}"
