"""The simulator's outermost shell: builds the plant and its connections, and moves them by the clock.

    every 100 ms: faults ─► plant.advance(elapsed) ─► Modbus registers, OPC UA variables
    every 500 ms:                                  ─► MQTT telemetry

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
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger

from config.profile import Profile
from simulator import control, frequency, mqtt, points
from simulator.battery import Battery
from simulator.faults import Board
from simulator.frequency import Frequency
from simulator.grid import Site
from simulator.modbus import ModbusDevice
from simulator.plant import Model, Plant

if TYPE_CHECKING:
    from simulator.opcua import OpcuaDevice

STEP_S = 0.1
PUBLISH_EVERY = 5  # steps
KEEP_EVERY = 10
EARLIER_NODE = "ns=2;s=Battery"
USUAL = {"modbus": "sunspec-storage", "mqtt": "mqtt-storage", "opcua": "opcua-ess"}
LONGEST_GAP_S = 60.0  # a suspended machine does not simulate what it slept


def _frequency(options: argparse.Namespace) -> Frequency:
    path = options.frequency or frequency.found()
    if path is None:
        return frequency.generated(options.seed)
    try:
        return frequency.recorded(path)
    except frequency.FrequencyError as error:
        if options.frequency is not None:
            raise
        logger.warning("{}; a generated frequency stands in", error)
        return frequency.generated(options.seed)


def build_plant(options: argparse.Namespace, storage: Profile, utc_s: float) -> Plant:
    """The plant that these options and this profile describe."""
    response, watchdog = storage.response, storage.watchdog
    battery = Battery(
        charge_kw=options.power,
        discharge_kw=options.power,
        energy_kwh=options.capacity,
        dead_time_s=response.dead_time,
        lag_s=response.lag,
        slew_kw_per_s=max(1.0, 4.0 * options.power),
        reverts_after_s=watchdog.reverts_after if watchdog is not None and not watchdog.arm else None,
        reverts_to_kw=watchdog.reverts_to_kw if watchdog is not None else 0.0,
    )
    site = Site(load_kw=options.load, pv_kw=options.pv, seed=options.seed)
    model = Model(battery, site, _frequency(options), options.speed)
    feeds = watchdog.point if watchdog is not None else "power"
    soc_pct = kept_soc_pct(options.state_file) or options.soc
    return Plant(model, Board(options.lively), soc_pct, utc_s, feeds, arms=bool(storage.arm))


def kept_soc_pct(state_file: Path | None) -> float | None:
    """The state of charge (%) that an earlier process left; None when there is none or it makes no sense."""
    try:
        kept = json.loads(state_file.read_text(encoding="utf-8")) if state_file is not None else {}
        soc = kept.get("soc_percent")
    except (OSError, ValueError, AttributeError):
        return None
    return float(soc) if isinstance(soc, int | float) and 0.0 < soc <= 100.0 else None


class Outside:
    """Everything that connects the plant to the world, opened and closed together."""

    def __init__(self, options: argparse.Namespace) -> None:
        storage = points.load(options.profile or USUAL[options.storage])
        meter = points.load(options.meter_profile)
        for profile, kind in ((storage, "storage"), (meter, "meter")):
            if profile.kind != kind:
                raise points.ProfileError(f"{profile.name} describes a {profile.kind}, not a {kind}")
        if storage.protocol != options.storage:
            raise points.ProfileError(f"{storage.name} speaks {storage.protocol}, not {options.storage}")
        if storage.protocol == "mqtt" and options.broker is None:
            raise points.ProfileError(f"{storage.name} speaks mqtt: name its broker, --broker mqtt://127.0.0.1:1883")
        self.plant = build_plant(options, storage, time.time())
        served = [profile if profile.protocol == "modbus" else None for profile in (storage, meter)]
        self.modbus = (
            ModbusDevice(self.plant, served[0], served[1], options.host, options.modbus_port) if any(served) else None
        )
        self.opcua = self._opcua(options, storage)
        self.broker = None if options.broker is None else mqtt.broker(options.broker)
        self.grid = self._grid(options, meter)
        self.battery: mqtt.MqttBattery | None = None
        if self.broker is not None and storage.protocol == "mqtt":
            self.battery = mqtt.MqttBattery(
                self.broker, asyncio.sleep, self.plant, storage, options.asset, options.topic, time.time_ns
            )
        self._restarts = 0
        self.door = control.Door(control.application(self.plant, self.describe), options.control_port)

    def _grid(self, options: argparse.Namespace, meter: Profile) -> mqtt.Grid | None:
        if self.broker is None:
            return None
        market = None
        if options.schedule_topic:
            market = mqtt.Market(options.schedule_topic, options.seed, 0.8 * options.power, options.capacity)
        return mqtt.Grid(self.broker, asyncio.sleep, self.plant, meter, options.meter_topic, market)

    def _opcua(self, options: argparse.Namespace, storage: Profile) -> OpcuaDevice | None:
        """The battery on OPC UA: below its own node, and below that of the earlier system."""
        if storage.protocol != "opcua" and options.opcua_port is None:
            return None
        from simulator.opcua import Face, OpcuaDevice  # half a second, for those who ask for it

        own = storage if storage.protocol == "opcua" else points.load(USUAL["opcua"])
        faces = {options.node: Face(own, options.node)}
        faces.setdefault(EARLIER_NODE, Face(points.load("opcua-simulator"), EARLIER_NODE))
        return OpcuaDevice(self.plant, tuple(faces.values()), options.host, options.opcua_port or 0, time.time_ns)

    def describe(self) -> dict[str, Any]:
        """Ports and connections, for the control page."""
        return {
            "modbus": None if self.modbus is None else {"port": self.modbus.port, "serving": self.modbus.serving},
            "opcua": None if self.opcua is None else {"port": self.opcua.port, "serving": self.opcua.serving},
            "broker": None if self.grid is None else {"url": str(self.broker), "connected": self.grid.link.connected},
        }

    def ready_line(self) -> str:
        parts = [f"control http://127.0.0.1:{self.door.port}/", f"frequency {self.plant.model.frequency.source}"]
        if self.modbus is not None:
            parts.insert(0, f"modbus-tcp://{self.modbus.host}:{self.modbus.port}/1")
        if self.opcua is not None:
            parts.insert(0, f"opc.tcp://{self.opcua.host}:{self.opcua.port}")
        if self.broker is not None:
            parts.append(f"broker {self.broker}")
        return "simulator ready: " + ", ".join(parts)

    async def obey_cable(self) -> None:
        """Cut or restore the battery's connection as the fault says; a restart drops it once."""
        cut = self.plant.effects.cable or self.plant.restarts > self._restarts
        self._restarts = self.plant.restarts
        for server in (self.modbus, self.opcua):
            if server is not None and server.serving == cut:
                try:
                    await (server.cut() if cut else server.restore())
                except OSError as error:
                    logger.warning("{}; trying on", error)
        if self.battery is not None:
            await self.battery.link.close() if cut else self.battery.link.open()

    def publish(self) -> None:
        now = time.time_ns()
        for client in (self.grid, self.battery):
            if client is not None:
                client.publish(now)

    async def close(self) -> None:
        for client in (self.grid, self.battery):
            if client is not None:
                await client.link.close()
        if self.modbus is not None:
            await self.modbus.cut()
        if self.opcua is not None:
            await self.opcua.stop()
        self.door.should_exit = True


async def serve(options: argparse.Namespace, stop: asyncio.Event) -> None:
    """Serve until `stop` is set or a signal comes. Raises what `main` reports in one line."""
    outside = Outside(options)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(RuntimeError, ValueError, NotImplementedError):  # only the main thread may
            loop.add_signal_handler(number, stop.set)
    try:
        for server in (outside.modbus, outside.opcua):
            if server is not None:
                await server.start()
    except OSError:
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
    modbus, opcua = (None if server is None else server.port for server in (outside.modbus, outside.opcua))
    ready = {"modbus_port": modbus, "opcua_port": opcua, "control_port": outside.door.port, "pid": os.getpid()}
    sys.stdout.write(f"{json.dumps(ready) if options.json else outside.ready_line()}\n")
    sys.stdout.flush()
    if options.ready_file is not None:
        _replace(options.ready_file, ready)


def _replace(path: Path, document: dict[str, Any]) -> None:
    """A reader never sees half a file."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(document), encoding="utf-8")
    unfinished.replace(path)


def _keep(state_file: Path, plant: Plant) -> None:
    soc = 100.0 * plant.state.battery.energy_kwh / plant.model.battery.energy_kwh
    try:
        _replace(state_file, {"soc_percent": soc})
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
            outside.plant.advance(min(now - last, LONGEST_GAP_S))
        last = now
        await outside.obey_cable()
        for server in (outside.modbus, outside.opcua):
            if server is not None:
                await server.refresh()
        if count % PUBLISH_EVERY == 0:
            outside.publish()
        if state_file is not None and count % KEEP_EVERY == 0:
            _keep(state_file, outside.plant)
        count += 1
        deadline = max(deadline + STEP_S, loop.time())
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await stop.wait()
