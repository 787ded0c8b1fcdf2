"""What `headct up` and the demo start ends with them."""

import ctypes
import os
import signal
import sys

PARENT = "_HEADCT_PARENT"
"""Environment variable by which they tell their parts whom these end with."""
_PR_SET_PDEATHSIG = 1  # prctl(2)


def end_with_parent() -> None:
    """See to it that this process ends with the one that started it so, even if that is killed.

    By SIGKILL, which loses nothing: on SIGTERM a Celery worker waits for ever for a Redis that is gone too.
    """
    parent = os.environ.get(PARENT)
    if parent and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(parent):  # it was gone before the line above
            sys.exit(1)
