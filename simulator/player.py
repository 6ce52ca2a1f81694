"""Plays a scenario on the plants: each act at its instant, `speed` times as fast as the clock, in order, none left out.

The time is handed in, as to the plants. When a scenario repeats, what it changed stays changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.plant import Plant
from simulator.points import rounded
from simulator.scenario import Act, Scenario
from simulator.situation import become


class Player:
    """`at_s` is the time in the scenario."""

    def __init__(self, scenario: Scenario, plants: Mapping[str, Plant], speed: float = 1.0) -> None:
        self.scenario, self.at_s, self.rounds = scenario, 0.0, 0
        self._plants, self._speed, self._next = plants, speed, 0

    @property
    def ended(self) -> bool:
        return self._next == len(self.scenario.acts) and self.scenario.repeat_after_s is None

    def advance(self, dt: float) -> None:
        """What is due within `dt` seconds from now has happened; the first call of 0 s plays what begins at once."""
        self.at_s += dt * self._speed
        self._play()
        again = self.scenario.repeat_after_s
        while again is not None and self.at_s >= again:
            self.at_s, self._next, self.rounds = self.at_s - again, 0, self.rounds + 1
            self._play()

    def _play(self) -> None:
        acts = self.scenario.acts
        while self._next < len(acts) and acts[self._next].at_s <= self.at_s + 1e-9:
            act = acts[self._next]
            for name, plant in self._plants.items():
                if act.asset in (None, name):
                    _do(plant, act)
            self._next += 1

    def describe(self) -> dict[str, Any]:
        """For the control page."""
        return {
            "name": self.scenario.name, "description": self.scenario.description, "at_s": rounded(self.at_s, 1),
            "acts": len(self.scenario.acts), "played": self._next, "rounds": self.rounds, "ended": self.ended,
        }  # fmt: skip


def _do(plant: Plant, act: Act) -> None:
    if act.values:
        become(plant, act.values)
    if act.told is not None:
        plant.told = act.told
    now = plant.state.uptime_s
    for fault in act.off:
        plant.board.switch(fault, False, now)
    for fault in act.on:
        plant.board.switch(fault, True, now, limit_kw=act.limit_kw if fault == "bms_limit" else None)
