"""Whether a new version may take the place of the one in use; docs/decisions/0007-the-gate.md says why so."""

from dataclasses import dataclass
from typing import Any, Final

from models.card import ModelCard
from training.metrics import Metrics

HIGHER_IS_BETTER: Final = {"auc": 0.01, "sensitivity": 0.05, "specificity": 0.10}
"""How far a new version may fall below the one in use."""
LOWER_IS_BETTER: Final = {"log_loss": 0.02, "uncertain_share": 0.15, "not_assessed_share": 0.10}
"""How far it may rise above it."""

FAVOURED = (
    "The version in use was fit on this very data set, the test split included, so the comparison favours it."
)
PERHAPS_FAVOURED = (
    "The version in use ships with headct and was fit on public images. If some of these are in the test "
    "part, the comparison favours it."
)


@dataclass(frozen=True)
class Verdict:
    """Whether the candidate is promoted, by which rule, and on which numbers.

    Attributes
    ----------
    promote
        Whether the candidate may be used.
    rule
        What came of the rule, and the rule in words.
    numbers
        For each figure `candidate`, `incumbent`, `margin`, `ok` and, if known, `difference_ci95`.
    """

    promote: bool
    rule: str
    numbers: dict[str, Any]


def judge(
    candidate: Metrics, incumbent: Metrics | None, difference: Metrics | None, *, caveat: str | None = None
) -> Verdict:
    """Judge by the figures on the same locked test split.

    Parameters
    ----------
    candidate, incumbent
        As `evaluate` gives them, each at its own operating point; None where there is no version in use.
    difference
        As `paired_difference` gives it; its intervals are told, the rule does not use them.
    caveat
        What whoever reads the verdict has to know of the comparison, as `favour` gives it.
    """
    if incumbent is None:
        return _judge_alone(candidate)
    numbers = {}
    for margins, sign in ((HIGHER_IS_BETTER, 1.0), (LOWER_IS_BETTER, -1.0)):
        for name, margin in margins.items():
            ours, theirs = candidate[name], incumbent[name]
            comparable = ours is not None and theirs is not None
            numbers[name] = {
                "candidate": ours,
                "incumbent": theirs,
                "margin": margin,
                "ok": comparable and sign * (ours - theirs) >= -margin - 1e-9,
                "difference_ci95": (difference or {}).get(f"{name}_ci95"),
            }
    failed = [name.replace("_", " ") for name, row in numbers.items() if not row["ok"]]
    outcome = (
        f"The new version is worse in {', '.join(failed)}." if failed else "The new version is not worse."
    )
    return Verdict(not failed, " ".join(filter(None, (outcome, caveat, _rule()))), numbers)


def favour(incumbent: ModelCard, data_fingerprint: str, *, shipped: bool) -> str | None:
    """Why the comparison favours the version in use; None where it cannot have seen the test split.

    A version that was trained here has not: the part of a patient never changes.
    """
    if not shipped:
        return None
    return FAVOURED if incumbent.data_fingerprint == data_fingerprint else PERHAPS_FAVOURED


def _judge_alone(candidate: Metrics) -> Verdict:
    low = candidate.get("auc_ci95", [0.0, 1.0])[0]
    better = low > 0.5
    outcome = f"Its AUC is {'' if better else 'not '}surely above chance."
    return Verdict(
        better,
        f"{outcome} Promoted if it is: there is no version to compare with.",
        {"auc": {"candidate": candidate["auc"], "incumbent": None, "low": low, "ok": better}},
    )


def _rule() -> str:
    above = [f"{name.replace('_', ' ')} {margin:g} lower" for name, margin in HIGHER_IS_BETTER.items()]
    below = [f"{name.replace('_', ' ')} {margin:g} higher" for name, margin in LOWER_IS_BETTER.items()]
    return (
        "Promoted if, on the same test images, it is not worse than the version in use by more than a "
        f"margin: {', '.join(above + below)}."
    )
