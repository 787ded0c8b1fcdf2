"""The limits of one file, in processes of their own, which they end."""

import multiprocessing
import platform
import resource
import signal
import time
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from core.settings import Settings
from worker.limits import file_limits, held, limit_memory

SETTINGS = Settings()
FORKED = multiprocessing.get_context("fork")


def exit_code_of(work: Callable[[], None]) -> int | None:
    """How a process that does this work ends."""
    process = FORKED.Process(target=work)
    process.start()
    process.join(20)
    assert process.exitcode is not None
    return process.exitcode


def test_a_file_that_takes_too_long_ends_its_process_even_within_one_call() -> None:
    def work() -> None:
        with file_limits(SETTINGS, file_s=0.05)():
            pow(3, 10**8)  # one call of C that looks for no signal

    assert exit_code_of(work) == -signal.SIGALRM


def test_files_in_time_end_nothing_however_many() -> None:
    def work() -> None:
        limited = file_limits(SETTINGS, file_s=0.5)
        for _ in range(3):
            with limited():
                time.sleep(0.01)
        time.sleep(0.6)

    assert exit_code_of(work) == 0


def test_the_files_of_a_chunk_have_a_limit_together() -> None:
    def work() -> None:
        limited = file_limits(SETTINGS, chunk_s=0.1)
        while True:
            with limited():
                time.sleep(0.03)

    assert exit_code_of(work) == -signal.SIGALRM


def test_small_limits_leave_room_for_the_next_network() -> None:
    def work() -> None:
        limit_memory(replace(SETTINGS, max_pixels=10_000, max_file_mb=1.0))
        bytearray(100 * 2**20)
        with pytest.raises(MemoryError):
            bytearray(2**30)

    assert exit_code_of(work) == 0


def test_memory_beyond_what_the_largest_file_needs_is_refused_and_the_process_lives() -> None:
    def work() -> None:
        before = resource.getrlimit(resource.RLIMIT_DATA)
        limit_memory(SETTINGS)
        assert resource.getrlimit(resource.RLIMIT_DATA) != before
        bytearray(350 * 2**20)
        with pytest.raises(MemoryError):
            bytearray(2**30)

    assert exit_code_of(work) == 0


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library's malloc")
def test_what_large_images_took_goes_back_whatever_small_things_were_kept_meanwhile() -> None:
    def work() -> None:
        limit_memory(SETTINGS)
        bytearray(20 * 2**20)
        before, kept, blocks = held(), [], []
        for _ in range(8):
            blocks.append(bytearray(20 * 2**20))
            kept.append(b"-" * 100_000)
        blocks.clear()
        assert held() - before < 40 * 2**20

    assert exit_code_of(work) == 0
