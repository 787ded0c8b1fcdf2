"""Running a serving graph: ONNX Runtime, set up for one small network in one of several processes."""

from typing import TYPE_CHECKING, Final

from core.errors import ModelError, ModelUnusable
from models.store import StoredModel, verify

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

OUTPUTS: Final = ("logit", "distance", "heat")
"""What a serving graph gives for images (N, size, size, 1): (N, 1), (N, 1) and (N, h, w, 1), all float32."""
_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")
"""A GPU first, where the installed ONNX Runtime was built for one (docs/operations.md)."""


def load_session(graph: bytes, version: str, threads: int = 1) -> "InferenceSession":
    """A session that runs the graph of that model version.

    Raises
    ------
    ModelError
        ONNX Runtime is not installed, or cannot run this graph.
    """
    try:
        import onnxruntime  # noqa: PLC0415 - 0.1 s and 30 MB, for who classifies
    except ImportError as error:
        raise ModelError(
            f"ONNX Runtime, which runs the network, cannot be imported ({error}). Install headct again from "
            "its lock file: `make clean`, then `make up`."
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.log_severity_level = 3  # errors; its warnings are about a machine without a GPU
    available = onnxruntime.get_available_providers()
    try:
        session = onnxruntime.InferenceSession(
            graph, options, providers=[name for name in _PROVIDERS if name in available]
        )
    except Exception as error:  # its own tree, below Exception
        raise ModelUnusable(
            f"ONNX Runtime {onnxruntime.__version__} cannot run the serving graph of model {version} "
            f"({str(error)[:200]}). It may be of a newer release of headct, which can."
        ) from error
    if missing := set(OUTPUTS) - {output.name for output in session.get_outputs()}:
        raise ModelUnusable(
            f"The serving graph of model {version} does not give {', '.join(sorted(missing))}. It is of "
            "another release of headct: upgrade."
        )
    return session


def check_servable(stored: StoredModel) -> None:
    """Whether a version can be put to work here: its files are those of its card, and its graph runs.

    Raises
    ------
    ModelError
    """
    load_session(verify(stored), stored.card.version)
