"""What is kept of who a patient is."""

import hashlib
import hmac
from dataclasses import replace

from core.home import Home
from core.place import Place
from core.secret import kept_secret
from core.settings import Settings

_SECRET = "patient-key"  # noqa: S105 - the name of its file


class Patients:
    """Replaces identifiers by keys that only who has the home's secret can make."""

    def __init__(self, settings: Settings, home: Home) -> None:
        self._secret = kept_secret(home, _SECRET).encode()
        self._in_the_clear = settings.patient_ids == "clear"

    def protect(self, place: Place) -> Place:
        """With the HMAC-SHA-256 of the identifier, and without itself unless a setting asks for it."""
        if place.patient_id is None:
            return place
        key = hmac.new(self._secret, place.patient_id.encode(), hashlib.sha256).hexdigest()
        return replace(place, patient_key=key, patient_id=place.patient_id if self._in_the_clear else None)
