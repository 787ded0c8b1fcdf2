"""The commands that help: by kind of error, and by the code of a rejection."""

from core import errors
from core.reasons import ReasonCode

_ANOTHER_VERSION = "For another version: `headct models rollback`, or `headct models promote` and its name."
_RETRY = "After that `headct retry` it; a changed setting needs a restart of headct."
_FRAME = "`--frame NUMBER` names one; `headct show` lists them."
_FOR_ERRORS: dict[type[errors.HeadctError], str] = {
    errors.BrokerAway: "`headct up` brings a Redis of its own.",
    errors.DatabaseNotMigrated: "Run `headct migrate`.",
    errors.GraphMissing: f"`headct models convert` does, where TensorFlow is installed. {_ANOTHER_VERSION}",
    errors.LabelledByReader: "`headct label SHA256 LABEL` records one.",
    errors.ModelUnusable: _ANOTHER_VERSION,
    errors.NoSuchAccount: "`headct user list` lists them, `headct user token list` the tokens of one.",
    errors.NoSuchFile: "`headct results` lists the ids.",
    errors.NoSuchStudy: "`headct studies` lists them.",
    errors.NoSuchVersion: "`headct models list` lists them, `headct models promote` puts one into use.",
    errors.NotRunning: "Start `headct up`.",
    errors.SeveralFrames: _FRAME,
    errors.SeveralImages: _FRAME,
    errors.NothingToRollBack: "`headct models promote` puts another version into use (`headct models list`).",
    errors.RunNotFound: "`headct runs` lists them.",
    errors.RunUnderWay: "`headct runs` lists them.",
    errors.WorkersDeaf: "`headct status` names those that are alive, `headct up` starts all.",
}
_FOR_REASONS = {
    ReasonCode.FILE_UNREADABLE: _RETRY,
    ReasonCode.TOO_LARGE: _RETRY,
    ReasonCode.WORKER_LOST: _RETRY,
}


def advice_for(error: Exception) -> str | None:
    """What to type, in whole sentences that go on from the error's own words; None if nothing helps."""
    if isinstance(error, errors.RejectedImage) and not isinstance(error, errors.SeveralFrames):
        return advice_on(error.reason.code)
    if isinstance(error, errors.NothingToExplain):
        return advice_on(error.reason_code)
    return next((_FOR_ERRORS[kind] for kind in type(error).__mro__ if kind in _FOR_ERRORS), None)


def advice_on(reason_code: str | None) -> str | None:
    """As `advice_for`, of a file that was rejected or quarantined for that reason."""
    return next((advice for code, advice in _FOR_REASONS.items() if code == reason_code), None)
