"""Batteries that answer as real ones do: dead time, first order lag, noise, readings that are a little old.

    rig = answering(site(cycle="100 ms"), dead_s=2.0, lag_s=1.0); rig.batteries["b1"].gain = 10.0
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from math import exp
from typing import Any

from config.definition import Definition
from tests.rig import Battery, Rig, site, storage


@dataclass
class Real(Battery):
    """`dead_s`, `lag_s` (s) of its power; `gain` of what it takes, `noise_kw` of what it shows; `pinned` telemetry."""

    dead_s: float = 0.0
    lag_s: float = 0.0
    gain: float = 1.0
    noise_kw: float = 0.0
    pinned: float | None = None
    true_kw: float = 0.0
    goal_kw: float = 0.0
    at_s: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def hear(self, now_s: float, power_kw: float, reactive_kvar: float) -> None:
        self.delay_s = self.dead_s
        super().hear(now_s, power_kw, reactive_kvar)

    def live(self, now_s: float) -> None:
        """The exact answer to piecewise constant set-points, up to `now_s`."""
        while self.told and self.told[0][0] <= now_s + 1e-9:
            due, goal, _ = self.told.pop(0)
            self._pass(due)
            self.goal_kw = goal * self.gain if self.follows else self.goal_kw
        self._pass(now_s)
        noise = self.chance.uniform(-self.noise_kw, self.noise_kw)
        self.power = self.true_kw + noise if self.pinned is None else self.pinned

    def _pass(self, until_s: float) -> None:
        left = exp(-(until_s - self.at_s) / self.lag_s) if self.lag_s > 0.0 else 0.0
        self.true_kw = self.goal_kw + (self.true_kw - self.goal_kw) * left
        self.at_s = until_s


class Answering(Rig):
    """Readings are up to `old_s` old when they arrive, and are taken then only if they are newer."""

    old_s = 0.0

    def measure(self) -> None:
        now = self.now_s
        for battery in self.batteries.values():
            assert isinstance(battery, Real)
            battery.live(max(battery.at_s, now - battery.chance.uniform(0.0, self.old_s)))
        super().measure()


def answering(definition: Definition, *, dead_s: float = 1.0, lag_s: float = 1.0, **profile: Any) -> Answering:
    """A rig whose profile declares just this response, and whose batteries have it."""
    response = {"dead_time": f"{dead_s} s", "lag": f"{lag_s} s"}
    rig = Answering(definition, storage(**({"response": response} | profile)))
    for number, name in enumerate(rig.batteries):
        rig.batteries[name] = Real(dead_s=dead_s, lag_s=lag_s, chance=random.Random(number), at_s=rig.now_s)
    return rig


def quick(cycle: str, **chain: Any) -> Definition:
    """One battery of 250 kW whose ramp is no obstacle; `chain` is its section `chain.command`."""
    sections: dict[str, Any] = {"chain": {"command": chain}} if chain else {}
    plain = site(cycle=cycle, **sections)
    asset = plain.assets["b1"]
    ramp = asset.ramp.model_copy(update={"up": 1e6, "down": 1e6})
    return plain.model_copy(update={"assets": {"b1": asset.model_copy(update={"ramp": ramp})}})
