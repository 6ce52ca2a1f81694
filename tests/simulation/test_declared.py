"""Nothing else than the declared registers and topics is ever written, read from the bytes of the whole process.

    production process ──bytes──► (here: a reading of our own) ──► devices, broker

Through a schedule, a stop, faults of the line, a device that restarts, a process that is killed, and the end.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.simulation.mqtt_world import MqttWorld, mqtt_definition, mqtt_storage
from pipeline.simulation.site import definition
from pipeline.simulation.world import World
from simulator.faults import Fault
from sources.act import ActKind

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-SAFE-007"), pytest.mark.hazard("row 3", "S2")]
READS = (1, 2, 3, 4)


def troubles(world: World) -> None:
    """A day in two minutes."""
    world.schedule(80.0)
    world.run(12.0).act(ActKind.STOP)
    world.run(5.0).act(ActKind.RELEASE)
    world.run(2.0).act(ActKind.ACTIVATE)
    world.schedule(-60.0)
    world.run(12.0).line("b1").break_()
    world.run(5.0).line("b1").silent = True
    world.run(6.0).line("b1").silent = False
    world.run(12.0).fault("b1", Fault.RESET, 2.0)
    world.run(15.0).kill()
    world.run(2.0).boot()
    world.run(15.0).terminate()


def overheard(world: World, name: str, requests: list[bytes]) -> None:
    """Keep every request to this device, as it left."""
    station = world.stations[name]
    answer: Callable[..., bytes | None] = station.answer

    def heard(octets: bytes, sent_s: float, meant: bytes | None = None) -> bytes | None:
        requests.append(octets if meant is None else meant)
        return answer(octets, sent_s, meant)

    station.answer = heard  # type: ignore[method-assign]


def test_modbus_nothing_but_the_declared_registers_of_its_own_unit_is_written(tmp_path: Path) -> None:
    """Every request is whole, of the device's unit, a read or FC16 over declared registers; to a meter, a read."""
    requests: dict[str, list[bytes]] = {"b1": [], "poc": []}
    world = World(definition(), tmp_path)
    for name, kept in requests.items():
        overheard(world, name, kept)
    with world:
        troubles(world)
    profile = world.profiles["b1"]
    declared = {
        address + offset
        for point in profile.write.values()
        for (table, address) in [profile.address(point)]
        for offset in range(point.words)
        if table == "holding"
    }
    written = set[int]()
    for octets in requests["b1"]:
        assert (octets[2:4], int.from_bytes(octets[4:6], "big"), octets[6]) == (b"\0\0", len(octets) - 6, 1)
        if octets[7] not in READS:
            assert octets[7] == 16
            first, count = int.from_bytes(octets[8:10], "big"), int.from_bytes(octets[10:12], "big")
            assert len(octets) == 13 + 2 * count
            written |= set(range(first, first + count))
    assert written == declared, "each of them, and no other"
    assert {octets[7] for octets in requests["poc"]} <= set(READS)
    assert len(requests["poc"]) > 50


def test_mqtt_nothing_but_the_declared_topics_is_published(tmp_path: Path) -> None:
    """Every PUBLISH of the process: to the command topic of an asset, never retained."""
    published: list[tuple[str, bool]] = []
    world = MqttWorld(mqtt_definition(2), tmp_path, profile=mqtt_storage())
    take = world.broker._take

    def taken(client: Any, head: int, body: bytes) -> None:
        published.append((body[2 : 2 + int.from_bytes(body[:2], "big")].decode(), bool(head & 1)))
        take(client, head, body)

    world.broker._take = taken  # type: ignore[method-assign]
    with world:
        troubles(world)
        world.boot()
        world.run(15.0).broker.restart(forget=True)
        world.run(12.0).broker.evict()
        world.run(12.0)
    assert set(published) == {("battery/b1/command", False), ("battery/b2/command", False)}
    assert len(published) > 50
