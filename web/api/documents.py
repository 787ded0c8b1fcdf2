"""The OpenAPI document of the JSON interface, made of the table of routes and the shapes."""

import inspect
import re
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from web.access import context
from web.api import shapes
from web.api.answers import told

_PARAMETER = re.compile(r"\{(\w+):int\}")
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def openapi(request: Request) -> Response:
    """This document."""
    return told(document(context(request).settings.web_prefix))


def document(prefix: str) -> dict[str, Any]:
    """OpenAPI 3.1 of every route below `/api`."""
    from web.routes import ROUTES  # noqa: PLC0415 - which names this module

    served = [route for route in ROUTES if route.path.startswith("/api/")]
    named = [shape for route in served for shape in (route.returns, route.takes) if shape]
    known = [*dict.fromkeys([*named, shapes.Problem])]
    schemas, components = msgspec.json.schema_components(known, ref_template="#/components/schemas/{name}")
    refers = dict(zip(known, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in served:
        path = prefix + _PARAMETER.sub(r"{\1}", route.path)
        numbers = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "integer"}}
            for name in _PARAMETER.findall(route.path)
        ]
        asked = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in route.query]
        answer: dict[str, Any] = {"description": "Done"}
        if route.media or route.returns:
            schema = refers[route.returns] if route.returns else {}
            answer["content"] = {route.media or "application/json": {"schema": schema}}
        operation: dict[str, Any] = {
            "operationId": route.name,
            "summary": (inspect.getdoc(route.endpoint) or "").partition("\n")[0],
            "parameters": numbers + asked,
            "responses": {"2XX": answer, "default": {"description": "Refused", "content": _PROBLEM}},
        }
        if route.takes:
            body = {"application/json": {"schema": refers[route.takes]}}
            operation["requestBody"] = {"required": True, "content": body}
        paths.setdefault(path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "headct", "version": "1", "description": "For research only. No diagnosis."},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
