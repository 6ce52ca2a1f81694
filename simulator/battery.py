"""A battery with its inverter, in pure steps: the same inputs always give the same plant.

Guarantees, for every step: stored energy stays within 0 and capacity; terminal power and stored energy agree to the
last digit through the efficiencies; power never exceeds rating or BMS limit for longer than the inverter's lag needs;
an unavailable or tripped battery ends at 0 kW.

    set-point ─► dead time ─► BMS limit ─► slew, first order lag ─► terminal power ─► energy, heat
        ▲                                                                   │
        └── reverts to `reverts_to_kw` when the heartbeat stands still ◄────┘ (device watchdog)

Units: kW (+ = discharging), kWh, %, °C, V, A, s. What the cells give is what leaves the terminals and the losses:

    losses(P) = no load + share of P that the efficiency takes + copper · P² / rating      at 0 kW: standby

so that little power is carried badly, as by any inverter, and no power more than whole. Losses heat one thermal mass
that a cooling conductance ties to the ambient: C dT/dt = losses − G (T − T_ambient).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

SLOWEST_KW = 1e-3  # a lag never quite arrives: below this distance the power is at its target


@dataclass(frozen=True, slots=True)
class Battery:
    """The nameplate and the physics of one battery."""

    charge_kw: float = 250.0
    discharge_kw: float = 250.0
    energy_kwh: float = 500.0
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95
    no_load_kw: float = 0.0  # what the inverter takes while it carries power, however little
    standby_kw: float = 0.0  # what it takes from the cells at 0 kW
    copper: float = 0.0  # share of the rating that is lost at the rating, falling with the square of the power
    closing_s: float = 0.0  # from the end of what opened its contactors until they are closed: precharge
    dead_time_s: float = 0.2
    lag_s: float = 0.3
    slew_kw_per_s: float = 1000.0
    reverts_after_s: float | None = 10.0  # None: the device has no watchdog, or it is not armed
    reverts_to_kw: float = 0.0
    heat_kwh_per_k: float = 1.5
    cooling_kw_per_k: float = 0.5
    ambient_c: float = 22.0
    auxiliary_kvar: float = 0.0
    soh_pct: float = 98.6

    def __post_init__(self) -> None:
        sizes = (self.charge_kw, self.discharge_kw, self.energy_kwh, self.slew_kw_per_s, self.heat_kwh_per_k)
        if not all(math.isfinite(size) and size > 0 for size in sizes):
            raise ValueError(f"a battery needs positive powers, energy, slew and heat capacity: {self}")
        for efficiency in (self.charge_efficiency, self.discharge_efficiency):
            if not 0.5 <= efficiency <= 1.0:
                raise ValueError(f"an efficiency lies between 0.5 and 1, not {efficiency}")
        if min(self.standby_kw, self.no_load_kw) < 0.0 or not 0.0 <= self.copper <= 0.2:
            raise ValueError("losses are not negative, and copper takes a fifth of the rating at most")
        if self.dead_time_s < 0 or self.lag_s < 0:
            raise ValueError("dead time and lag are not negative")


@dataclass(frozen=True, slots=True)
class Duress:
    """What is forced on the battery from outside (faults on demand). The default forces nothing."""

    limit_kw: float | None = None  # BMS charge and discharge limit at most this
    heat_to_c: float | None = None  # cells are driven to this temperature, 2 K/s
    unavailable: bool = False  # not connected: runs down to 0 kW
    tripped: bool = False  # critical alarm: 0 kW at once, set-point lost
    follows: float = 1.0  # share of the set-point that it gives or takes
    local: bool = False  # local control: writes are discarded, runs down to 0 kW


class BatteryState(NamedTuple):
    """Everything a battery remembers from one step to the next."""

    energy_kwh: float
    power_kw: float = 0.0
    temperature_c: float = 25.0
    forced_c: float = 0.0  # share of the temperature that a fault forces, K
    setpoint_kw: float = 0.0  # as held by the device
    acting_kw: float = 0.0  # what the set-point was one dead time ago
    pending: tuple[tuple[float, float], ...] = ()  # (s left of its dead time, kW)
    silent_s: float = 0.0  # since the heartbeat last changed
    reverted: bool = False
    charge_limit_kw: float = 0.0
    discharge_limit_kw: float = 0.0
    open_s: float = 0.0  # until its contactors are closed; 0: they are


FREE = Duress()


def at_soc(battery: Battery, soc_pct: float) -> BatteryState:
    """A battery at rest with this state of charge (%)."""
    if not 0.0 <= soc_pct <= 100.0:
        raise ValueError(f"a state of charge lies between 0 and 100 %, not {soc_pct}")
    state = BatteryState(energy_kwh=battery.energy_kwh * soc_pct / 100.0)
    charge, discharge = bms_limits(battery, soc_pct, state.temperature_c)
    return state._replace(charge_limit_kw=charge, discharge_limit_kw=discharge)


def soc_pct(battery: Battery, state: BatteryState) -> float:
    return 100.0 * state.energy_kwh / battery.energy_kwh


def cell_temperature_c(state: BatteryState) -> float:
    return state.temperature_c + state.forced_c


def dc_voltage(battery: Battery, state: BatteryState) -> float:
    """Open-circuit voltage of a string of iron phosphate cells: flat in the middle, steep at both ends (V)."""
    share = state.energy_kwh / battery.energy_kwh
    return 768.0 + 24.0 * (share - 0.5) + 40.0 * (2.0 * share - 1.0) ** 5 - 0.02 * state.power_kw


def dc_current(battery: Battery, state: BatteryState) -> float:
    """Current out of the battery (A), + = discharging."""
    return 1000.0 * cell_power_kw(battery, state.power_kw) / dc_voltage(battery, state)


def cell_power_kw(battery: Battery, power_kw: float) -> float:
    """Power drawn from the cells (kW) for this power at the terminals: never less than that, and rising with it."""
    if power_kw == 0.0:
        return battery.standby_kw
    if power_kw > 0.0:
        cells, rating = power_kw / battery.discharge_efficiency, battery.discharge_kw
    else:
        cells, rating = power_kw * battery.charge_efficiency, battery.charge_kw
    return cells + battery.no_load_kw + battery.copper * power_kw * power_kw / rating


def command(battery: Battery, state: BatteryState, power_kw: float) -> BatteryState:
    """A new set-point is written. It acts after the dead time; a set-point that is held already acts on."""
    limited = max(-battery.charge_kw, min(battery.discharge_kw, power_kw))
    if limited == state.setpoint_kw and not state.reverted:
        return state
    pending = (*state.pending, (battery.dead_time_s, limited))
    return state._replace(setpoint_kw=limited, pending=pending, reverted=False)


def heartbeat(state: BatteryState) -> BatteryState:
    """The heartbeat changed: the watchdog starts anew. A set-point that was lost stays lost."""
    return state._replace(silent_s=0.0)


def restarted(state: BatteryState) -> BatteryState:
    """The device after a restart: it holds no set-point, and its watchdog begins anew."""
    return state._replace(setpoint_kw=0.0, acting_kw=0.0, pending=(), silent_s=0.0, reverted=False)


def step(battery: Battery, state: BatteryState, duress: Duress, dt: float, speed: float = 1.0) -> BatteryState:
    """One step of `dt` seconds. Energy and heat move `speed` times faster than the clock, nothing else does."""
    if not dt > 0:
        raise ValueError(f"a step needs a positive duration, not {dt}")
    silent_s, reverted = state.silent_s + dt, state.reverted
    setpoint, acting, pending = state.setpoint_kw, state.acting_kw, state.pending
    if battery.reverts_after_s is not None and silent_s >= battery.reverts_after_s and not reverted:
        setpoint = acting = battery.reverts_to_kw
        pending, reverted = (), True
    if pending:
        acting, pending = _act(acting, pending, dt)
    opened = duress.tripped or duress.unavailable
    open_s = battery.closing_s if opened else max(0.0, state.open_s - dt)
    if opened or duress.local or open_s > 0.0:
        setpoint, acting, pending = 0.0, 0.0, ()
    charge, discharge = _limits(battery, state, duress)
    hours = dt * speed / 3600.0
    target = max(-charge, min(discharge, acting * duress.follows))
    power = 0.0 if duress.tripped else _follow(battery, state, target, dt, hours)
    cells = min(cell_power_kw(battery, power), state.energy_kwh / hours)  # what is empty stands by on the grid
    energy = max(0.0, min(battery.energy_kwh, state.energy_kwh - cells * hours))
    settled = battery.ambient_c + abs(cells - power) / battery.cooling_kw_per_k
    decay = math.exp(-battery.cooling_kw_per_k * hours / battery.heat_kwh_per_k)
    temperature = settled + (state.temperature_c - settled) * decay
    forced = _forced(state.forced_c, temperature, duress, dt)
    return BatteryState(
        energy, power, temperature, forced, setpoint, acting, pending, silent_s, reverted, charge, discharge, open_s,
    )  # fmt: skip


def quiet_s(battery: Battery, state: BatteryState) -> float:
    """For how long nothing but energy and heat moves, unless somebody acts (s): 0 while power is on its way."""
    target = max(-state.charge_limit_kw, min(state.discharge_limit_kw, state.acting_kw))
    if state.pending or state.forced_c or state.open_s or state.power_kw != target:
        return 0.0
    if battery.reverts_after_s is None or state.reverted:
        return math.inf
    return max(0.0, battery.reverts_after_s - state.silent_s)


def _act(
    acting_kw: float, pending: tuple[tuple[float, float], ...], dt: float
) -> tuple[float, tuple[tuple[float, float], ...]]:
    """Let dead times run; what has run down acts, the newest last."""
    waiting = []
    for left, power in pending:
        if left - dt <= 1e-9:
            acting_kw = power
        else:
            waiting.append((left - dt, power))
    return acting_kw, tuple(waiting)


def bms_limits(battery: Battery, soc: float, temperature_c: float) -> tuple[float, float]:
    """(charge, discharge) limits of the battery management system (kW) at this SoC (%) and cell temperature (°C)."""
    cold_charge = (temperature_c - 0.0) / 10.0  # no charging at or below 0 °C: lithium plating
    cold_discharge = (temperature_c + 20.0) / 10.0
    hot = (55.0 - temperature_c) / 10.0
    charge = min((98.0 - soc) / 6.0, cold_charge, hot)
    discharge = min((soc - 2.0) / 6.0, cold_discharge, hot)
    return battery.charge_kw * _share(charge), battery.discharge_kw * _share(discharge)


def _share(value: float) -> float:
    return max(0.0, min(1.0, value))


def _limits(battery: Battery, state: BatteryState, duress: Duress) -> tuple[float, float]:
    if duress.tripped:
        return 0.0, 0.0
    soc = 100.0 * state.energy_kwh / battery.energy_kwh
    charge, discharge = bms_limits(battery, soc, state.temperature_c + state.forced_c)
    if duress.limit_kw is not None:
        return min(charge, duress.limit_kw), min(discharge, duress.limit_kw)
    return charge, discharge


def _follow(battery: Battery, state: BatteryState, target: float, dt: float, hours: float) -> float:
    """Terminal power after `dt`: lag and slew toward the target; never more than the cells can give or take."""
    power = state.power_kw
    if power != target:
        moved = (target - power) * (1.0 - math.exp(-dt / battery.lag_s) if battery.lag_s > 0 else 1.0)
        slew = battery.slew_kw_per_s * dt
        power += max(-slew, min(slew, moved))
        if abs(power - target) < SLOWEST_KW:
            power = target
    given = 1.0 / battery.discharge_efficiency + battery.copper
    most = max(0.0, state.energy_kwh / hours - battery.no_load_kw) / given
    least = -(battery.energy_kwh - state.energy_kwh) / battery.charge_efficiency / hours
    return max(least, min(most, power))


def _forced(forced_c: float, temperature_c: float, duress: Duress, dt: float) -> float:
    """What a fault adds to the temperature of the cells (K), 2 K/s up and down."""
    wanted = 0.0 if duress.heat_to_c is None else max(0.0, duress.heat_to_c - temperature_c)
    heating = 2.0 * dt
    return forced_c + max(-heating, min(heating, wanted - forced_c))
