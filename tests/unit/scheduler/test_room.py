from pathlib import Path

import pytest
from msgspec.structs import replace

from core.errors import DiskNearlyFull
from core.home import Home
from core.secret import Secret
from core.settings import Settings
from scheduler.room import Disks
from tests.conftest import file_system


def test_the_fullest_disk_counts_also_that_of_a_database_elsewhere(
    settings: Settings, home: Home, tmp_path: Path
) -> None:
    url = Secret(f"sqlite:///{tmp_path}/sql/headct.db")
    with file_system(tmp_path / "sql", "3m"):
        disks = Disks(replace(settings, database_url=url, min_free_mb=4), home)
        assert disks.least_room().folder == tmp_path / "sql"
        with pytest.raises(DiskNearlyFull, match=r"only [23] MiB are free below .*/sql.* below 4 MiB"):
            disks.check()


def test_redis_of_its_own_machine_does_not_count(settings: Settings, home: Home) -> None:
    home.redis.rmdir()
    assert Disks(settings, home).least_room().folder == home.redis, "what is gone has no room"
    elsewhere = replace(settings, broker_url=Secret("redis://:password@elsewhere"))
    assert Disks(elsewhere, home).least_room().free_mb > 0


def test_without_a_mark_nothing_is_too_full(settings: Settings, home: Home) -> None:
    home.store.rmdir()
    Disks(replace(settings, min_free_mb=0), home).check()
    with pytest.raises(DiskNearlyFull):
        Disks(replace(settings, min_free_mb=1), home).check()
