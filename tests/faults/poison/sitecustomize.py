"""On PYTHONPATH of a system under test: a decoder that dies of files that say so.

Python imports a module of this name when it starts. It does what a fault in a decoder's C code would do; the
product has no hook for it.
"""

import importlib.abc
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType

DECODER = "images.decoding"


def _hang(seconds: float) -> None:
    signal.pthread_sigmask(
        signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM}
    )  # as C code, which returns to none
    time.sleep(seconds)


def _fill_memory() -> None:
    held = []
    while True:
        held.append(b"x" * 2**24)


_DEATHS: dict[bytes, Callable[[], None]] = {
    b"<segfault>": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    b"<out of memory>": lambda: os.kill(os.getpid(), signal.SIGKILL),  # as the kernel's OOM killer does
    b"<hang>": lambda: _hang(3600.0),
    b"<slow>": lambda: _hang(3.0),
    b"<fill memory>": _fill_memory,
}


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        if name != DECODER:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        execute = spec.loader.exec_module

        def execute_and_wrap(module: ModuleType) -> None:
            execute(module)
            decode = module.decode

            def poisoned(data: bytes, *arguments: int) -> object:
                for mark, die in _DEATHS.items():
                    if mark in data:
                        die()
                return decode(data, *arguments)

            module.decode = poisoned  # type: ignore[attr-defined] - it has one

        spec.loader.exec_module = execute_and_wrap  # type: ignore[method-assign] - of this loader only
        return spec


sys.meta_path.insert(0, _Finder())
