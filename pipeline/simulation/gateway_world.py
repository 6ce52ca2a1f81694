"""The world with all batteries behind one gateway, which keeps answers and bears two clients.

    with GatewayWorld(behind_gateway(3), tmp_path) as world: …

The meter stands beside it. What happens on the way (`World.line`) happens to all of them at once.
"""

from __future__ import annotations

from typing import Any

from config.definition import Definition
from config.profile import Profile
from pipeline.simulation.net import stream
from pipeline.simulation.site import definition
from pipeline.simulation.world import World
from simulator.gateway import Gateway
from simulator.plant import Plant
from simulator.station import Station

AT = ("gateway", 502)
MOST_CLIENTS = 2


def behind_gateway(assets: int = 1, **changes: Any) -> Definition:
    """The site of `definition`, unit n of one gateway for battery n."""
    return definition(assets, connect="modbus-tcp://gateway:502/{}", **changes)


class GatewayWorld(World):
    """`gateway` is the one that all batteries are behind."""

    gateway: Gateway
    parts = frozenset({"registers", "gateway"})

    def _station(self, name: str, profile: Profile, plant: Plant) -> Station:
        if name not in self.plants:
            return super()._station(name, profile, plant)
        if AT not in self.net.lines:
            self.gateway = Gateway(self.loop.time)
            self.net.plug(*AT, self.gateway).most = MOST_CLIENTS
        unit = len(self.gateway.units) + 1
        station = Station(profile, plant, self.loop.time, self.advance, unit)
        station.lies.rng = stream(self.seed, f"lies {name}")
        self.gateway.units[unit], self.hosts[name] = station, AT
        return station
