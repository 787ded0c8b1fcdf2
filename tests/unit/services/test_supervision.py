"""The supervisor of `headct up`: what it reads, and what it tells of parts that end at once."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from core.home import Home
from core.secret import kept_secret
from core.settings import Settings
from services.doctor import run_checks
from services.supervision import SUPERVISOR_PASSWORD, configuration, ended_parts, tell_supervisor
from tests.processes import wait_until


@pytest.fixture(params=["", "nohup"])
def supervisor(
    request: pytest.FixtureRequest, home_in_use: Home, monkeypatch: pytest.MonkeyPatch
) -> Iterator[subprocess.Popen[bytes]]:
    home = home_in_use
    for variable in ("_HEADCT_COMMAND", "_HEADCT_SOCKET", "_HEADCT_PARENT"):
        monkeypatch.setenv(variable, "")  # is removed in the end
    tell_supervisor(home)
    monkeypatch.setenv("_HEADCT_COMMAND", "/bin/false")
    file = home.run / "supervisord.conf"
    file.write_text(configuration(Settings(home=home.root), kept_secret(home, SUPERVISOR_PASSWORD)))
    command = [sys.executable, "-I", "-m", "services.supervisor", "--nodaemon", "-c", str(file)]
    ignoring: Callable[[], object] | None = None
    if request.param:
        ignoring = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    process = subprocess.Popen(command, preexec_fn=ignoring, stderr=subprocess.DEVNULL)  # noqa: PLW1509
    yield process
    if process.poll() is None:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("supervisor", [""], indirect=True)
def test_parts_that_end_again_and_again_are_told_and_a_closed_terminal_ends_all(
    home_in_use: Home, supervisor: subprocess.Popen[bytes]
) -> None:
    parts = {"redis", "scheduler", "worker", "training", "flower", "web"}
    wait_until(lambda: set(ended_parts(home_in_use) or ()) == parts, 30, every_s=0.2)
    told = str(dict(run_checks())["parts of headct up"])
    assert told is not None
    assert "flower" in told
    assert str(home_in_use.logs / "flower.log") in told
    supervisor.send_signal(signal.SIGHUP)
    assert supervisor.wait(20) == 0
    assert ended_parts(home_in_use) is None


@pytest.mark.parametrize("supervisor", ["nohup"], indirect=True)
def test_with_nohup_a_closed_terminal_ends_nothing(
    home_in_use: Home, supervisor: subprocess.Popen[bytes]
) -> None:
    wait_until(lambda: "redis" in (ended_parts(home_in_use) or ()), 30, every_s=0.2)
    os.kill(supervisor.pid, signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        supervisor.wait(1.5)


@pytest.mark.parametrize("python", [sys.executable, '/opt/my %d ; "venv" #1\'s/bin/python'])
@pytest.mark.parametrize(
    "name", ["home", " a b ", "%d%%", "a ;b", "a #b", '"q" \'s', "a,b:c=d", "[x]", "$HOME", "hôme頭"]
)
def test_paths_of_any_name_reach_supervisord(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, python: str
) -> None:
    home = Home(tmp_path / name)
    home.make()
    monkeypatch.setattr(sys, "executable", python)
    for variable in ("HEADCT_HOME", "_HEADCT_COMMAND", "_HEADCT_PARENT"):
        monkeypatch.setenv(variable, "")  # is removed in the end
    tell_supervisor(home)
    file = home.run / "supervisord.conf"
    file.write_text(configuration(Settings(home=home.root), "password"))
    options = ServerOptions()
    options.realize(["-c", str(file)])
    assert options.logfile == str(home.logs / "supervisord.log")
    assert options.pidfile == str(home.run / "supervisord.pid")
    assert options.childlogdir == str(home.logs)
    programs = {
        program.name: program for group in options.process_group_configs for program in group.process_configs
    }
    assert programs.keys() >= {"redis", "scheduler", "worker", "flower"}
    for part, program in programs.items():
        assert program.stdout_logfile == str(home.logs / f"{part}.log")
        assert shlex.split(program.command)[:4] == [python, "-I", "-m", "cli"]
