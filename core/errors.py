"""The error tree. Each message tells a person what to do next; none that is logged names a file.

Which command helps is known to `cli.advice`, by the kind of the error: `core`, `db`, `images` and `models`
name none.
"""

from core.reasons import Reason, ReasonCode


class HeadctError(Exception):
    """Base of every error that headct raises on purpose; the CLI prints it without a traceback."""


class SettingsError(HeadctError):
    """A setting has a value that is not allowed."""


class HomeNotPrivate(HeadctError):
    """Other users may read or write what is headct's alone, or it belongs to one of them."""


class RejectedImage(HeadctError):
    """The bytes cannot be classified; code and message become the file's `reason_code` and `reason`."""

    def __init__(self, code: ReasonCode, message: str) -> None:
        super().__init__(code, message)
        self.reason = Reason(code, message)

    def __str__(self) -> str:
        return self.reason.text


class UnreadableImage(RejectedImage):
    """The bytes are no image of an allowed format, or a truncated or damaged one."""


class SeveralFrames(UnreadableImage):
    """The DICOM file has several frames, and one image is asked for."""

    def __init__(
        self,
        code: ReasonCode = ReasonCode.MULTI_FRAME,
        message: str = "The DICOM file holds many frames. Name one, or export each as a file of its own.",
    ) -> None:
        super().__init__(code, message)


class ImageTooLarge(RejectedImage):
    """The image has more pixels, or the file more bytes, than the settings allow."""

    @classmethod
    def file(cls, max_file_mb: float) -> "ImageTooLarge":
        """The error for a file of more than `max_file_mb` MiB."""
        return cls(
            ReasonCode.TOO_LARGE,
            f"The file is larger than {max_file_mb:g} MiB. Raise HEADCT_MAX_FILE_MB.",
        )

    @classmethod
    def archive(cls, max_archive_mb: float) -> "ImageTooLarge":
        """The error for an archive of more than `max_archive_mb` MiB, packed or unpacked."""
        return cls(
            ReasonCode.TOO_LARGE,
            f"The archive is larger, or unpacks to more, than {max_archive_mb:g} MiB. "
            "Raise HEADCT_MAX_ARCHIVE_MB, or make several archives of it.",
        )


class ImageTooSmall(RejectedImage):
    """The image has too few pixels, or too little content, to show a head."""


class NotACtSlice(RejectedImage):
    """The image decodes, but cannot be a CT slice: for example a photograph in colour."""


class HeadlessCt(NotACtSlice):
    """It is a slice of a CT, but no head is found in it: a person has to look at it."""


class ModelError(HeadctError):
    """The model in use cannot be loaded."""


class ModelUnusable(ModelError):
    """This version cannot be used; another one may."""


class ModelNotFound(ModelUnusable):
    """No model of that version, or a file of it is gone."""


class ModelExists(ModelError):
    """There is a model of that version by now."""


class NoSuchVersion(ModelNotFound):
    """No model has that name."""


class ModelAltered(ModelUnusable):
    """The SHA-256 of a model's weights or serving graph is not the registered one."""


class GraphMissing(ModelUnusable):
    """The version has no serving graph yet: it was registered by release 0.1."""


class GraphDisagrees(ModelError):
    """The serving graph does not say what the network says that it was made from."""


class PreprocessingUnknown(ModelUnusable):
    """The model was trained with a preprocessing that this release does not have."""


class TrainingNotInstalled(HeadctError):
    """The extra `train` is not installed here."""


class DatasetError(HeadctError):
    """The training data cannot be used: empty, one class only, a row without a file."""


class LabelConflict(DatasetError):
    """Labels contradict each other, or an earlier import."""


class LabelledByReader(DatasetError):
    """The label of an image is a reader's, who alone changes it."""


class TrainingFailed(HeadctError):
    """A training run cannot go on: its loss is no number, or the disk is full."""


class TrainingDiverged(TrainingFailed):
    """The loss is no number any more."""


class RunUnderWay(HeadctError):
    """A training run waits or is under way already."""


class RunNotFound(HeadctError):
    """No training run with that id."""


class AnotherInUse(ModelError):
    """Somebody else changed the version in use before a person had decided."""


class NothingToRollBack(ModelError):
    """No other model version was in use before."""


class DatabaseError(HeadctError):
    """The database cannot be used as it is."""


class DatabaseUnreachable(DatabaseError):
    """No connection to the database."""


class DatabaseNotMigrated(DatabaseError):
    """The database's migration is older than the code's, or there is none yet."""


class DatabaseTooNew(DatabaseError):
    """The database's migration is unknown to this code: it was made by a newer headct."""


class BrokerUnusable(HeadctError):
    """Redis does not answer, or takes no messages."""


class BrokerAway(BrokerUnusable):
    """Redis does not answer."""


class WorkersDeaf(HeadctError):
    """No worker takes messages from the queue."""


class NetworkFailed(HeadctError):
    """The network cannot be run on this worker: too little memory, or its GPU is gone."""


class StoreUnavailable(HeadctError):
    """The store itself, not one file of it, cannot be read: its disk is away."""


class InboxUnusable(HeadctError):
    """The inbox does not exist, or headct cannot read or write it."""


class DiskNearlyFull(HeadctError):
    """A disk has less free space than the low-water mark, so nothing is taken in."""


class BackupFailed(HeadctError):
    """The database or a file could not be copied."""


class AlreadyRunning(HeadctError):
    """Another `headct up`, or another scheduler, holds this home."""


class NotRunning(HeadctError):
    """No `headct up` runs on this home."""


class NotLookedAt(HeadctError):
    """What stands in the way of looking is wrong itself."""


class PortTaken(HeadctError):
    """Another program listens on the port that a part of headct needs."""


class OutputLost(HeadctError):
    """Standard output cannot be written: its disk is full."""


class NoSuchFile(HeadctError):
    """No file with that id or SHA-256."""


class NoSuchStudy(HeadctError):
    """No study with that id, UID, accession number or name."""


class NoSuchImage(HeadctError):
    """No image with that id."""


class NoSuchReading(HeadctError):
    """No reading with that id, or it is another reader's, or not the newest: nothing is undone."""


class HelperLost(HeadctError):
    """The process that the web page leaves heavy work to ended, or did not answer."""


class SeveralImages(HeadctError):
    """The file has several images, and which one is meant was not said, or is none of them."""


class NothingToExplain(HeadctError):
    """The file was not classified, for the reason with that code if it was rejected or quarantined."""

    def __init__(self, message: str, reason_code: str | None = None) -> None:
        super().__init__(message)
        self.reason_code = reason_code


class NothingSubmitted(HeadctError):
    """There is no image in what was submitted."""


class AccountError(HeadctError):
    """An account or token cannot be made, changed or found."""


class NoSuchAccount(AccountError):
    """No account, or no token, has that name."""


class PasswordTooWeak(AccountError):
    """The new password is too short, or too easy to guess."""


class SignInRefused(HeadctError):
    """Name and password do not fit, or the account is disabled; which of these is not said."""


class SignInSlowed(SignInRefused):
    """There were failures just before; `wait_s` says how many seconds to wait."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(
            f"Too many failures. Try again in {wait_s} {'second' if wait_s == 1 else 'seconds'}."
        )
        self.wait_s = wait_s


class UploadRefused(HeadctError):
    """A file that is uploaded cannot be taken: its name, or that of its study."""
