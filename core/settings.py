"""The settings: environment variables `HEADCT_*`, a `.env` file, or files named by `HEADCT_*_FILE`."""

import os
import stat
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from core.broker_url import check_broker_url
from core.errors import SettingsError

PREFIX = "HEADCT_"
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class Settings(BaseSettings):
    """Every setting, validated once at process start and passed inward; nothing deeper reads `os.environ`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    home: Path = Field(Path("var"), description="Folder of inbox, store, database, Redis, models and logs.")
    database_url: SecretStr | None = Field(
        None,
        description="`sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`; unset: SQLite in the home.",
    )
    broker_url: SecretStr | None = Field(
        None,
        description="`redis://`, `rediss://` or `redis+socket://` URL with a password; unset: `up` starts an "
        "embedded Redis.",
    )
    settle_seconds: Annotated[float, Field(ge=0, le=3600)] = Field(
        2.0, description="Stillness in seconds before a file that does not carry its own end is taken."
    )
    poll_seconds: Annotated[float, Field(ge=0, le=3600)] = Field(
        0.0, description="Poll the inbox this often in seconds, for network mounts; 0: file events."
    )
    rescan_seconds: Annotated[float, Field(ge=1, le=3600)] = Field(
        30.0, description="Seconds between full scans of the inbox, since file events can be lost."
    )
    max_file_mb: Annotated[float, Field(gt=0, le=65536)] = Field(
        64.0, description="Larger files (in MiB) are moved to `rejected`, never decoded."
    )
    min_free_mb: Annotated[int, Field(ge=0, le=100_000_000)] = Field(
        500, description="With less free disk space (in MiB) the intake pauses; 0: only when a disk is full."
    )
    max_pixels: Annotated[int, Field(ge=4096, le=1_000_000_000)] = Field(
        20_000_000, description="Images with more pixels are rejected before they are decoded."
    )
    chunk_size: Annotated[int, Field(ge=1, le=256)] = Field(16, description="Scans per queued task, at most.")
    high_water_chunks: Annotated[int, Field(ge=1, le=10_000)] = Field(
        32, description="Tasks waiting in Redis, at most; further scans wait in the database."
    )
    lease_seconds: Annotated[float, Field(ge=5, le=86_400)] = Field(
        45.0, description="After this many seconds an unfinished scan is published again."
    )
    max_attempts: Annotated[int, Field(ge=2, le=100)] = Field(
        3, description="A scan that took the worker down this often is quarantined."
    )
    worker_processes: Annotated[int, Field(ge=0, le=256)] = Field(
        0, description="Classify processes, each with the network in memory; 0: one per core."
    )
    target_sensitivity: Annotated[float, Field(gt=0.5, lt=1)] = Field(
        0.95, description="Sensitivity that a new version's threshold is chosen for, on the validation split."
    )
    retrain_cron: str | None = Field(
        None,
        description="When to retrain by itself, as `minute hour day month weekday` in UTC; unset: never.",
    )
    retrain_after_labels: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        0, description="Retrain by itself after so many newly labelled scans; 0: never."
    )
    flower_address: str = Field("127.0.0.1", description="Address that Flower listens on.")
    flower_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        5555, description="Port of Flower; 0: any free one."
    )
    flower_user: str = Field("headct", min_length=1, description="User name for Flower.")
    flower_password: SecretStr | None = Field(
        None, description="Password for Flower; unset: `up` makes one and keeps it in `secrets/`."
    )
    flower_read_only: bool = Field(True, description="Whether Flower can only show, never stop or change.")
    heartbeat_seconds: Annotated[float, Field(ge=1, le=600)] = Field(
        15.0, description="A classify worker that takes no message for three times as many seconds is deaf."
    )
    metrics_address: str = Field("127.0.0.1", description="Address that the metrics are served on.")
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        5556, description="Port of the metrics; 0: any free one."
    )
    log_level: LogLevel = Field("INFO", description="Least serious level that is logged.")

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("retrain_cron")
    @classmethod
    def _known_schedule(cls, value: str | None) -> str | None:
        if value is None:
            return value
        from celery.schedules import ParseException, crontab  # noqa: PLC0415 - slow, and seldom needed

        try:
            crontab.from_string(value)
        except (ParseException, ValueError, TypeError) as error:
            raise ValueError("must be five fields as in `0 3 * * 1` (Mondays at 3:00 UTC)") from error
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not value.get_secret_value().startswith(
            ("sqlite:///", "postgresql://", "postgresql+psycopg://")
        ):
            raise ValueError("must start with sqlite:/// or postgresql://")
        return value

    @field_validator("broker_url")
    @classmethod
    def _known_broker(cls, value: SecretStr | None) -> SecretStr | None:
        if value:
            check_broker_url(value.get_secret_value())
        return value

    @field_validator("flower_user", "flower_password")
    @classmethod
    def _one_login(cls, value: str | SecretStr | None) -> str | SecretStr | None:
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value or ""
        if "," in plain or (isinstance(value, str) and ":" in plain):
            raise ValueError("Flower reads a comma as the end of a login, and a colon as the end of the user")
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - inherited
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order of precedence: arguments, environment, `_FILE` variables, `.env`."""
        return init_settings, env_settings, _FileSource(settings_cls), dotenv_settings


class _FileSource(PydanticBaseSettingsSource):
    """Reads a setting from the file that `HEADCT_<NAME>_FILE` names (in the environment or `.env`)."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ANN401, ARG002 - inherited
        variable = f"{PREFIX}{field_name}_FILE".upper()
        dotenv = DotEnvSettingsSource(self.settings_cls).env_vars
        path = os.environ.get(variable) or dotenv.get(variable.lower())
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text().strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            raise SettingsError(
                f"{variable}={path}: the file cannot be read ({why}). "
                "Name a readable file, or unset the variable."
            ) from error

    def __call__(self) -> dict[str, Any]:
        found = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in found.items() if value is not None}


def load_settings() -> Settings:
    """Read the settings from environment and `.env`.

    Raises
    ------
    SettingsError
        A value is not allowed, or a variable is unknown; names the variable, the value and what is allowed.
        Or a password stands in a `.env` that every user of the machine can read.
    """
    _refuse_unknown()
    _refuse_open_dotenv()
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(problem) for problem in error.errors())) from None


def _refuse_unknown() -> None:
    """A misspelt variable would silently leave the default in force."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    known |= {f"{name}_FILE" for name in known}
    given = {
        name.upper()
        for name in (*EnvSettingsSource(Settings).env_vars, *DotEnvSettingsSource(Settings).env_vars)
    }
    for variable in sorted(name for name in given if name.startswith(PREFIX) and name not in known):
        if not variable.startswith(f"{PREFIX}TEST_"):
            raise SettingsError(
                f"{variable} is no setting of headct. The settings are listed in docs/settings.md."
            )


def _refuse_open_dotenv() -> None:
    """A group may read it, for a service whose settings are another user's."""
    given, path = DotEnvSettingsSource(Settings).env_vars, Path(".env")
    for name, field in Settings.model_fields.items():
        value = given.get(f"{PREFIX}{name}".lower())
        # A URL without a login is no secret.
        secret = "Secret" in str(field.annotation) and value and ("URL" not in name.upper() or "@" in value)
        if secret and path.stat().st_mode & stat.S_IRWXO:
            raise SettingsError(
                f"{PREFIX}{name.upper()} stands in a .env that every user of this machine can read. "
                "Run `chmod o= .env`."
            )


def _explain(problem: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    name = str(problem["loc"][0])
    field = Settings.model_fields[name]
    value = "(not shown, it may hold a password)" if "Secret" in str(field.annotation) else problem["input"]
    problem_said = problem["msg"].removeprefix("Value error, ")
    return f"{PREFIX}{name.upper()}={value} is not allowed: {problem_said}. {field.description}"
