"""A file of 2,000 frames (1,000 MiB) and single slices beside it: python -m benchmarks.large_file.

Says what a classify process held of what it may (`worker.limits`), how long the file took, and how long
slices waited that were closed meanwhile.
"""

import io
import re
import struct
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]  # ships no types
from pydicom import Dataset, dcmread

from benchmarks.dicom_images import DicomSource
from benchmarks.processes import classify_children
from benchmarks.system import RunningSystem, running_system

_FRAMES, _MAX_FILE_MB = 2000, "1100"
_LOOK_S, _BETWEEN_S, _PATIENCE_S = 0.005, 0.25, 300.0
_LEFT = "SELECT count(*) FROM file WHERE size_bytes > 5e8 AND finished_at IS NULL"
_DONE = "SELECT count(*) FROM image JOIN file ON file.id = file_id WHERE size_bytes > 5e8"


def write_large_file(path: Path, slices: list[bytes], frames: int = _FRAMES) -> None:
    """Write enhanced CT of the pixels of these slices, in turn, 0.1 mm apart."""
    datasets = [dcmread(io.BytesIO(one)) for one in slices]
    enhanced = datasets[0]
    del enhanced.ImagePositionPatient, enhanced.NumberOfStudyRelatedInstances
    pixels = [dataset.PixelData for dataset in datasets]
    enhanced.NumberOfFrames, enhanced.PixelData = frames, b""
    enhanced.PerFrameFunctionalGroupsSequence = [_groups(number) for number in range(frames)]
    head = io.BytesIO()
    enhanced.save_as(head, enforce_file_format=True)
    with path.open("wb") as file:
        file.write(head.getvalue()[:-4])  # the length of no pixels, which are the last element
        file.write(struct.pack("<L", frames * len(pixels[0])))
        file.writelines(pixels[number % len(pixels)] for number in range(frames))


def _groups(number: int) -> Dataset:
    position, groups = Dataset(), Dataset()
    position.ImagePositionPatient = [0, 0, round(0.1 * number, 1)]
    groups.PlanePositionSequence = [position]
    return groups


class _Watch:
    """The most that any classify process held, in MiB, beside what it may hold (RLIMIT_DATA)."""

    def __init__(self) -> None:
        self.data = self.resident = self.limit = 0.0

    def look(self, system: RunningSystem) -> None:
        for child in classify_children(system):
            status = Path(f"/proc/{child.pid}/status").read_text(encoding="ascii")
            sizes = {name: int(size) / 1024 for name, size in re.findall(r"(\w+):\s+(\d+) kB", status)}
            self.data = max(self.data, sizes["VmData"])
            self.resident = max(self.resident, sizes["VmHWM"])
            self.limit = psutil.Process(child.pid).rlimit(psutil.RLIMIT_DATA)[0] / 2**20


def main() -> None:
    """Measure once, and print."""
    source = DicomSource()
    with tempfile.TemporaryDirectory(prefix="headct-bench-") as folder:
        first = next(source.files(1))
        with running_system(Path(folder) / "home", first, HEADCT_MAX_FILE_MB=_MAX_FILE_MB) as system:
            system.wait_for(1, _LOOK_S)
            large = Path(folder) / "large.dcm"
            write_large_file(large, list(source.files(40)))
            watch, waited = _Watch(), []
            watch.look(system)
            before = watch.data
            began = time.perf_counter()
            large.rename(system.home.inbox / large.name)
            while not system.count(_DONE):
                watch.look(system)
                time.sleep(_LOOK_S)
            begun = time.perf_counter()
            while system.count(_LEFT) and time.perf_counter() < began + _PATIENCE_S:
                path = system.home.inbox / f"beside-{len(waited)}.dcm"
                data = next(source.files(1))
                expected = system.finished() + 1
                path.write_bytes(data)
                closed = time.perf_counter()
                while system.finished() < expected:
                    watch.look(system)
                    time.sleep(_LOOK_S)
                waited.append(time.perf_counter() - closed)
                time.sleep(_BETWEEN_S)
            ended = time.perf_counter()
            system.check_results()
            done = system.count(_DONE)
    print(f"{done} of {_FRAMES} frames, {ended - began:.1f} s; the first after {begun - began:.1f} s")
    print(
        f"a process held at most {watch.data:.0f} MiB ({before:.0f} before) of {watch.limit:.0f}, "
        f"{watch.resident:.0f} resident"
    )
    middle, slow = np.percentile(waited, (50, 100))
    print(f"{len(waited)} slices meanwhile: median {middle * 1000:.0f} ms, longest {slow * 1000:.0f} ms")


if __name__ == "__main__":
    main()
