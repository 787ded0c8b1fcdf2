"""A study as its users drop it: a folder of DICOM, a zip of it, a folder of pictures."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from PIL import Image

from tests.faults.system import System
from tests.faults.trials import Files
from tests.processes import run_headct, wait_until

_SLICES = 12


def study(system: System, **wanted: object) -> dict[str, Any] | None:
    """The final study with these facts."""
    rows = json.loads(run_headct(system.home, "studies", "--format", "json").stdout)
    fitting = [row for row in rows if row["state"] == "final" and wanted.items() <= row.items()]
    return fitting[0] if fitting else None


def test_a_folder_and_then_a_zip_of_it_are_one_study(
    system: System, synthetic_images: Path, tmp_path: Path
) -> None:
    files = Files(sorted(synthetic_images.rglob("*.png")))
    slices = files.slices_of("1.2.840.77", range(_SLICES))
    for number, data in enumerate(slices):
        system.drop(data, f"CD/DICOM/IM{number}", state="classified")
    # Where a slice takes longer than a study waits for its next, it is final earlier too.
    whole = {"study_uid": "1.2.840.77", "images_received": _SLICES}
    first = wait_until(lambda: study(system, **whole), what="the study is final with all its slices")
    assert first["warnings"] is None
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, data in reversed([*enumerate(slices)]):
            archive.writestr(f"CD/DICOM/IM{number}", data)
        archive.writestr("CD/autorun.inf", "[autorun]")
        archive.writestr("../../escaped.dcm", slices[0])
    path = system.home.inbox / "again.zip"
    path.write_bytes(packed.getvalue())
    wait_until(lambda: system.state("again.zip") == "unpacked", what="the archive is unpacked")
    row = system.rows()["again.zip"]
    assert f"{_SLICES} images were taken" in row.warnings
    again = wait_until(lambda: study(system, **whole), what="the study is final")
    assert again == first
    shown = run_headct(system.home, "studies", "show", "1.2.840.77", "-o", str(tmp_path / "strip.png"))
    assert shown.returncode == 0, shown.stderr
    with Image.open(tmp_path / "strip.png") as strip:
        assert strip.width > 800
    path.unlink(missing_ok=True)


def test_pictures_in_a_named_folder_are_a_study_and_a_reader_says_what_it_shows(
    system: System, synthetic_images: Path
) -> None:
    files = Files(sorted(synthetic_images.rglob("*.png")))
    for number in range(4):
        content, _ = files.new()
        system.drop(content, f"studies/Head 7/{number}.png", state="classified")
    wait_until(lambda: study(system, name="Head 7", images_received=4), what="the study is final with all")
    said = run_headct(system.home, "label", "--study", "Head 7", "normal")
    assert said.returncode == 0, said.stderr
    assert study(system, name="Head 7", reader_label="normal")
