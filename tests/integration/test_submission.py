from pathlib import Path

from sqlalchemy import Engine

from core.home import Home
from tests.processes import run_headct


def test_a_full_disk_is_told_and_the_files_stay(
    home: Home, sqlite_engine: Engine, small_disk: Path, tmp_path: Path
) -> None:
    home.store.rmdir()
    home.store.symlink_to(small_disk)
    (small_disk / "filler").write_bytes(bytes(60_000))
    scan = tmp_path / "scan.png"
    scan.write_bytes(bytes(30_000))
    refused = run_headct(home, "submit", "--move", str(scan))
    assert refused.returncode == 1
    assert "HEADCT_MIN_FREE_MB" in refused.stderr, "below the low-water mark it does not try"
    refused = run_headct(home, "submit", "--move", str(scan), HEADCT_MIN_FREE_MB="0")
    assert refused.returncode == 1
    assert "No space left on device" in refused.stderr
    assert "headct doctor" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert scan.exists()


def test_a_home_that_was_never_migrated_is_told(home: Home, tmp_path: Path) -> None:
    refused = run_headct(home, "submit", str(tmp_path))
    assert refused.returncode == 1
    assert "headct migrate" in refused.stderr
