"""Recorded lives of a rig whose batteries are not the model's: dead time, lag, losses and noise of their own.

    recording = live(tmp_path, site(assets=2), schedule_and_weather)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import exp
from pathlib import Path
from random import Random
from typing import Any

from config.definition import Definition
from sources.recording.recording import Recording
from tests.recorded import recorded
from tests.rig import Battery, Rig

STEP_S = 0.05


@dataclass
class Cells(Battery):
    """A battery with a response and losses; `noise_kw` is seeded noise of its measurement."""

    dead_s: float = 0.4
    lag_s: float = 0.6
    energy_kwh: float = 40.0  # small: an hour moves it
    one_way: float = 0.95
    noise_kw: float = 0.0
    seed: int = 0
    true_kw: float = 0.0
    aim_kw: float = 0.0
    heard: list[tuple[float, float]] = field(default_factory=list)
    at_s: float | None = None

    def hear(self, now_s: float, power_kw: float, reactive_kvar: float) -> None:
        if not self.discards:
            self.held = power_kw
            self.heard.append((now_s + self.dead_s, power_kw))

    def live(self, now_s: float) -> None:
        start = now_s if self.at_s is None else self.at_s
        steps = max(0, round((now_s - start) / STEP_S))
        for k in range(steps):
            now = start + (k + 1) * STEP_S
            while self.heard and self.heard[0][0] <= now + 1e-9:
                self.aim_kw = self.heard.pop(0)[1] if self.follows else self.heard.pop(0)[1] * 0.0
            self.true_kw = self.aim_kw + (self.true_kw - self.aim_kw) * exp(-STEP_S / self.lag_s)
            flow = self.true_kw / self.one_way if self.true_kw > 0.0 else self.true_kw * self.one_way
            self.soc -= flow * STEP_S / 36.0 / self.energy_kwh
        self.at_s = now_s
        self.power = self.true_kw + self.noise_kw * (Random(f"{self.seed} {now_s}").random() - 0.5)


Story = Callable[[Rig], Any]


def live(folder: Path, definition: Definition, story: Story, *, noise_kw: float = 0.0, **how: Any) -> Recording:
    """Record what happens in `story`."""
    folder.mkdir(parents=True, exist_ok=True)
    rig, recorder = recorded(folder, definition=definition, **how)
    for seed, name in enumerate(rig.batteries):
        rig.batteries[name] = Cells(noise_kw=noise_kw, seed=seed)
    rig.ready()
    story(rig)
    recorder.store.close()
    return Recording.open(folder)


def small(definition: Definition, **changes: Any) -> Definition:
    """The same site with batteries of 40 kWh, and changes of each asset."""
    assets = {}
    for name, asset in definition.assets.items():
        written = asset.model_dump(by_alias=True, exclude_none=True)
        written["rated"]["energy"] = 40.0
        for key, value in changes.items():
            written[key] = written[key] | value if isinstance(value, dict) else value
        assets[name] = type(asset).model_validate(written)
    return definition.model_copy(update={"assets": assets})
