"""Starting a fuzzer, for a person and for its test."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn


def fuzz_in_folder(fuzz: Callable[[Path], None], parent: Path | None = None) -> NoReturn:
    """Have `fuzz` run with a folder that is gone afterwards.

    It runs in a process of its own: libFuzzer ends its process without what Python would do in the end.
    """
    with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as folder:
        child = os.fork()
        if child == 0:
            fuzz(Path(folder))
            os._exit(0)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the child, which says what it did
        signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
        _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


def command_line(*options: str, seeds: Path) -> list[str]:
    """That of this process, with these options and the seeds; without seeds where it names a file.

    libFuzzer does that only where it is given no folder.
    """
    plays_again = any(Path(argument).is_file() for argument in sys.argv[1:])
    return [*sys.argv, *options, *([] if plays_again else [str(seeds)])]


def run_fuzzer(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments, and wait.

    It is started by a shell: a process's peak memory begins with that of its parent (getrusage(2), vfork(2)),
    and these tests hold more than a fuzzer allows.
    """
    return subprocess.run(
        [str(shutil.which("sh")), "-c", '"$@"; exit $?', "sh", sys.executable, *arguments],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
