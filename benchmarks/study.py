"""(l) A study that is dropped as a folder, until its final row; its files say how many images it has."""

import time

from benchmarks.dicom_images import SLICES, DicomSource
from benchmarks.system import RunningSystem

_FINAL = "SELECT count(*) FROM study_result"
_LOOK_S, _PATIENCE_S = 0.01, 120.0


def measure_study(system: RunningSystem, source: DicomSource, repeats: int = 3) -> list[float]:
    """Seconds of each, from the rename of its folder into the inbox."""
    source.begin_study()
    seconds = []
    for number in range(repeats):
        folder = system.home.root / f"study-{number}"
        source.write(folder, SLICES)
        before = system.count(_FINAL)
        began = time.perf_counter()
        folder.rename(system.home.inbox / folder.name)
        while system.count(_FINAL) == before and time.perf_counter() - began < _PATIENCE_S:
            time.sleep(_LOOK_S)
        seconds.append(time.perf_counter() - began)
    return seconds
