"""The metrics of a classify process. docs/metrics.md says what each is good for."""

from prometheus_client import Counter, Histogram

from core.reasons import ReasonCode
from db.states import FileState

ATTEMPTS = Counter("headct_file_attempts", "Files that a classify process began to read.")
FINISHED = Counter(
    "headct_files_finished", "Files that a classify process brought to a final state.", ["state"]
)
for _state in (FileState.CLASSIFIED, FileState.REJECTED, FileState.UNPACKED):
    FINISHED.labels(_state.value)  # at 0 from the start: Prometheus counts no increase from nothing
REJECTED = Counter("headct_files_rejected", "Rejected files by their reason code.", ["reason_code"])
for _code in ReasonCode:
    REJECTED.labels(_code.value)
REDELIVERED = Counter(
    "headct_chunks_redelivered", "Chunks that were delivered again, as their worker was lost."
)
RETRIED = Counter("headct_chunks_retried", "Chunks put off since the database did not answer.")
LATENCY = Histogram(
    "headct_file_latency_seconds",
    "From the recording of a file to its result.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200),
)
DECODE = Histogram(
    "headct_decode_seconds",
    "Reading, decoding and preprocessing of one image.",
    buckets=(0.0025, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
NETWORK = Histogram(
    "headct_network_seconds",
    "One forward pass of all images of a chunk.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
