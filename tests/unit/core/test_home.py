import stat
from pathlib import Path

import pytest

from core.errors import SettingsError
from core.home import Home


def test_folders_are_for_this_user_alone(home: Home) -> None:
    for folder in (home.root, home.inbox, home.store, home.redis, home.root / "secrets"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_long_home_keeps_its_redis_socket_in_a_short_private_folder(tmp_path: Path) -> None:
    home = Home(tmp_path / ("long" * 30))
    home.make()
    assert len(str(home.redis_socket)) < 100
    assert stat.S_IMODE(home.redis_socket.parent.stat().st_mode) == 0o700
    home.redis_socket.parent.rmdir()


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"cannot be a home of headct.*Name a folder"):
        Home(tmp_path / "file" / "home").make()
