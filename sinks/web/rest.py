"""The reads: what is the case, as JSON with the nulls left out.

Guarantees: no read changes anything or waits for the chain; every number carries its unit in its name; an asset that
is not registered is a 404. Names follow the prior system; members beyond it are additions.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from sinks.web.guard import Access, Call
from sinks.web.openapi import document
from sinks.web.ports import Json, Role
from sinks.web.wire import Failure, chosen_asset, reply, unknown_asset, without_nulls

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def health(call: Call) -> Response:
    state = call.shell.view.health()
    value = {"status": state.get("status", "unknown"), "at": state.get("at") or call.shell.now(),
             "components": state.get("components", {})}
    return reply(without_nulls(value), 200 if value["status"] == "ok" else 503)


async def assets(call: Call) -> Response:
    found = [(name, call.shell.view.asset(name)) for name in call.shell.view.assets()]
    return reply(without_nulls({"assets": [_listed(name, state) for name, state in found if state is not None]}))


async def status(call: Call) -> Response:
    points = call.shell.view.points(call.request.path_params["id"])
    return reply(without_nulls({**_asset(call), "points": points}))


async def current_command(call: Call) -> Response:
    state = _asset(call)
    return reply(without_nulls({"asset_id": state["asset_id"], "command": state.get("last_command")}))


async def why(call: Call) -> Response:
    name = call.request.path_params["id"]
    decision = call.shell.view.decision(name)
    if decision is None:
        raise unknown_asset(name)
    return reply(without_nulls(decision))


async def site(call: Call) -> Response:
    return reply(without_nulls(call.shell.view.site()))


async def graph(call: Call) -> Response:
    return reply(without_nulls(call.shell.view.graph()))


async def nodes(call: Call) -> Response:
    return reply(without_nulls({"nodes": call.shell.view.nodes()}))


async def stops(call: Call) -> Response:
    """All stops that stand, or the one of `assetId`: then `stop` is its stop and null when there is none."""
    chosen = chosen_asset(call.request.query_params, call.shell.view.assets())
    standing = call.shell.view.stops()
    if chosen is None:
        return reply({"stops": without_nulls(standing)})
    stop = next((stop for stop in standing if stop.get("asset_id") in {chosen, None}), None)
    return reply({"asset_id": chosen, "stop": without_nulls(stop)})


async def metrics(call: Call) -> Response:
    """The Prometheus text, rendered in a thread: ten thousand series take longer than a tick may wait."""
    if call.shell.metrics is None:
        raise Failure(404, "no-metrics", "this process keeps no metrics")
    return Response(await asyncio.to_thread(call.shell.metrics), media_type=METRICS_TYPE)


async def openapi(_: Call) -> Response:
    return reply(document())


def _asset(call: Call) -> Json:
    name = call.request.path_params["id"]
    state = call.shell.view.asset(name)
    if state is None:
        raise unknown_asset(name)
    return state


def _listed(name: str, state: Json) -> dict[str, Any]:
    rated, soc, temperature = (state.get(key) or {} for key in ("rated", "soc_limits", "temperature_limits"))
    return {"asset_id": name, "capacity_kwh": rated.get("energy_kwh"), "max_charge_power_kw": rated.get("charge_kw"),
            "max_discharge_power_kw": rated.get("discharge_kw"), "min_soc_percent": soc.get("min"),
            "max_soc_percent": soc.get("max"), "min_temperature_celsius": temperature.get("min"),
            "max_temperature_celsius": temperature.get("max"), "state": state.get("state"),
            "authority": state.get("authority")}


READS = (
    Access("GET", "/health", None, health),
    Access("GET", "/openapi.json", Role.VIEWER, openapi),
    Access("GET", "/metrics", Role.VIEWER, metrics),
    Access("GET", "/site", Role.VIEWER, site),
    Access("GET", "/assets", Role.VIEWER, assets),
    Access("GET", "/battery/{id}/status", Role.VIEWER, status),
    Access("GET", "/battery/{id}/command/current", Role.VIEWER, current_command),
    Access("GET", "/why/{id}", Role.VIEWER, why),
    Access("GET", "/operator/stops/current", Role.VIEWER, stops),
    Access("GET", "/graph", Role.VIEWER, graph),
    Access("GET", "/nodes", Role.VIEWER, nodes),
)
