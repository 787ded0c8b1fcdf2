"""What supervisord reads of the file that `headct up` writes."""

import shlex
import sys
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from cli.supervision import configuration, tell_supervisor
from core.home import Home
from core.settings import Settings


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
