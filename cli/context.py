"""What every command begins with: settings, home, engine."""

import os
from dataclasses import dataclass

from sqlalchemy import Engine

from core.home import Home
from core.logging import configure_logging
from core.settings import Settings, load_settings
from db.engine import database_url, make_engine
from db.revision import check_migrated


@dataclass(frozen=True)
class Context:
    """Settings, the home they name, and the engine of its database (which connects when first used)."""

    settings: Settings
    home: Home
    engine: Engine


def open_context() -> Context:
    """Read the settings and make the home's folders.

    Raises
    ------
    SettingsError
    """
    settings = load_settings()
    os.umask(0o077)  # what headct writes can identify patients: it is for this user alone
    configure_logging(settings.log_level)
    home = Home(settings.home)
    home.make()
    configured = settings.database_url.get_secret_value() if settings.database_url else None
    return Context(settings, home, make_engine(database_url(configured, home.database)))


def open_migrated() -> Context:
    """As `open_context`, and the database stands at this code's migration.

    Raises
    ------
    SettingsError, DatabaseError
    """
    context = open_context()
    check_migrated(context.engine)
    return context
