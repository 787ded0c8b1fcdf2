"""The settings: environment variables `HEADCT_*`, a `.env` file, or files named by `HEADCT_*_FILE`."""

from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta

from core.environment import PREFIX, read_environment
from core.errors import SettingsError
from core.secret import Secret
from core.setting_values import check_home, read_value

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting, checked by `load_settings` and passed inward; nothing deeper reads `os.environ`."""

    home: Annotated[Path, "Folder of inbox, store, database, Redis, models and logs."] = Path("var")
    database_url: Annotated[
        Secret | None,
        "`sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`; unset: SQLite in the home.",
    ] = None
    broker_url: Annotated[
        Secret | None,
        "`redis://`, `rediss://` or `redis+socket://` URL with a password; unset: `up` starts an "
        "embedded Redis.",
    ] = None
    stat: Annotated[
        str | None,
        "What DICOM files go before all others, as `KEYWORD=PATTERN`, for example "
        "`RequestedProcedurePriority=STAT`; unset: those in the inbox's folder `stat` alone.",
    ] = None
    study_settle_seconds: Annotated[
        float,
        Meta(ge=0, le=3600),
        "Seconds without a further image after which a study is final.",
    ] = 15.0
    settle_seconds: Annotated[
        float,
        Meta(ge=0, le=3600),
        "Stillness in seconds before a file that does not carry its own end is taken.",
    ] = 2.0
    poll_seconds: Annotated[
        float,
        Meta(ge=0, le=3600),
        "Poll the inbox this often in seconds, for network mounts; 0: file events.",
    ] = 0.0
    rescan_seconds: Annotated[
        float,
        Meta(ge=1, le=3600),
        "Seconds between two looks through the whole inbox, since file events can be lost.",
    ] = 30.0
    max_file_mb: Annotated[
        float,
        Meta(gt=0, le=65536),
        "Larger files (in MiB) are moved to `rejected`, never decoded.",
    ] = 64.0
    max_archive_mb: Annotated[
        float,
        Meta(gt=0, le=65536),
        "Zip, tar and tar.gz files that are larger (in MiB), or unpack to more, are rejected.",
    ] = 2048.0
    min_free_mb: Annotated[
        int,
        Meta(ge=0, le=100_000_000),
        "With less free disk space (in MiB) the intake pauses; 0: only when a disk is full.",
    ] = 500
    patient_ids: Annotated[
        Literal["hashed", "clear"],
        "What is kept of a patient's identifier: its HMAC with a secret of the home, or also itself.",
    ] = "hashed"
    max_pixels: Annotated[
        int,
        Meta(ge=4096, le=1_000_000_000),
        "Images with more pixels are rejected before they are decoded.",
    ] = 20_000_000
    chunk_size: Annotated[int, Meta(ge=1, le=256), "Files per queued task, at most."] = 32
    high_water_chunks: Annotated[
        int,
        Meta(ge=1, le=10_000),
        "Tasks waiting in Redis, at most; further files wait in the database.",
    ] = 32
    lease_seconds: Annotated[
        float,
        Meta(ge=5, le=86_400),
        "After this many seconds an unfinished file is published again.",
    ] = 45.0
    max_attempts: Annotated[
        int,
        Meta(ge=2, le=100),
        "A file that took the worker down this often is quarantined.",
    ] = 3
    worker_processes: Annotated[
        int,
        Meta(ge=0, le=256),
        "Classify processes, each with the network in memory; 0: one per core.",
    ] = 0
    target_sensitivity: Annotated[
        float,
        Meta(gt=0.5, lt=1),
        "Sensitivity that a new version's threshold is chosen for, on the validation split.",
    ] = 0.95
    retrain_cron: Annotated[
        str | None,
        "When to retrain by itself, as `minute hour day month weekday` in UTC; unset: never.",
    ] = None
    retrain_after_labels: Annotated[
        int,
        Meta(ge=0, le=1_000_000),
        "Retrain by itself after so many newly labelled files; 0: never.",
    ] = 0
    flower_address: Annotated[str, "Address that Flower listens on."] = "127.0.0.1"
    flower_port: Annotated[int, Meta(ge=0, le=65535), "Port of Flower; 0: any free one."] = 5555
    flower_user: Annotated[str, Meta(min_length=1), "User name for Flower."] = "headct"
    flower_password: Annotated[
        Secret | None,
        "Password for Flower; unset: `up` makes one and keeps it in `secrets/`.",
    ] = None
    flower_read_only: Annotated[bool, "Whether Flower can only show, never stop or change."] = True
    heartbeat_seconds: Annotated[
        float,
        Meta(ge=1, le=600),
        "A classify worker that takes no message for three times as many seconds is deaf.",
    ] = 15.0
    metrics_address: Annotated[str, "Address that the metrics are served on."] = "127.0.0.1"
    metrics_port: Annotated[int, Meta(ge=0, le=65535), "Port of the metrics; 0: any free one."] = 5556
    web_address: Annotated[str, "Address that the web page is served on."] = "127.0.0.1"
    web_port: Annotated[int, Meta(ge=0, le=65535), "Port of the web page; 0: any free one."] = 5557
    web_hosts: Annotated[
        str,
        "Host names by which browsers may call the web page, with commas between.",
    ] = "localhost,127.0.0.1,[::1]"
    web_prefix: Annotated[
        str,
        "Path that the web page is served below, as `/headct`, where a proxy keeps it in the address.",
    ] = ""
    web_certificate: Annotated[Path | None, "Certificate (PEM) for TLS; unset: plain HTTP."] = None
    web_key: Annotated[Path | None, "Key (PEM) of that certificate."] = None
    web_proxies: Annotated[
        str,
        "Addresses of proxies that are believed who asks, and how, with commas between.",
    ] = ""
    web_user_header: Annotated[
        str | None,
        "Header in which these proxies name who has signed in there, as `X-Remote-User`; unset: none.",
    ] = None
    web_session_minutes: Annotated[
        float,
        Meta(gt=0, le=1440),
        "Minutes without a click after which one has to sign in again.",
    ] = 60.0
    web_names: Annotated[
        Literal["nobody", "admins", "readers"],
        "Who sees names of studies and files on the web page, which may identify patients.",
    ] = "nobody"
    log_level: Annotated[LogLevel, "Least serious level that is logged."] = "INFO"

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "home", self.home.expanduser().absolute())


_TYPES: dict[str, Any] = get_type_hints(Settings, include_extras=True)
DESCRIPTIONS: dict[str, str] = {name: kind.__metadata__[-1] for name, kind in _TYPES.items()}
"""What each setting is for, by its name."""
_SECRETS = [name for name, kind in _TYPES.items() if Secret in get_args(kind.__origin__)]


def load_settings() -> Settings:
    """Read the settings from environment and `.env`.

    Raises
    ------
    SettingsError
        A value is not allowed, or a variable is unknown; names the variable, the value and what is allowed.
        Or a password stands in a `.env` that every user of the machine can read.
    """
    environment = read_environment()
    environment.refuse_unknown(map(_variable, _TYPES))
    environment.refuse_open_dotenv(map(_variable, _SECRETS))
    values: dict[str, Any] = {}
    problems = []
    for name, kind in _TYPES.items():
        text = environment.find(_variable(name))
        if text is None:
            continue
        try:
            values[name] = read_value(name, kind, text)
        except ValueError as error:
            shown = "(not shown, it may hold a password)" if name in _SECRETS else text
            problems.append(f"{_variable(name)}={shown} is not allowed: {error}. {DESCRIPTIONS[name]}")
    if problems:
        raise SettingsError("\n".join(problems))
    settings = Settings(**values)
    try:
        check_home(settings.home)
    except ValueError as error:
        raise SettingsError(f"HEADCT_HOME={str(settings.home)!a} is not allowed: it {error}.") from error
    return settings


def _variable(name: str) -> str:
    return PREFIX + name.upper()
