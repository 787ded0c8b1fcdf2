"""The deployment files fit the code: without a container engine this is what can be checked of them."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import typer.main
import yaml

from cli.lazy import load
from cli.main import app
from core.environment import PREFIX
from core.settings import DESCRIPTIONS

REPOSITORY = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("headct:")}
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
LOCKS = ["requirements.lock", "requirements-train.lock", "requirements-dev.lock"]
ONE_SHOT = {"migrate"}
VARIABLES = {
    variable
    for name in DESCRIPTIONS
    for variable in (f"{PREFIX}{name.upper()}", f"{PREFIX}{name.upper()}_FILE")
}


def packages() -> list[str]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    return [name for name in project["tool"]["setuptools"]["packages"] if "." not in name]


def copied() -> list[str]:
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


def test_every_service_of_the_design_is_there() -> None:
    parts = {"scheduler", "worker", "training", "flower", "web"}
    assert SERVICES.keys() == {"redis", "postgres", "migrate", *parts}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_tells_whether_it_is_well_or_runs_once(name: str) -> None:
    assert (name in ONE_SHOT) != bool(SERVICES[name].get("healthcheck", {}).get("test"))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_rights_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    user = re.sub(r"\$\{\w+:-(.+)\}", r"\1", service["user"])  # what compose takes by default
    assert user.split(":")[0] not in {"", "0", "root"}
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "network_mode", "pid", "ipc", "cap_add", "devices"} & service.keys()
    assert "docker.sock" not in str(service)
    assert service["stop_grace_period"]


@pytest.mark.parametrize("name", SERVICES)
def test_only_pages_and_the_metrics_are_published_and_on_loopback_alone(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    assert bool(ports) == (name in {"flower", "scheduler", "web"})
    assert all(str(port).startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_what_it_needs(name: str) -> None:
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        ends = needed in ONE_SHOT
        assert how["condition"] == ("service_completed_successfully" if ends else "service_healthy")


@pytest.mark.parametrize("name", OURS)
def test_every_part_shares_one_home_that_it_may_write(name: str) -> None:
    (volume,) = OURS[name]["volumes"]
    assert volume["target"] == OURS[name]["environment"]["HEADCT_HOME"]
    assert not volume.get("read_only")
    if name != "migrate":
        assert OURS[name]["depends_on"].keys() >= {"redis"}


def test_every_secret_is_a_file() -> None:
    secrets = COMPOSE["secrets"]
    assert all(secret.keys() == {"file"} for secret in secrets.values())
    for service in SERVICES.values():
        assert set(service.get("secrets", [])) <= secrets.keys()
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|URL", variable):
                assert variable.endswith("_FILE")
                assert value.removeprefix("/run/secrets/") in service["secrets"]


@pytest.mark.parametrize("file", ["docker-compose.yml", "Dockerfile"])
def test_every_variable_is_a_setting(file: str) -> None:
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]+", (REPOSITORY / file).read_text()))
    assert named
    assert named <= VARIABLES


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_of_headct(name: str) -> None:
    headct = typer.main.get_command(app)
    health = OURS[name].get("healthcheck", {}).get("test", [])
    lines = [OURS[name]["command"]]
    if health[1:2] == ["headct"]:
        lines.append(health[2:])
    elif health[:1] == ["CMD-SHELL"]:
        lines += [line.split() for line in re.findall(r"headct ([^|&;]+)", health[1])]
    for subcommand, *arguments in lines:
        # Parsing alone: an unknown option or value would raise.
        load(subcommand).make_context(subcommand, list(arguments), parent=click.Context(headct))


def test_the_image_runs_headct_as_a_user_without_rights() -> None:
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", DOCKERFILE, re.MULTILINE)
    assert 'ENTRYPOINT ["headct"]' in DOCKERFILE
    assert "--require-hashes" in DOCKERFILE
    assert not re.search(r"^ADD ", DOCKERFILE, re.MULTILINE)


def test_the_image_copies_what_there_is_and_every_package() -> None:
    allowed = (REPOSITORY / ".dockerignore").read_text().splitlines()
    for source in copied():
        assert (REPOSITORY / source).exists()
        assert f"!{source}" in allowed
    assert set(packages()) <= set(copied())


@pytest.mark.parametrize("name", OURS)
def test_only_what_trains_or_converts_models_has_the_image_with_tensorflow(name: str) -> None:
    target = OURS[name]["build"]["target"]
    assert target == ("train" if name in {"training", "migrate"} else "classify")
    assert OURS[name]["image"].split(":")[0] == ("headct-train" if target == "train" else "headct")
    assert re.search(rf"^FROM \S+ AS {target}$", DOCKERFILE, re.MULTILINE)


def test_who_only_classifies_installs_nothing_that_trains() -> None:
    trains = re.compile(r"^(tensorflow|keras|matplotlib|scikit-learn|onnx|tf2onnx)\b[^r]", re.MULTILINE)
    assert not trains.search((REPOSITORY / "requirements.lock").read_text())
    assert trains.search((REPOSITORY / "requirements-train.lock").read_text())
    until_train = DOCKERFILE.partition("AS train-packages")[0]
    assert "requirements.lock" in until_train
    assert "requirements-train.lock" not in until_train


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_versions_and_hashes_and_names_no_address(lock: str) -> None:
    text = (REPOSITORY / lock).read_text()
    assert "://" not in text
    entries = re.split(r"\n(?=\S)", text.strip())
    assert all(
        re.match(r"[a-z0-9._-]+(\[[a-z,-]+\])?==\S+", entry) and "--hash=sha256:" in entry
        for entry in entries
    )


def test_every_direct_dependency_has_its_reason_in_the_documents() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    groups = project["dependency-groups"].values()
    extras = project["project"]["optional-dependencies"]
    direct = [
        *project["project"]["dependencies"],
        *extras["train"],
        *(entry for group in groups for entry in group),
    ]
    names = {re.split(r"[=<>;]", entry)[0] for entry in direct if isinstance(entry, str)}
    table = (REPOSITORY / "docs" / "dependencies.md").read_text()
    assert names == set(re.findall(r"^\| ([A-Za-z0-9_\[\]-]+) \| ", table, re.MULTILINE)) - {"package", "---"}


def test_every_link_of_the_documents_leads_somewhere() -> None:
    for page in (REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.skipif(
    not shutil.which("docker")
    or subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode != 0,  # noqa: S607
    reason="the compose plugin of docker is not installed",
)
def test_compose_itself_accepts_the_file() -> None:
    command = ["docker", "compose", "--file", str(REPOSITORY / "docker-compose.yml"), "config", "--quiet"]
    assert subprocess.run(command, check=False).returncode == 0
