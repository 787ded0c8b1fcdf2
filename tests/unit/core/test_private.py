"""Whether the home is for headct's user alone is looked at when headct starts; whose it is, always."""

import os
import pwd
from pathlib import Path

import pytest

from core.errors import HomeNotPrivate
from core.home import Home
from core.private import check_private
from core.secret import kept_secret
from services.context import make_home, open_home


@pytest.fixture(autouse=True)
def files(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADCT_HOME", str(home.root))
    kept_secret(home, "redis_password")
    for suffix in ("", "-wal", "-shm"):
        path = Path(f"{home.database}{suffix}")
        path.touch()
        path.chmod(0o600)


PRIVATE = ["secrets", "secrets/redis_password", "store", "rejected", "dataset", "models", "reports", "redis"]
PRIVATE += ["logs", "run", "headct.db", "headct.db-wal", "headct.db-shm"]


@pytest.mark.parametrize("name", PRIVATE)
def test_what_others_may_read_is_refused_with_the_command_that_mends_it(home: Home, name: str) -> None:
    path = home.root / name
    path.chmod(path.stat().st_mode | 0o040)
    with pytest.raises(HomeNotPrivate, match=rf"`chmod go= {path}`") as caught:
        make_home()
    assert ("new passwords" in str(caught.value)) == name.startswith("secrets")
    path.chmod(path.stat().st_mode & 0o700)
    make_home()


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o702, 0o740])
def test_a_home_that_others_may_list_or_write_is_refused(home: Home, mode: int) -> None:
    home.root.chmod(mode)
    with pytest.raises(HomeNotPrivate, match=f"chmod 711 {home.root}"):
        make_home()


def test_a_group_may_drop_files_as_the_documents_say(home: Home) -> None:
    home.root.chmod(0o711)
    home.inbox.chmod(0o2770)
    make_home()


def test_every_folder_of_a_new_home_is_looked_at(home: Home) -> None:
    folders = {path for path in home.root.iterdir() if path.is_dir()}
    assert folders - {home.inbox} <= set(home.private)


def test_a_database_elsewhere_is_looked_at_too(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere.db"
    elsewhere.touch()
    elsewhere.chmod(0o644)
    monkeypatch.setenv("HEADCT_DATABASE_URL", f"sqlite:///{elsewhere}")
    with pytest.raises(HomeNotPrivate, match=r"elsewhere\.db"):
        make_home()


def test_a_store_that_is_a_link_is_looked_at_where_it_leads(home: Home, tmp_path: Path) -> None:
    larger = tmp_path / "larger"
    larger.mkdir(mode=0o700)
    home.store.rmdir()
    home.store.symlink_to(larger)
    make_home()
    larger.chmod(0o755)
    with pytest.raises(HomeNotPrivate, match="larger"):
        make_home()


def test_the_socket_folder_of_a_long_home_is_no_link(tmp_path: Path) -> None:
    home = Home(tmp_path / ("long" * 30))
    home.make()
    folder = home.redis_socket.parent
    check_private(home)
    folder.rmdir()
    (tmp_path / "open").mkdir()
    folder.symlink_to(tmp_path / "open")
    with pytest.raises(HomeNotPrivate, match=str(folder)):
        check_private(home)
    folder.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
@pytest.mark.parametrize("name", ["", "secrets/redis_password", "store", "headct.db", "headct.db-wal"])
def test_what_belongs_to_another_user_is_told(home: Home, name: str) -> None:
    os.chown(home.root / name, pwd.getpwnam("nobody").pw_uid, -1)
    for start in (make_home, *([] if name else [open_home])):
        with pytest.raises(
            HomeNotPrivate, match=r"belongs to nobody, and this is root\. Run headct as nobody"
        ):
            start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_is_told_whose_home_it_is(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = [path for path in home.root.parents if path.stat().st_mode & 0o011 != 0o011]
    modes = [path.stat().st_mode for path in opened]
    for path, mode in zip(opened, modes, strict=True):
        path.chmod(mode | 0o011)
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        with pytest.raises(HomeNotPrivate, match=r"cannot be read by this user"):
            open_home()
    finally:
        os.seteuid(0)
        for path, mode in zip(opened, modes, strict=True):
            path.chmod(mode)
