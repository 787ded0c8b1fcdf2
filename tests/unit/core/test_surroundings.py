import os
import subprocess
import sys

from tests.other_programs import VARIABLES

_LEFT = "import os; from core.surroundings import shut_out; shut_out(); print(*sorted(os.environ.items()))"
_KEPT = {
    "PATH": os.environ["PATH"],
    "HOME": "/home/ann",
    "TZ": "Europe/Berlin",
    "LC_CTYPE": "C.UTF-8",
    "TMPDIR": "/nowhere",
    "NO_COLOR": "1",
    "LD_LIBRARY_PATH": "/nowhere",
    "SSL_CERT_FILE": "/etc/ssl/cert.pem",
    "CUDA_VISIBLE_DEVICES": "1",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "HEADCT_HOME": "/srv/headct",
    "headct_flower_port": "5555",
}
_TOLD = {"KERAS_BACKEND": "tensorflow", "KERAS_HOME": os.devnull, "TF_ENABLE_ONEDNN_OPTS": "1"}


def left(environment: dict[str, str], code: str = _LEFT) -> str:
    command = [sys.executable, "-I", "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_what_a_person_says_stays_and_what_other_programs_are_told_goes() -> None:
    let_in = {"TZ", "LC_ALL", "COLUMNS"}
    kept = {
        name: value for name, value in VARIABLES.items() if name.startswith("HEADCT_") or name in let_in
    } | _KEPT
    assert left({**VARIABLES, **_KEPT}) == left(kept)
    for name, value in (_KEPT | _TOLD).items():
        assert f"({name!r}, {value!r})" in left({**VARIABLES, **_KEPT})


def test_what_is_let_in_and_changes_libraries_is_named() -> None:
    code = "from core.surroundings import in_force; print(*in_force())"
    assert left({**VARIABLES, **_KEPT}, code).split() == [
        "CUDA_VISIBLE_DEVICES",
        "LD_LIBRARY_PATH",
        "SSL_CERT_FILE",
        "TF_FORCE_GPU_ALLOW_GROWTH",
    ]
