"""A rig for the chain: the production stages on a virtual clock, fed by a plant that follows, one call per tick.

    rig = Rig(site(assets=2)); rig.schedule("day_ahead", 80.0); rig.run(10); rig.frame["command_kw"]

No asyncio, no real time: the rig is the outermost shell and hands every instant to the graph.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from config.definition import Definition
from config.profile import Profile
from jit.codes import Proved, Quality, WriteStatus
from jit.frame import Frame, Past
from operators.cut import Command, cut
from operators.stage import Stage
from pipeline.chain import Entry, stages
from pipeline.compile import Compiled, compile_definition
from pipeline.graph import build, check, fold
from sources.act import ActKind, OperatorAct
from sources.proof import Proof
from sources.reading import Reading
from sources.receipt import Receipt
from sources.schedule import Schedule, ScheduleType, Window
from sources.tick import Tick

START_NS = 1_790_000_000_000_000_000  # an instant in September 2026
DAY_NS = 86_400_000_000_000

UNITS = {
    "soc": "%",
    "soh": "%",
    "power": "kW",
    "temperature": "°C",
    "charge_limit": "kW",
    "discharge_limit": "kW",
    "setpoint": "kW",
    "frequency": "Hz",
    "voltage": "V",
    "reactive_power": "kvar",
}
STORAGE_POINTS = {
    name: {"path": name, "unit": UNITS.get(name, "")}
    for name in (
        "soc",
        "soh",
        "power",
        "temperature",
        "available",
        "alarms",
        "remote",
        "charge_limit",
        "discharge_limit",
        "heartbeat",
        "setpoint",
    )
}


def storage(**changes: Any) -> Profile:
    """A storage profile with two critical alarm bits, a heartbeat and a watchdog."""
    return Profile.model_validate(
        {
            "name": "rig-storage",
            "version": 1,
            "protocol": "mqtt",
            "kind": "storage",
            "sign": "positive_is_discharge",
            "read": STORAGE_POINTS,
            "write": {"power": {"path": "power", "unit": "kW"}},
            "write_order": ["power"],
            "fresh_by": "heartbeat",
            "alarms": {
                0: {"text": "fire", "critical": True},
                1: {"text": "isolation", "critical": True},
                2: {"text": "fan"},
            },
            "watchdog": {"point": "power", "every": "1 s", "reverts_after": "10 s"},
            "response": {"dead_time": "1 s", "lag": "1 s"},
            "resolution_kw": 0.1,
            **changes,
        }
    )


def with_reactive(**changes: Any) -> Profile:
    """The same with a set-point for reactive power."""
    reactive = {"path": "reactive_power", "unit": "kvar"}
    write = {"power": {"path": "power", "unit": "kW"}, "reactive_power": reactive}
    read = STORAGE_POINTS | {"reactive_power": reactive}
    return storage(**{"read": read, "write": write, "write_order": list(write), **changes})


def meter(*points: str) -> Profile:
    """A meter that measures these points."""
    return Profile.model_validate(
        {
            "name": "rig-meter",
            "version": 1,
            "protocol": "mqtt",
            "kind": "meter",
            "sign": "positive_is_discharge",
            "read": {name: {"path": name, "unit": UNITS.get(name, "")} for name in (*points, "heartbeat")},
            "fresh_by": "heartbeat",
        }
    )


METER = meter("power", "frequency")
GRID_METER = meter("power", "reactive_power", "frequency", "voltage")


def site(assets: int = 1, *, fcr_kw: float = 0.0, cycle: str = "1 s", **changes: Any) -> Definition:
    """A site of equal batteries: 250 kW, 500 kWh, 50 kW/s. `changes` replace whole sections."""
    written: dict[str, Any] = {
        "version": 1,
        "site": {"name": "rig", "cycle": cycle, "meters": {"poc": {"profile": "rig-meter", "connect": "broker"}}},
        "connections": {"broker": {"url": "mqtt://127.0.0.1"}},
        "assets": {
            f"b{i + 1}": {
                "profile": "rig-storage",
                "connect": "broker",
                "rated": {"charge": "250 kW", "discharge": "250 kW", "energy": "500 kWh"},
                "soc": {"min": "10 %", "max": "90 %"},
                "ramp": {"up": "50 kW/s", "down": "50 kW/s"},
            }
            for i in range(assets)
        },
        "requests": [
            {"kind": kind, "schedule": {"from": "broker", "topic": kind, "ttl": "26 h"}}
            for kind in ("commitment", "intraday", "day_ahead")
        ]
        + [{"kind": "idle", "power": "0 kW"}],
    }
    if fcr_kw:
        written["ancillary"] = [
            {
                "kind": "fcr",
                "fcr": {
                    "capacity": f"{fcr_kw} kW",
                    "frequency": "site.poc.frequency",
                    "on_loss": {"hold": "2 s", "then": "withdraw"},
                },
            }
        ]
    return Definition.model_validate(written | changes)


@dataclass
class Battery:
    """One healthy battery that follows its command at the next tick unless a test says otherwise."""

    soc: float = 55.0
    power: float = 0.0
    reactive: float = 0.0
    temperature: float = 25.0
    charge_limit: float = 250.0
    discharge_limit: float = 250.0
    available: float = 1.0
    remote: float = 1.0
    alarms: float = 0.0
    sign: float = 1.0
    answers: bool = True
    beats: bool = True
    follows: bool = True
    delay_s: float = 0.0  # from command to power
    proved: Proved = Proved.IDENTITY | Proved.REVERSION
    outcome: WriteStatus | None = WriteStatus.CONFIRMED  # of every write; None: no receipt comes
    held: float | None = None  # the set-point as the device shows it; None: what it does
    discards: bool = False  # writes are acknowledged, and the set-point stays
    heartbeat: int = 0
    missing: set[str] = field(default_factory=set)
    more: dict[str, float] = field(default_factory=dict)  # points beside the usual ones
    told: list[tuple[float, float, float]] = field(default_factory=list)

    def hear(self, now_s: float, power_kw: float, reactive_kvar: float) -> None:
        if self.discards:
            return
        self.held = power_kw
        self.told.append((now_s + self.delay_s, power_kw, reactive_kvar))
        self.live(now_s)

    def live(self, now_s: float) -> None:
        """Do what is due."""
        while self.told and self.told[0][0] <= now_s + 1e-9:
            _, power, reactive = self.told.pop(0)
            self.power = power if self.follows else self.power
            self.reactive = reactive if self.follows else self.reactive


class Rig:
    """The whole chain on a virtual clock. `frames` keeps the last sealed frames, `sent` every command per tick.

    `leaps`: a test may set any state at any instant; without it a change has to be plausible, as in production.
    """

    def __init__(
        self,
        definition: Definition | None = None,
        profile: Profile | None = None,
        *,
        armed: bool = True,
        past: Past | None = None,
        start_ns: int = START_NS,
        extra: tuple[Stage, ...] = (),
        poc: Profile = METER,
        leaps: bool = True,
    ) -> None:
        definition = definition or site()
        profiles = {name: profile or storage() for name in definition.assets}
        profiles |= {f"site.{meter}": poc for meter in definition.site.meters}
        whole = compile_definition(definition, profiles)
        self.compiled: Compiled = whole.with_leaps() if leaps else whole
        self.batteries = {name: Battery() for name in definition.assets}
        self.other_kw, self.frequency, self.meter_answers, self.meter_beats = 0.0, 50.0, True, 0
        self.voltage, self.meter_missing = 20_000.0, set[str]()
        self.meter_frozen, self.trusted = False, True
        self.inputs: dict[str, float | None] = dict.fromkeys(definition.inputs, 0.0)  # None: it does not answer
        self.now_s, self.now_ns, self.index = 100.0, start_ns, 0
        self.cycle = definition.site.cycle
        self.errors: list[tuple[str, Exception]] = []
        self.dropped: list[tuple[str, str]] = []
        self.frames: list[Frame] = []
        self.sent: list[list[Command | None]] = []
        self.watchers: list[Callable[[Frame], None]] = []
        self.entry = Entry(
            self.compiled,
            armed=armed,
            dropped=lambda *why: self.dropped.append(why),
            failed=lambda stage, error: self.errors.append((stage, error)),
            past=past,
        )
        self.stages = stages(self.compiled, lambda: self.now_s, lambda stage, error: self.errors.append((stage, error)))
        graph = build(self.compiled.layout, ("signals",), self.stages, ("writer",), ())
        check(graph, self.compiled.layout)
        fold(
            self.entry.frames,
            graph,
            self._remember,
            {"writer": self._write},
            lambda node, error: self.errors.append((node, error)),
        )

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    def _remember(self, frame: Frame) -> None:
        self.entry.snapshot.remember(frame)
        self.frames = [*self.frames[-600:], frame]
        for watcher in self.watchers:
            watcher(frame)

    def _write(self, frame: Frame) -> None:
        commands = [cut(frame, column) for column in range(len(frame.layout.assets))]
        self.sent.append(commands)
        for name, command in zip(frame.layout.assets, commands, strict=True):
            battery = self.batteries[name]
            if command is None:
                continue
            battery.hear(self.now_s, command.power_kw, command.reactive_kvar)
            if battery.outcome is not None:
                self.entry.signals.on_next(
                    Receipt(name, command.tick, self.now_s, battery.outcome, command.power_kw, command.power_kw)
                )

    def signal(self, signal: Any) -> None:
        self.entry.signals.on_next(signal)

    def act(self, kind: ActKind, asset: str | None = None, *, restored: bool = False) -> None:
        self.signal(OperatorAct("a", kind, asset, "olga", "operator", "test", self.now_ns, restored))

    def by_hand(self, power_kw: float, dead_man_s: float = 20.0, asset: str = "b1") -> None:
        act = OperatorAct("m", ActKind.MANUAL, asset, "olga", "operator", "test", self.now_ns)
        self.signal(replace(act, power_kw=power_kw, dead_man_s=dead_man_s))

    def schedule(
        self,
        kind: str,
        power_kw: float,
        asset: str | None = None,
        *,
        start_s: float = 0.0,
        end_s: float = 86_400.0,
        version: int = 1,
        reactive_kvar: float | None = None,
    ) -> None:
        """A schedule of one window, from `start_s` to `end_s` after now."""
        start_ns, end_ns = self.now_ns + int(start_s * 1e9), self.now_ns + int(end_s * 1e9)
        window = Window(start_ns, end_ns, power_kw, reactive_kvar=reactive_kvar)
        self.signal(Schedule(ScheduleType(kind), asset, "DE-LU", version, self.now_ns, (window,), "digest"))

    def measure(self) -> None:
        """Every device that answers emits one reading, as a poll would."""
        for name, battery in self.batteries.items():
            battery.live(self.now_s)
            self.signal(Proof(name, self.now_s, battery.proved))
            if battery.answers:
                battery.heartbeat += int(battery.beats)
                self.signal(
                    self._reading(
                        name,
                        {
                            "soc": battery.soc,
                            "soh": 99.0,
                            "power": battery.power * battery.sign,
                            "reactive_power": battery.reactive,
                            "temperature": battery.temperature,
                            "available": battery.available,
                            "alarms": battery.alarms,
                            "remote": battery.remote,
                            "charge_limit": battery.charge_limit,
                            "discharge_limit": battery.discharge_limit,
                            "heartbeat": float(battery.heartbeat),
                            "setpoint": battery.power if battery.held is None else battery.held,
                            **battery.more,
                        },
                        battery.missing,
                    )
                )
        for name, level in self.inputs.items():
            if level is not None:
                self.signal(self._reading(f"inputs.{name}", {"value": level}, set()))
        if self.meter_answers and "site.poc" in self.compiled.layout.devices:
            self.meter_beats += not self.meter_frozen
            fed = sum(battery.power for battery in self.batteries.values()) + self.other_kw
            seen = {
                "power": fed,
                "reactive_power": sum(battery.reactive for battery in self.batteries.values()),
                "frequency": self.frequency,
                "voltage": self.voltage,
                "heartbeat": float(self.meter_beats),
            }
            self.signal(self._reading("site.poc", seen, self.meter_missing))

    def _reading(self, device: str, values: dict[str, float], missing: set[str]) -> Reading:
        first, last = self.compiled.layout.devices[device]
        names = [name.removeprefix(f"{device}.") for name in self.compiled.layout.points[first:last]]
        array = np.array([np.nan if name in missing else values[name] for name in names])
        quality = np.array([int(Quality.MISSING if name in missing else Quality.VALID) for name in names], np.int64)
        return Reading(device, self.now_s, array, quality)

    def tick(self, dt: float | None = None) -> Frame:
        """Let `dt` pass (one cycle by default), measure, and compute one tick."""
        dt = self.cycle if dt is None else dt
        self.now_s += dt
        self.now_ns += int(dt * 1e9)
        self.measure()
        self.entry.signals.on_next(Tick(self.index, self.now_s, self.now_ns, dt, trusted=self.trusted))
        self.index += 1
        return self.frame

    def run(self, seconds: float) -> Frame:
        for _ in range(max(1, round(seconds / self.cycle))):
            self.tick()
        return self.frame

    def ready(self) -> Rig:
        """Run until data are fresh and the assets are permitted."""
        self.run(self.compiled.definition.chain.state_machine.fresh_for + 4 * self.cycle)
        return self

    @property
    def power(self) -> list[float]:
        """Commands of the newest tick in kW, one per asset; NaN where silent."""
        return [float("nan") if command is None else command.power_kw for command in self.sent[-1]]
