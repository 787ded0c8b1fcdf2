"""What every command begins with: settings, home, engine."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from core.errors import HomeNotPrivate, SettingsError
from core.home import Home
from core.logging import configure_logging
from core.private import check_owner, check_private
from core.settings import Settings, load_settings
from db.engine import database_url, make_engine
from db.revision import check_migrated


@dataclass(frozen=True)
class Context:
    """Settings, the home they name, and the engine of its database (which connects when first used)."""

    settings: Settings
    home: Home
    engine: Engine


def make_home() -> Context:
    """Read the settings, make the home's folders where there are none yet, and see who may read them.

    Raises
    ------
    SettingsError, HomeNotPrivate
    """
    settings = _settings()
    home = Home(settings.home)
    _is_made(home)  # or cannot be looked at
    home.make()
    context = context_of(settings)
    check_rights(context)
    return context


def open_home() -> Context:
    """Read the settings; the home has been made, and is this user's.

    Raises
    ------
    SettingsError, HomeNotPrivate
    """
    settings = _settings()
    home = Home(settings.home)
    if not _is_made(home):
        raise SettingsError(
            f"There is no home of headct at {settings.home}. Run this in the folder where `headct up` runs, "
            "or set HEADCT_HOME; `headct up` makes a new one."
        )
    check_owner(home)
    return context_of(settings)


def check_rights(context: Context) -> None:
    """Look whether home and database are for this user alone.

    Raises
    ------
    HomeNotPrivate
    """
    url = context.engine.url
    databases = [Path(url.database)] if url.get_backend_name() == "sqlite" and url.database else []
    check_private(context.home, *databases)


def open_migrated() -> Context:
    """As `open_home`, and the database stands at this code's migration.

    Raises
    ------
    SettingsError, HomeNotPrivate, DatabaseError
    """
    context = open_home()
    check_migrated(context.engine)
    return context


def _settings() -> Settings:
    settings = load_settings()
    configure_logging(settings.log_level)
    return settings


def _is_made(home: Home) -> bool:
    try:
        return home.is_made()
    except PermissionError as error:
        raise HomeNotPrivate(
            f"{home.root} cannot be read by this user. Run headct as the user whom it belongs to."
        ) from error
    except OSError as error:  # a name in it is too long, or its disk does not answer
        raise SettingsError(f"HEADCT_HOME={home.root} cannot be looked at: {error.strerror}.") from error


def context_of(settings: Settings) -> Context:
    """The home and the engine that settings name."""
    home = Home(settings.home)
    return Context(settings, home, make_engine(database_url(settings, home)))
