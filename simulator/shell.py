"""The simulator's outermost shell: builds the plants and their connections, and moves them by the clock.

    every 100 ms: scenario, faults ─► plant.advance(elapsed) ─► Modbus registers, OPC UA variables
    every 500 ms:                                            ─► MQTT telemetry

The only place with a clock, and the only one that waits. What cannot start raises before anything is announced; what
fails later (a broker, a port that someone took) is tried again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from loguru import logger

from simulator import build
from simulator.outside import Outside
from simulator.plant import Plant

STEP_S = 0.1
PUBLISH_EVERY = 5  # steps
KEEP_EVERY = 10
LONGEST_GAP_S = 60.0  # a suspended machine does not simulate what it slept


async def serve(options: argparse.Namespace, stop: asyncio.Event) -> None:
    """Serve until `stop` is set or a signal comes. Raises what `main` reports in one line."""
    outside = Outside(options, time.time_ns, asyncio.sleep)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(RuntimeError, ValueError, NotImplementedError):  # only the main thread may
            loop.add_signal_handler(number, stop.set)
    try:
        for server in outside.servers:
            await server.start()
    except OSError:
        await outside.close()
        outside.door.listener.close()
        raise
    door = asyncio.create_task(outside.door.run_until_stopped(), name="control")
    if outside.grid is not None:
        outside.grid.link.open()
    _announce(options, outside)
    try:
        await _move(outside, stop, options.state_file)
    finally:
        if options.ready_file is not None:
            options.ready_file.unlink(missing_ok=True)
        await outside.close()
        await door


def _announce(options: argparse.Namespace, outside: Outside) -> None:
    ready: dict[str, Any] = {
        "modbus_port": outside.modbus[0].port if outside.modbus else None,
        "opcua_port": None if outside.opcua is None else outside.opcua.port,
        "control_port": outside.door.port,
        "pid": os.getpid(),
        "assets": [each.describe() for each in outside.batteries],
    }
    sys.stdout.write(f"{json.dumps(ready) if options.json else outside.ready_line()}\n")
    sys.stdout.flush()
    if options.ready_file is not None:
        _replace(options.ready_file, ready)


def _replace(path: Path, document: dict[str, Any]) -> None:
    """A reader never sees half a file."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(document), encoding="utf-8")
    unfinished.replace(path)


def _keep(state_file: Path, plants: Mapping[str, Plant]) -> None:
    try:
        _replace(state_file, build.kept(plants))
    except OSError as error:
        logger.warning("{}: the state of charge is not kept: {}", state_file, error.strerror)


async def _move(outside: Outside, stop: asyncio.Event, state_file: Path | None) -> None:
    """Steps on absolute deadlines; a missed one is not caught up, the plant moves by the time that passed."""
    loop = asyncio.get_running_loop()
    last = deadline = loop.time()
    count = 0
    while not stop.is_set():
        now = loop.time()
        if now > last:
            outside.advance(min(now - last, LONGEST_GAP_S))
        last = now
        await outside.refresh()
        if count % PUBLISH_EVERY == 0:
            outside.publish()
        if state_file is not None and count % KEEP_EVERY == 0:
            _keep(state_file, outside.plants)
        count += 1
        deadline = max(deadline + STEP_S, loop.time())
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await stop.wait()
