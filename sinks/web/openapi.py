"""The OpenAPI 3.1 document, written by hand as data: one line per operation. Starlette makes none.

A test compares it with the routes that exist, in both directions, and validates it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from sinks.web.schemas import SCHEMAS, TEXT, ref

VERSION = "1.0.0"
ASSET_QUERY = {"name": "assetId", "in": "query", "required": False, "schema": TEXT,
               "description": "`asset_id` is accepted as well"}
PRIORITY_QUERY = {"name": "priority", "in": "query", "required": False,
                  "schema": {"type": "integer", "enum": [1, 2, 3]}, "description": "1 is high"}
STATE_QUERY = {"name": "state", "in": "query", "required": False, "schema": TEXT, "description": "e.g. `shelved`"}
LIMIT_QUERY = {"name": "limit", "in": "query", "required": False,
               "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}}

MEANING = {
    400: "Not understood: `invalid-json`, `missing-required-field`, `invalid-field`, `invalid-schedule`, "
         "`invalid-ceiling`",
    401: "No token, or one that is not known",
    403: "The token's role is too low, or the request comes from another site",
    404: "There is no such thing: `asset-not-registered`, `alarm-not-found`",
    409: "Understood and not taken: an older schedule or ceiling, a fault that is not clear, somebody else's lock",
    413: "The body is too large",
    429: "Too many wrong tokens from this address",
    503: "Could not be written down, or is not available now; the detail says which",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the API. `role` None: open. `result` and `body` name schemas; `result` may be a media type."""

    method: str
    path: str
    role: str | None
    summary: str
    result: str
    body: str | None = None
    errors: tuple[int, ...] = ()
    query: tuple[dict[str, Any], ...] = ()


OPERATIONS = (
    Operation("GET", "/health", None, "Whether the process can do its work; 503 if not", "Health"),
    Operation("GET", "/openapi.json", "viewer", "This document", "OpenApi"),
    Operation("GET", "/metrics", "viewer", "Prometheus metrics", "text/plain", errors=(404,)),
    Operation("GET", "/site", "viewer", "The site now", "Site"),
    Operation("GET", "/assets", "viewer", "The assets and their ratings", "Assets"),
    Operation("GET", "/battery/{id}/status", "viewer", "One battery now", "Battery", errors=(404,)),
    Operation("GET", "/battery/{id}/command/current", "viewer", "The newest command", "CurrentCommand", errors=(404,)),
    Operation("GET", "/why/{id}", "viewer", "Why the command is what it is", "Decision", errors=(404,)),
    Operation("GET", "/alarms", "viewer", "The alarms, most urgent first", "Alarms", errors=(404,),
              query=(ASSET_QUERY, PRIORITY_QUERY, STATE_QUERY)),
    Operation("GET", "/operator/stops/current", "viewer", "The stops that stand", "Stops", errors=(404,),
              query=(ASSET_QUERY,)),
    Operation("GET", "/graph", "viewer", "The nodes of the pipeline and what they read and write", "Graph"),
    Operation("GET", "/nodes", "viewer", "Rate, age and cost per node", "Nodes"),
    Operation("GET", "/markets/schedules/current", "viewer", "Schedules in force", "Schedules", errors=(404,),
              query=(ASSET_QUERY,)),
    Operation("GET", "/markets/schedules/history", "viewer", "Versions of schedules, newest first", "Schedules",
              errors=(400, 404, 503), query=(ASSET_QUERY, LIMIT_QUERY)),
    Operation("POST", "/markets/schedules/import", "operator", "A new version of a schedule", "ScheduleTaken",
              "ScheduleDocument", (400, 404, 409, 413, 503)),
    Operation("POST", "/limits/grid-operator", "operator", "The grid operator's ceiling at the point of connection",
              "CeilingTaken", "CeilingWanted", (400, 409, 413, 503)),
    Operation("POST", "/operator/stop", "operator", "Stop one asset or all; answered when the journal is synced",
              "Act", "StopWanted", (400, 404, 413, 503)),
    Operation("POST", "/operator/release", "operator", "Lift a stop", "Act", "ActWanted", (400, 404, 413, 503)),
    Operation("POST", "/operator/acknowledge", "operator", "Acknowledge a latched fault", "Act", "StopWanted",
              (400, 404, 409, 413, 503)),
    Operation("POST", "/operator/activate", "operator", "Let an asset leave standby", "Act", "ActWanted",
              (400, 404, 413, 503)),
    Operation("POST", "/operator/deactivate", "operator", "Send an asset to standby", "Act", "ActWanted",
              (400, 404, 413, 503)),
    Operation("POST", "/operator/lock_out", "operator", "Lock an asset out for maintenance: 0 kW, then silent", "Act",
              "ActWanted", (400, 404, 413, 503)),
    Operation("POST", "/operator/unlock", "operator", "Lift one's own lock; an engineer may override another's", "Act",
              "UnlockWanted", (400, 404, 409, 413, 503)),
    Operation("POST", "/operator/manual", "operator", "Run one asset by hand until the dead-man time ends; renew it "
              "in time", "Act", "ManualWanted", (400, 404, 409, 413, 503)),
    Operation("POST", "/alarms/{id}/acknowledge", "operator", "Note that an alarm was seen; resets nothing",
              "AlarmAcknowledged", "ActWanted", (400, 404, 413, 503)),
    Operation("POST", "/alarms/seen", "operator", "Note that these alarms were seen; resets nothing",
              "AlarmsAcknowledged", "AlarmsSeen", (400, 413, 503)),
    Operation("POST", "/alarms/{id}/shelve", "operator", "Put an alarm away for a while, a day at most",
              "AlarmShelved", "ShelfWanted", (400, 404, 413, 503)),
    Operation("POST", "/alarms/{id}/unshelve", "operator", "Take a shelved alarm back", "AlarmTakenBack", "ActWanted",
              (400, 404, 413, 503)),
    Operation("POST", "/session", None, "Sign in: a token becomes a cookie", "SignedIn", "SignIn",
              (400, 401, 413, 429)),
    Operation("GET", "/session", "viewer", "Who the caller is", "Who"),
    Operation("DELETE", "/session", None, "Sign out", "", errors=(401, 403)),
)


@cache
def document() -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "bess-pipeline", "version": VERSION,
                 "description": "Reads need the role viewer, writes the role operator; + kW is discharging. "
                                "Live values: websocket `/ws`, sub-protocol `bess-pipeline.v1` (docs/protocol.md).",
                 "license": {"name": "MIT", "identifier": "MIT"}},
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"},
                                "session": {"type": "apiKey", "in": "cookie", "name": "bess_session"}},
        },
    }


def _described(operation: Operation) -> dict[str, Any]:
    errors = set(operation.errors) | ({401, 403, 429} if operation.role else set())
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": _identity(operation),
        "security": [{"token": []}, {"session": []}] if operation.role else [],
        "responses": {"200" if operation.result else "204": _result(operation)}
        | {str(status): _error(status) for status in sorted(errors)},
    }
    if operation.path == "/health":
        described["responses"]["503"] = _result(operation)
    if operation.role:
        described["x-role"] = operation.role
    if operation.body:
        described["requestBody"] = {"required": True, "content": _json(operation.body)}
    parameters = list(operation.query)
    if "{id}" in operation.path:
        parameters.append({"name": "id", "in": "path", "required": True, "schema": TEXT})
    if parameters:
        described["parameters"] = parameters
    return described


def _identity(operation: Operation) -> str:
    words = [word for word in operation.path.replace("{id}", "").replace(".", "/").split("/") if word]
    return "_".join([operation.method.lower(), *words])


def _result(operation: Operation) -> dict[str, Any]:
    if not operation.result:
        return {"description": "Done"}
    if "/" in operation.result:
        return {"description": operation.summary, "content": {operation.result: {"schema": TEXT}}}
    return {"description": operation.summary, "content": _json(operation.result)}


def _error(status: int) -> dict[str, Any]:
    return {"description": MEANING[status], "content": _json("Error")}


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": ref(schema)}}
