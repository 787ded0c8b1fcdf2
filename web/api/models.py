"""The model versions, for other programs."""

from starlette.requests import Request
from starlette.responses import Response

from models.store import DamagedModel
from services.models import versions
from web.access import context
from web.api import shapes
from web.api.answers import told


def list_models(request: Request) -> Response:
    """All versions: the shipped one first, damaged ones last."""
    found, in_use = versions(context(request))
    shown = [
        shapes.Model(one.version, one.version == in_use, one.problem)
        if isinstance(one, DamagedModel)
        else shapes.Model(
            one.version,
            one.version == in_use,
            None,
            one.created_at,
            one.data_fingerprint,
            one.operating_point.threshold,
            one.metrics,
        )
        for one in found
    ]
    return told(shapes.Models(shown, in_use))
