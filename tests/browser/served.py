"""The page served for a test: the real endpoint of `sinks/web` over a `Plant`, on a free port, in a thread of its own.

with serve(Plant()) as site: page.goto(site.url)
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from sinks.web.app import build
from sinks.web.auth import Credential, Keyring
from sinks.web.hub import Hub
from sinks.web.origin import Listener
from sinks.web.ports import Role
from sinks.web.shell import Shell
from sources.schedule import Schedule
from tests.browser.plant import Plant

TOKENS = {Role.VIEWER: "viewer-token-of-a-test", Role.OPERATOR: "operator-token-of-a-test"}


@dataclass
class Site:
    """A served page. `plant` may be changed while it runs; `paused` stops the ticks, not the server."""

    plant: Plant
    url: str
    paused: bool = False


def _no_schedules(document: Mapping[str, object], source: str) -> Schedule:
    raise ValueError("no schedules here")


def _application(plant: Plant, listener: Listener, keyring: Keyring) -> tuple[ASGIApp, Hub]:
    shell = Shell(
        view=plant,
        door=plant,
        listener=listener,
        keyring=keyring,
        clock=time.monotonic,
        utc_ns=time.time_ns,
        new_id=lambda: secrets.token_hex(8),
        secret=lambda: secrets.token_urlsafe(32),
        read_schedule=_no_schedules,
    )
    hub = Hub(plant, time.monotonic, shell.now)
    return build(shell, hub), hub


async def _run(server: uvicorn.Server, hub: Hub, site: Site, listening: socket.socket) -> None:
    async def ticks() -> None:
        while True:
            await asyncio.sleep(site.plant.cycle_s)
            if not site.paused:
                site.plant.tick += 1
                hub.offer()

    tasks = [asyncio.ensure_future(ticks()), asyncio.ensure_future(hub.run())]
    try:
        await server.serve(sockets=[listening])
    finally:
        for task in tasks:
            task.cancel()


@contextlib.contextmanager
def serve(plant: Plant, *, port: int = 0) -> Iterator[Site]:
    """Serve `plant`; the server has ended when the block is left."""
    listening = socket.create_server(("127.0.0.1", port))
    number = listening.getsockname()[1]
    listener = Listener("127.0.0.1", number, anonymous_viewer=plant.anonymous)
    keyring = Keyring([Credential(role.word, role, token) for role, token in TOKENS.items()])
    site = Site(plant, f"http://127.0.0.1:{number}/")
    application, hub = _application(plant, listener, keyring)
    server = uvicorn.Server(
        uvicorn.Config(application, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=lambda: asyncio.run(_run(server, hub, site, listening)), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
