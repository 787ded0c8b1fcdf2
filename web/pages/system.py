"""The state of the system."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core.printable import printable_lines
from db.states import Role
from services.doctor import run_checks
from services.status import read_state
from web.access import caller, context
from web.templating import page


def show(request: Request) -> Response:
    """What `headct status` and, for an admin, `headct doctor` say."""
    ours = context(request)
    settings = ours.settings
    state = read_state(ours)
    problems = [printable_lines(str(problem)) for problem in state.pop("problems")]
    checks = None
    if caller(request).may(Role.ADMIN) and "checks" in request.query_params:
        checks = [(name, error and printable_lines(str(error))) for name, error in run_checks()]
    flower = f"http://{settings.flower_address}:{settings.flower_port}/" if settings.flower_port else None
    wrong = [name for name, error in checks or () if error]
    shown: dict[str, Any] = {
        "state": state,
        "problems": problems,
        "checks": checks,
        "wrong": wrong,
        "flower": flower,
    }
    return page(request, "system.html", **shown)
