"""F19: what a broker does to the clients and devices that are at it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import cast

from pipeline.simulation.faults.kind import End, nothing
from pipeline.simulation.mqtt_world import MqttWorld
from pipeline.simulation.world import World

JUNK: dict[str, tuple[str, bytes]] = {  # what it is → topic below the device's, payload
    "telemetry": ("telemetry", json.dumps({
        "timestamp": "2020-01-01T00:00:00.000Z", "power": 0, "setpoint": 0, "soc": 50, "soh": 99, "temperature": 20,
        "charge_limit": 250, "discharge_limit": 250, "available": True, "remote": True, "alarms": 0, "heartbeat": 1,
    }).encode()),
    "acknowledgement": ("command/ack", b'{"command_id": "b1-1", "accepted": true}'),
    "noise": ("telemetry", bytes(range(256))),
    "deep": ("telemetry", b"[" * 5000),
    "large": ("telemetry", b'{"soc": "' + b"9" * 100_000 + b'"}'),
    "empty": ("telemetry", b""),
}  # fmt: skip


def restarts(world: World, _device: str, forgets: float, times: float) -> End:
    """The broker restarts, a few times 0.4 s apart; what it kept for others may be gone."""
    broker = _at(world).broker
    for turn in range(int(times)):
        world.loop.call_later(0.4 * turn, lambda: broker.restart(forget=bool(forgets)))
    return nothing


def taken_over(world: World, _device: str, every_s: float) -> End:
    """Somebody else connects with the id of our client, again and again."""
    broker, over = _at(world).broker, False

    def again() -> None:
        if not over:
            broker.evict()
            world.loop.call_later(every_s, again)

    def end() -> None:
        nonlocal over
        over = True

    again()
    return end


def retained(world: World, device: str, which: str) -> End:
    """Something old lies at the broker, and everybody subscribes anew."""
    below, payload = JUNK[which]
    topic = f"battery/{device}/{below}"
    there = _at(world)
    there.junk(topic, payload)
    there.broker.restart(forget=False)
    return cast("Callable[[], None]", lambda: there.broker.retained.pop(topic, None))


def _at(world: World) -> MqttWorld:
    if not isinstance(world, MqttWorld):
        raise TypeError("no broker in this world")
    world.trace.healthy = False
    return world
