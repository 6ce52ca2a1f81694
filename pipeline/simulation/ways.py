"""The worlds of a campaign: how its batteries are reached, and what their numbers look like.

    registers   each at an address of its own, integers in registers
    floats      the same with floating-point numbers: NaN, infinities, denormal numbers can be on the wire
    gateway     one address for all, a unit each
    mqtt        one broker for all, JSON
    opcua       one server for all, values with status codes
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.simulation.gateway_world import GatewayWorld, behind_gateway
from pipeline.simulation.mqtt_world import MqttWorld, mqtt_definition, mqtt_storage
from pipeline.simulation.site import IDENTIFIED, SERIAL, definition, floats, storage
from pipeline.simulation.world import World

WAYS = ("registers", "floats", "gateway", "mqtt", "opcua")


def reached(
    way: str, folder: Path, *, assets: int, cycle: str, site: Mapping[str, str], identified: bool = False, **more: Any
) -> World:
    """A world of this way; `more` is what every `World` takes. `identified`: batteries say who they are."""
    given: dict[str, Any] = {"assets": assets, "cycle": cycle, "site": dict(site)}
    match way:
        case "registers" if identified:
            made = definition(**given, asset=IDENTIFIED)
            world = World(made, folder, profile=storage(min(1.0, made.site.cycle), identity=SERIAL), **more)
            world.parts |= {"identity"}
            return world
        case "registers":
            return World(definition(**given), folder, **more)
        case "floats":
            made = definition(**given)
            return World(made, folder, profile=floats(min(1.0, made.site.cycle)), **more)
        case "gateway":
            return GatewayWorld(behind_gateway(**given), folder, **more)
        case "mqtt":
            return MqttWorld(mqtt_definition(**given), folder, profile=mqtt_storage(), **more)
        case "opcua":
            from pipeline.simulation.opcua_world import OpcuaWorld, opcua_definition, opcua_storage  # asyncua is slow

            return OpcuaWorld(opcua_definition(**given), folder, profile=opcua_storage(), **more)
        case _:
            raise ValueError(f"{way!r} is none of {', '.join(WAYS)}")
