"""The interpreter of a system under test: its decoder dies of files that say so, or TensorFlow is broken.

It does what a fault in a decoder's C code would do; the product has no hook for it. What headct starts it
starts with `sys.executable`, which is the script of `poisoned_interpreter()` that runs this file.
"""

import importlib.abc
import importlib.util
import os
import runpy
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


class _BrokenTensorFlow(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name == "tensorflow" else None

    def exec_module(self, module: ModuleType) -> None:  # noqa: ARG002 - as the import system calls it
        raise ImportError("no such library")


_POISONS = {"decoder": _Finder, "tensorflow": _BrokenTensorFlow}

if __name__ == "__main__":
    for name in [name for name in os.environ if name.startswith("PYTHON")]:
        del os.environ[name]  # as -I has it: with one of them headct would start this anew
    sys.executable, poison = sys.argv[1:3]
    at = sys.argv.index("-m") + 1
    module, sys.argv = sys.argv[at], sys.argv[at:]
    sys.path.pop(0)  # the folder of this file
    sys.meta_path.insert(0, _POISONS[poison]())
    runpy.run_module(module, run_name="__main__", alter_sys=True)
