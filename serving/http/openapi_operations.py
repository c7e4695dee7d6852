"""The OpenAPI description of what operators ask."""

from __future__ import annotations

from serving.http.operation import Json, answers, operation
from serving.http.search_report import MOST_QUERIES, USUAL_DAYS, USUAL_QUERIES
from stream.query_counts import DAYS, VISITORS


def paths() -> Json:
    """The paths with their operations."""
    return {
        "/v1/ops/lag": {"get": _lag()},
        "/v1/ops/health-of-data": {"get": _health_of_data()},
        "/v1/ops/searches": {"get": _searches()},
        "/healthz": {"get": _health("health", "Whether the process runs.")},
        "/readyz": {"get": _health("ready", "Whether it can answer, if need be from its local copy.", 503)},
        "/metrics": {"get": _metrics()},
        "/openapi.json": {"get": _self()},
    }


def _lag() -> Json:
    known = {
        "type": "object",
        "properties": {
            "verdict": {"enum": ["ok", "behind", "late"]},
            "records": {"type": "integer", "description": "All that wait."},
            "partitions": {"type": "array", "items": {"$ref": "#/components/schemas/Row"}},
            "freshness": {
                "type": "object",
                "description": "Events by how many ms they took until their effect could be read.",
                "properties": {
                    "upto_ms": {"type": "object", "additionalProperties": {"type": "integer"}},
                    "sum_ms": {"type": "number"},
                },
            },
            "lost": {"type": "integer", "description": "Records that the log lost before they were read."},
        },
    }
    return operation(
        "get_lag", "operations", "How far every agent is.", "", {"200": answers("Per agent and partition.", known)},
        401, 403, 503,
    )  # fmt: skip


def _health_of_data() -> Json:
    known = answers("All measures.", {"$ref": "#/components/schemas/DataHealth"})
    text = "From the newest events in the log (at most 24 hours old) and the catalogue; looked at every 10 s at most."
    return operation(
        "get_health_of_data", "operations", "Whether the data that arrives is good, and what to mend.", text,
        {"200": known}, 401, 403, 503,
    )  # fmt: skip


def _searches() -> Json:
    known = answers("All searches together, and single queries.", {"$ref": "#/components/schemas/SearchReport"})
    text = f"A query is named once {VISITORS} visitors have asked for it; the whole counts all."
    described = operation(
        "get_searches", "operations", "What is searched for, and how it goes.", text, {"200": known},
        400, 401, 403, 429, 503,
    )  # fmt: skip
    bounds = {"days": (DAYS, USUAL_DAYS), "n": (MOST_QUERIES, USUAL_QUERIES)}
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": most, "default": usual}}
        for name, (most, usual) in bounds.items()
    ]
    return {**described, "parameters": parameters}


def _health(name: str, summary: str, *problems: int) -> Json:
    fine = answers("It is.", {"type": "object", "properties": {"status": {"type": "string"}}})
    return {**operation(name, "operations", summary, "", {"200": fine}, *problems), "security": []}


def _metrics() -> Json:
    shown: Json = {
        "description": "Prometheus's text format.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
    return operation("metrics", "operations", "What this process counts and times.", "", {"200": shown}, 401, 403)


def _self() -> Json:
    shown = {"200": answers("OpenAPI 3.1.", {"type": "object"})}
    return {**operation("openapi", "operations", "This document.", "", shown), "security": []}
