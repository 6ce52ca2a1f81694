"""The simulator's own door: a plain page with fault buttons and a small HTTP API, on loopback only.

    GET  /                the page (static, works with the keyboard)
    GET  /state           the plant as JSON, numbers with the unit in their names; of several batteries the first, and
                          all of them under `assets`
    POST /faults/{name}   {"on": true, "seconds": 30, "limit_kw": 37}   no seconds: until switched off
    POST /values          {"soc_percent": 20, "load_kw": 80}            see simulator/situation.py

A member "asset" names one of several batteries; without it, all are meant.

It is no part of the product and has no tokens, so it listens on 127.0.0.1, answers to local host names only, and takes
a POST only as `application/json` (which a page of another origin cannot send unasked). Errors: {"error": "…"}, 4xx.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from simulator.faults import TITLES, Fault, FaultError, UnknownFaultError
from simulator.plant import Plant
from simulator.points import rounded
from simulator.situation import SituationError, become, checked

PAGE = Path(__file__).with_name("control.html")
LARGEST_BODY = 4096
Outside = Callable[[], dict[str, Any]]  # what others know: ports, broker


def application(plants: Mapping[str, Plant], outside: Outside) -> Starlette:
    """The door to these plants by name; `outside` adds what they do not know (ports, broker)."""
    first = next(iter(plants.values()))

    def meant(name: object) -> list[Plant]:
        if name is None:
            return list(plants.values())
        if not isinstance(name, str) or name not in plants:
            raise SituationError(f"there is no such battery; one of: {', '.join(plants)}")
        return [plants[name]]

    async def state(_request: Request) -> Response:
        several = {"assets": {name: describe(plant) for name, plant in plants.items()}} if len(plants) > 1 else {}
        return JSONResponse(describe(first) | several | outside())

    async def switch(request: Request) -> Response:
        wish = _wish(await _body(request))
        batteries = meant(wish.pop("asset", None))
        for plant in batteries:
            fault = plant.board.switch(request.path_params["name"], now_s=plant.state.uptime_s, **wish)
        return JSONResponse(faults(batteries[0])[fault])

    async def put(request: Request) -> Response:
        wish = _object(await _body(request))
        batteries = meant(wish.pop("asset", None))
        values = checked({name: _number(name, value) for name, value in wish.items()})
        for plant in batteries:
            become(plant, values)
        return JSONResponse(describe(batteries[0]))

    routes = [
        Route("/", lambda _request: FileResponse(PAGE, media_type="text/html")),
        Route("/state", state),
        Route("/faults/{name}", switch, methods=["POST"]),
        Route("/values", put, methods=["POST"]),
    ]
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]", "testserver"])
    return Starlette(routes=routes, middleware=[hosts], exception_handlers={ValueError: _refused})


class ContentTypeError(ValueError):
    """A body that a page of another origin could send unasked."""


async def _body(request: Request) -> bytes:
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise ContentTypeError("send application/json")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise ValueError("the body is too large")
    return body


def _object(body: bytes) -> dict[str, Any]:
    try:
        wish = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON") from None
    if not isinstance(wish, dict):
        raise ValueError("the body is not an object")  # noqa: TRY004  # as everything else that a body may be
    return wish


def _wish(body: bytes) -> dict[str, Any]:
    wish = _object(body)
    if wish.get("on") not in (True, False):
        raise ValueError('the body needs a member "on", true or false')
    if unknown := set(wish) - {"on", "seconds", "limit_kw", "asset"}:
        raise ValueError(f"unknown members: {', '.join(sorted(unknown))}")
    wish["on"] = bool(wish["on"])
    for name in ("seconds", "limit_kw"):
        if wish.get(name) is not None:
            wish[name] = _number(name, wish[name])
    return wish


def _number(name: str, value: object) -> float:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    except OverflowError:
        pass
    raise ValueError(f"{name} is not a number")


def _refused(_request: Request, error: Exception) -> Response:
    """What is no JSON that we take: 400; no JSON by its type: 415; no such fault: 404; out of range: 422."""
    statuses: dict[type[Exception], int] = {
        ContentTypeError: 415, UnknownFaultError: 404, FaultError: 422, SituationError: 422
    }  # fmt: skip
    return JSONResponse({"error": str(error)}, status_code=statuses.get(type(error), 400))


def faults(plant: Plant) -> dict[str, dict[str, Any]]:
    """Every fault: its title, whether it is on, and how long it stays (s, null = until switched off)."""
    now = plant.state.uptime_s
    active = plant.board.active(now)
    result: dict[str, dict[str, Any]] = {}
    for fault in Fault:
        on = active.get(fault)
        left = None if on is None or on.until_s is None else rounded(on.until_s - now, 1)
        limit = on.limit_kw if on is not None else None
        result[fault] = {"title": TITLES[fault], "on": on is not None, "seconds_left": left, "limit_kw": limit}
    return result


def describe(plant: Plant) -> dict[str, Any]:
    """The true plant (not what a faulty device says of itself)."""
    state, writes, reported = plant.state, plant.writes, plant.reported()
    battery, grid = state.battery, plant.grid
    age = None if writes.at_s is None else rounded(state.uptime_s - writes.at_s, 1)
    return {
        "uptime_s": rounded(state.uptime_s, 1),
        "battery": {
            "state": reported.mode,
            "soc_percent": rounded(100.0 * battery.energy_kwh / plant.model.battery.energy_kwh, 3),
            "power_kw": rounded(battery.power_kw, 3),
            "setpoint_kw": rounded(battery.setpoint_kw, 3),
            "charge_limit_kw": rounded(battery.charge_limit_kw, 1),
            "discharge_limit_kw": rounded(battery.discharge_limit_kw, 1),
            "temperature_celsius": rounded(battery.temperature_c + battery.forced_c, 2),
            "available": reported.available,
            "remote": reported.remote,
            "reverted": battery.reverted,
            "reverts_after_s": plant.model.battery.reverts_after_s,
            "reverts_to_kw": rounded(plant.model.battery.reverts_to_kw, 3),
            "serial": plant.identity["serial"],
            "heartbeat_age_s": rounded(battery.silent_s, 1),
            "heartbeat": reported.heartbeat,
        },
        "grid": {
            "poc_kw": rounded(grid.poc_kw, 3),
            "load_kw": rounded(grid.load_kw, 3),
            "pv_kw": rounded(grid.pv_kw, 3),
            "frequency_hz": rounded(grid.frequency_hz, 4),
            "frequency_from": plant.model.frequency.source,
        },
        "writes": {
            "accepted": writes.accepted,
            "refused": writes.refused,
            "discarded": writes.discarded,
            "by_point": dict(writes.by_point),
            "newest_kw": None if writes.newest_kw is None else rounded(writes.newest_kw, 3),
            "age_s": age,
        },
        "faults": faults(plant),
    }


class Door(uvicorn.Server):
    """uvicorn inside our loop: signals stay ours. `port` is known before it serves."""

    def __init__(self, app: Starlette, port: int) -> None:
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.listener.bind(("127.0.0.1", port))
        except OSError:
            self.listener.close()
            raise
        self.listener.listen()  # who connects before the loop serves waits, and is not refused
        self.port: int = self.listener.getsockname()[1]
        super().__init__(
            uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1)
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def run_until_stopped(self) -> None:
        await self.serve(sockets=[self.listener])
