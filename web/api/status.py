"""The state of the system, for other programs."""

from starlette.requests import Request
from starlette.responses import Response

from core.printable import printable_lines
from services.status import read_state
from web.access import context
from web.api import shapes
from web.api.answers import told


def show(request: Request) -> Response:
    """What `headct status` says."""
    state = read_state(context(request))
    problems = [printable_lines(str(problem)) for problem in state["problems"]]
    names = set(shapes.Status.__struct_fields__) - {"problems"}
    return told(shapes.Status(**{name: state[name] for name in names}, problems=problems))
