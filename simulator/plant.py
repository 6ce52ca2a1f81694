"""The plant in closed loop: battery, load, PV and grid, moved in pure steps.

    written set-point ─► Battery ─► power ─┐
                         load, PV ─────────┴─► meter at the point of connection        frequency ─► meter

`step` is a pure function of model, state and effects; `Plant` is the one place that remembers the newest state and
takes writes. Nothing here knows a protocol, a clock or a file. Units: kW (+ = discharging, feeding in), %, °C, Hz, s.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from simulator import battery as cells
from simulator.battery import Battery, BatteryState
from simulator.faults import NONE, Board, Effects
from simulator.frequency import Frequency
from simulator.grid import DAY_S, GridState, Site, meter

HEARTBEAT_S = 0.1
JUDGED = frozenset({"power", "revert_power", "revert_after", "unit_mode"})  # written points that not every number suits
LONGEST_STEP_S, LONGEST_CALM_S = 0.1, 1.0  # while power moves, and while it stands
NOMINAL_V = 400.0
WARM_C = 45.0  # the device warns above this cell temperature
IDENTITY = {"manufacturer": "bess-pipeline", "model": "Simulated battery", "serial": "SIM-000001"}
EXCHANGED = {**IDENTITY, "serial": "SIM-000002"}
REVERSION = ("revert_after", "revert_power", "revert_enable")
STOPPED = frozenset({"stop", "stopped", "idle", "off", "standby", "disconnect"})


@dataclass(frozen=True, slots=True)
class Model:
    """What does not change while the plant runs. Energy and heat move `speed` times faster than the clock."""

    battery: Battery
    site: Site
    frequency: Frequency
    speed: float = 1.0


class PlantState(NamedTuple):
    """The plant at one instant: UTC (s since 1970), time since its start (s), its battery and what it is of."""

    utc_s: float
    uptime_s: float
    battery: BatteryState
    model: Model

    @property
    def grid(self) -> GridState:
        """The point of connection at this instant, with this battery alone."""
        return _grid(self, self.battery.power_kw)


@dataclass(frozen=True, slots=True)
class Told:
    """What a played recording lets the device say, whatever its plant does: the `number`-th time, in chain units."""

    number: int
    values: Mapping[str, float]
    available: bool = True
    fault: str = ""  # its word for what is wrong; empty: nothing


@dataclass(frozen=True, slots=True)
class Reported:
    """What the device says of itself: `values` by canonical point name in chain units, None = no such value."""

    values: dict[str, float | None]
    available: bool
    remote: bool
    mode: str  # discharging, charging, idle, fault, off
    alarm: bool
    warm: bool
    heartbeat: int
    fault: str = ""

    def value(self, name: str) -> float | None:
        return self.values.get(name)


class Says(Protocol):
    """A device that can be asked what it says of itself."""

    @property
    def available(self) -> bool: ...
    @property
    def remote(self) -> bool: ...
    @property
    def mode(self) -> str: ...
    @property
    def alarm(self) -> bool: ...
    @property
    def warm(self) -> bool: ...
    @property
    def heartbeat(self) -> int: ...
    @property
    def fault(self) -> str: ...
    def value(self, name: str, /) -> float | None: ...


def start(model: Model, soc_pct: float, utc_s: float) -> PlantState:
    """The plant at rest."""
    return PlantState(utc_s, 0.0, cells.at_soc(model.battery, soc_pct), model)


def step(model: Model, state: PlantState, effects: Effects, dt: float) -> PlantState:
    """The plant `dt` seconds later, in sub-steps of at most 100 ms while power moves."""
    battery, left = state.battery, dt
    while left > 1e-12:
        calm = 0.0 if effects is not NONE else cells.quiet_s(model.battery, battery)
        longest = LONGEST_STEP_S if calm < LONGEST_STEP_S else min(calm, LONGEST_CALM_S)
        part = left / math.ceil(left / longest - 1e-9) if left > longest else left
        battery = cells.step(model.battery, battery, effects.duress, part, model.speed)
        left -= part
    return PlantState(state.utc_s + dt, state.uptime_s + dt, battery, model)


@dataclass(slots=True)
class Writes:
    """What others wrote, and how often. `age_s` counts from the newest set-point that acted.

    `by_point` counts what each written point took: what is kept in flash memory wears out by it.
    """

    accepted: int = 0
    refused: int = 0
    discarded: int = 0
    by_point: dict[str, int] = field(default_factory=dict)
    newest_kw: float | None = None
    at_s: float | None = None


class Plant:
    """The running plant. `battery` may change only through `write`; one event loop owns it."""

    def __init__(
        self, model: Model, board: Board, soc_pct: float, utc_s: float, feeds: str | frozenset[str] = "heartbeat",
        arms: bool = False,
    ) -> None:  # fmt: skip
        self.board = board
        self.model = model
        self.state = start(model, soc_pct, utc_s)
        self.effects = board.effects(0.0)
        self.writes = Writes()
        self.arms = arms  # its reversion has to be armed, and is lost with a restart
        self.feeds = frozenset((feeds,)) if isinstance(feeds, str) else feeds  # written points that feed its watchdog
        self.beside: tuple[Plant, ...] = ()  # the other batteries behind the same meter
        self.told: Told | None = None
        after_s = model.battery.reverts_after_s
        self.reversion = {  # as the device holds it; without a time that is enabled, it never reverts
            "revert_after": after_s or 0.0,
            "revert_power": model.battery.reverts_to_kw,
            "revert_enable": float(after_s is not None),
        }
        self.restarts = 0
        self._power_kw = self._reactive_kvar = 0.0
        self.voltage_v = NOMINAL_V  # of the grid, as the meter sees it
        self._running = True  # mode and enable let the set-point through
        self._heartbeat: float | None = None

    def advance(self, dt: float) -> None:
        """Move on by `dt` seconds; faults begin and end at its start."""
        before, self.effects = self.effects, self.board.effects(self.state.uptime_s)
        if self.effects.reset and not before.reset:
            self._restart()
        self._rival(dt)
        self.state = step(self.model, self.state, self.effects, dt)

    def calm_s(self) -> float:
        """For how long nothing but energy and heat moves, unless somebody acts (s)."""
        if self.effects is not NONE or self.board.effects(self.state.uptime_s) is not NONE:
            return 0.0
        return cells.quiet_s(self.model.battery, self.state.battery)

    @property
    def heartbeat(self) -> int:
        return self.told.number if self.told is not None else int(self.state.uptime_s / HEARTBEAT_S + 1e-6)

    def _rival(self, dt: float) -> None:
        """Another master writes once a second, whatever was written before."""
        now, foreign = self.state.uptime_s, self.effects.foreign_kw
        if foreign is not None and int(now + dt) > int(now):
            self._set(cells.command(self.model.battery, self.state.battery, foreign))

    def refusal(self, name: str, value: float | str) -> str | None:
        """Why this value would be refused, or None."""
        if isinstance(value, str):
            return None
        if not math.isfinite(value):
            return f"{name} is not a finite number"
        if name not in JUDGED:
            return None
        rating = self.model.battery
        if name in ("power", "revert_power") and not -rating.charge_kw - 1e-6 <= value <= rating.discharge_kw + 1e-6:
            return f"{value:g} kW is beyond the rating of -{rating.charge_kw:g} to {rating.discharge_kw:g} kW"
        if name == "revert_after" and not 1.0 <= value <= 3600.0:
            return f"a reversion time of {value:g} s is outside 1 to 3600 s"
        if name == "unit_mode" and value != 1.0:
            return "only set-points in watts are supported"
        return None

    def write(self, name: str, value: float | str) -> str | None:
        """Take a written point in chain units. Returns why it was refused, or None. A lost write is not refused."""
        reason = self.refusal(name, value)
        if reason is not None:
            self.writes.refused += 1
            return reason
        self.accept(name, value)
        return None

    def accept(self, name: str, value: float | str) -> None:
        """Take what is not refused, unless it is lost."""
        effects = self.effects
        if effects is not NONE:
            deaf = effects.frozen or effects.cable or effects.duress.local or effects.duress.tripped
            if deaf or (effects.discarding and name != "heartbeat"):
                self.writes.discarded += 1
                return
        self._take(name, value)
        self.writes.accepted += 1
        self.writes.by_point[name] = self.writes.by_point.get(name, 0) + 1

    def _take(self, name: str, value: float | str) -> None:
        if name == "mode":
            self._running = value not in STOPPED
        elif name == "enable":
            self._running = value != 0
        elif name == "power":
            self._power_kw = float(value)
            self.writes.newest_kw, self.writes.at_s = self._power_kw, self.state.uptime_s
        elif name == "reactive_power":
            self._reactive_kvar = float(value)
        elif name in REVERSION and self.reversion[name] != value:
            self._arm({name: float(value)})
        if name in ("power", "mode", "enable"):
            wanted = self._power_kw if self._running else 0.0
            self._set(cells.command(self.model.battery, self.state.battery, wanted))
        self._feed(name, value)

    def _arm(self, settings: dict[str, float]) -> None:
        self.reversion |= settings
        after_s = self.reversion["revert_after"]
        on = self.reversion["revert_enable"] != 0.0 and after_s > 0.0
        to_kw = self.reversion["revert_power"]
        battery = replace(self.model.battery, reverts_after_s=after_s if on else None, reverts_to_kw=to_kw)
        self.model = replace(self.model, battery=battery)

    def _restart(self) -> None:
        """What is not in flash memory is gone: the set-point, and the reversion that was armed."""
        self.restarts += 1
        self._power_kw, self._reactive_kvar, self._heartbeat = 0.0, 0.0, None
        self._set(cells.restarted(self.state.battery))
        if self.arms:
            self._arm(dict.fromkeys(REVERSION, 0.0))

    @property
    def identity(self) -> dict[str, str]:
        """Who the device says it is."""
        return EXCHANGED if self.effects.exchanged else IDENTITY

    def _feed(self, name: str, value: float | str) -> None:
        if name not in self.feeds or (name == "heartbeat" and value == self._heartbeat):
            return
        if name == "heartbeat":
            self._heartbeat = float(value)
        self._set(cells.heartbeat(self.state.battery))

    def _set(self, battery: BatteryState) -> None:
        if battery is not self.state.battery:
            self.state = PlantState(self.state.utc_s, self.state.uptime_s, battery, self.state.model)

    @property
    def reactive_setpoint_kvar(self) -> float:
        """What was last written, kvar."""
        return self._reactive_kvar

    @property
    def reactive_kvar(self) -> float:
        """Reactive power as it was written, beside the auxiliaries'; none of it while the inverter does not run."""
        duress, battery = self.effects.duress, self.state.battery
        stands = duress.tripped or duress.unavailable or duress.local or battery.reverted or not self._running
        return self.model.battery.auxiliary_kvar + (0.0 if stands else self._reactive_kvar)

    @property
    def available(self) -> bool:
        """Its contactors are closed: they open with a trip as well, and close some time after it."""
        closed = self.state.battery.open_s == 0.0 and not self.effects.duress.unavailable
        return closed and (self.told is None or self.told.available)

    @property
    def remote(self) -> bool:
        return not self.effects.duress.local

    @property
    def mode(self) -> str:
        """What it says it does: discharging, charging, idle, fault, off."""
        if self.alarm:
            return "fault"
        if not self.available:
            return "off"
        power_kw = self.terminal_kw
        return "discharging" if power_kw > 0.0 else "charging" if power_kw < 0.0 else "idle"

    @property
    def alarm(self) -> bool:
        return self.effects.duress.tripped or bool(self.fault)

    @property
    def fault(self) -> str:
        """Its own word for what is wrong; empty where it has none."""
        return "" if self.told is None else self.told.fault

    @property
    def warm(self) -> bool:
        return cells.cell_temperature_c(self.state.battery) > WARM_C

    def value(self, name: str) -> float | None:
        """What the device says of this point in chain units, with the faults that falsify it; None: no such value."""
        if self.told is not None and name in self.told.values:
            return self.told.values[name]
        gauge = GAUGES.get(name)
        return None if gauge is None else gauge(self)

    def reported(self) -> Reported:
        """The device's own view of this instant."""
        values = {name: self.value(name) for name in GAUGES}
        return Reported(
            values, self.available, self.remote, self.mode, self.alarm, self.warm, self.heartbeat, self.fault
        )

    @property
    def terminal_kw(self) -> float:
        """What flows at its terminals, or is said to."""
        told = self.told
        return self.state.battery.power_kw if told is None else told.values.get("power", self.state.battery.power_kw)

    @property
    def grid(self) -> GridState:
        """The point of connection: this battery and those beside it, the load and the PV."""
        return _grid(self.state, sum(plant.terminal_kw for plant in (self, *self.beside)))

    @property
    def meter_silent(self) -> bool:
        """The fault `meter` is on at one of the batteries behind it."""
        return any(plant.effects.meter_silent for plant in (self, *self.beside))

    def metered(self) -> dict[str, float | None]:
        """The meter's view by canonical point name: kW (+ = feeding in), kvar, Hz, V, A and its heartbeat."""
        grid = self.grid
        reactive_kvar = sum(plant.reactive_kvar for plant in (self, *self.beside))
        return {
            "power": grid.poc_kw,
            "reactive_power": reactive_kvar,
            "frequency": grid.frequency_hz,
            "voltage": self.voltage_v,
            "current": _amperes(grid.poc_kw, reactive_kvar, self.voltage_v),
            "heartbeat": float(int(self.state.uptime_s / HEARTBEAT_S + 1e-6)),
        }


def _grid(state: PlantState, batteries_kw: float) -> GridState:
    hz = state.model.frequency.at(state.utc_s % DAY_S)
    return meter(state.model.site, state.utc_s, batteries_kw, hz)


def _amperes(kw: float, kvar: float, volts: float) -> float:
    return math.hypot(kw, kvar) * 1000.0 / (math.sqrt(3.0) * volts)


GAUGES: dict[str, Callable[[Plant], float | None]] = {
    "soc": lambda p: None if p.effects.soc_missing else cells.soc_pct(p.model.battery, p.state.battery),
    "soh": lambda p: p.model.battery.soh_pct,
    "power": lambda p: p.state.battery.power_kw * (-1.0 if p.effects.mirrored else p.effects.scaled),
    "reactive_power": lambda p: p.reactive_kvar,
    "dc_voltage": lambda p: cells.dc_voltage(p.model.battery, p.state.battery),
    "dc_current": lambda p: cells.dc_current(p.model.battery, p.state.battery),
    "temperature": lambda p: cells.cell_temperature_c(p.state.battery),
    "charge_limit": lambda p: p.state.battery.charge_limit_kw,
    "discharge_limit": lambda p: p.state.battery.discharge_limit_kw,
    "setpoint": lambda p: p.state.battery.setpoint_kw,
    "reactive_setpoint": lambda p: p.reactive_setpoint_kvar,
    "grid_voltage": lambda p: p.voltage_v / NOMINAL_V,
    "grid_current": lambda p: _amperes(p.terminal_kw, p.reactive_kvar, p.voltage_v),
    "frequency": lambda p: p.model.frequency.at(p.state.utc_s % DAY_S),
}
