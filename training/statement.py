"""What a model card says in words, as TRIPOD+AI (Collins et al. 2024, BMJ 385:e078378) and CLAIM 2024 (Tejani
et al. 2024, Radiol Artif Intell 6:e240300) ask for: use, data, limits, what is refused."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from training.dataset import Record

INTENDED_USE: Final = (
    "Research use only: not a medical device. Sorts axial head-CT slices, and studies of them, by the "
    "probability of an intracranial hemorrhage, for people who look at every image themselves. No diagnosis "
    "or treatment may rest on it, least of all on what it calls normal."
)
REFUSED: Final = (
    "Rejected: what is no image or damaged, several heads in a picture, other orientations than axial, no "
    "head. Not assessed: a CT in which no head or brain is found, and slices that are unlike those that it "
    "was fit on (`domain_limit`)."
)
LIMITS: Final = (
    "As far as is known of the shipped recipe. Missed: bleeds of 2 to 5 mm, thin lenses and crescents along "
    "the bone, faint and old blood. False alarms: one-sided skull base of tilted heads, streaks, calcified "
    "or bright falx. Not measured: children, contrast agent, operated or broken skulls. Another scanner or "
    "window: measure on your own."
)


def statement(records: Sequence[Record], licences: Mapping[str, str]) -> dict[str, str]:
    """Intended use, data, limits and refused inputs of a version that was fit and tested on these records.

    Parameters
    ----------
    licences
        Source to where it comes from and on what terms. Others are counted together and not named: a site's
        folders may be named after people.
    """
    named = [source for source in licences if any(record.source == source for record in records)]
    said = [f"{source} ({licences[source]}): {_counts(records, [source])}." for source in named]
    others = {record.source for record in records} - set(named)
    if others:
        said.append(f"Sources of this site ({len(others)}): {_counts(records, others)}.")
    return {
        "intended_use": INTENDED_USE,
        "data": " ".join(said),
        "known_failures": LIMITS,
        "refused": REFUSED,
    }


def _counts(records: Sequence[Record], sources: Collection[str]) -> str:
    here = [record for record in records if record.source in sources]
    patients, bleeds = len({record.group for record in here}), sum(record.target for record in here)
    return f"slices {len(here)}, patients {patients}, slices with a hemorrhage {bleeds}"
