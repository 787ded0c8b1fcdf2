"""What of a process's environment is let in: what is a person's or the machine's word, and headct's own.

All else is another program's. The libraries in use read some two hundred variables, of which a machine can
hold any for a program of its own: `PGHOST`, `CELERY_BROKER_URL`, `OMP_NUM_THREADS`, `FLOWER_PORT`.
"""

import os
import re
import sys
from collections.abc import Iterable

from core import LIBRARIES

_OURS = r"_?HEADCT_\w*"
_WHO_AND_WHERE = r"PATH|HOME|USER|LOGNAME|SHELL|PWD|HOSTNAME|TMPDIR|TZ|TZDIR|LANG|LANGUAGE|LC_[A-Z]+"
_TERMINAL = r"TERM|COLORTERM|COLUMNS|LINES|NO_COLOR|FORCE_COLOR"
_IN_FORCE = (
    r"LD_\w+|GLIBC_TUNABLES|MALLOC_\w+"  # ld.so(8), mallopt(3): read before any code of ours
    r"|FAKETIME\w*|DONT_FAKE_MONOTONIC|NO_FAKE_STAT"  # by libfaketime, if LD_PRELOAD names it
    r"|SSL_CERT_FILE|SSL_CERT_DIR|OPENSSL_CONF|KRB5\w+"  # whom connections trust, and as whom they are made
    r"|CUDA_VISIBLE_DEVICES|CUDA_DEVICE_ORDER|NVIDIA_\w+|TF_FORCE_GPU_ALLOW_GROWTH"  # docs/operations.md
)
_KEPT = re.compile("|".join((_OURS, _WHO_AND_WHERE, _TERMINAL, _IN_FORCE, *LIBRARIES)), re.IGNORECASE)


def shut_out() -> None:
    """Remove what other programs are told from this process's environment, and so from its children's.

    To be called before a library is imported.
    """
    for name in list(os.environ):
        if not _KEPT.fullmatch(name):
            del os.environ[name]


def start_isolated(module: str) -> None:
    """Start this process anew with that module, unless Python reads nothing of the environment in it already.

    What Python itself reads (`PYTHONPATH`, `PYTHONOPTIMIZE`) has had its effect before any code runs.
    """
    if not sys.flags.isolated:
        os.execv(sys.executable, [sys.executable, "-I", "-m", module, *sys.argv[1:]])  # noqa: S606 - this program


def in_force() -> Iterable[str]:
    """The variables that are let in and change what libraries do, by their names."""
    return sorted(name for name in os.environ if re.fullmatch(_IN_FORCE, name))
