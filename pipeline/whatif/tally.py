"""What a sequence of frames adds up to: energy, limits that bound, time in states, reserve, exchange with the grid.

Energy is that of the measured power over the true time of each tick (kWh, magnitudes); time without a known power is
counted, never guessed. A limit counts while it binds a battery that is written to: seconds, and the energy between what
was desired and what was allowed. Two tallies of the same ticks can be laid side by side.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jit import rows as r
from jit.codes import Authority, State
from jit.frame import F8, Frame
from jit.layout import Layout
from operators.sentence import limit_name

KWS = 3600.0
_ARMED = int(Authority.ARMED)
Side = dict[str, Any]


@dataclass(slots=True)
class Account:
    """One battery. Powers in kW, energies in kWs inside, kWh outside."""

    energy_kwh: float
    charged: float = 0.0
    discharged: float = 0.0
    unknown_s: float = 0.0
    silent_s: float = 0.0
    shortfall: float = 0.0
    soc: tuple[float, float, float, float] | None = None  # first, last, least, most
    states: dict[int, float] = field(default_factory=dict)
    limits: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def see(self, frame: Frame, column: int, dt: float) -> None:
        values, codes = frame.values, frame.codes
        power, soc = values.item(r.POWER_KW, column), values.item(r.SOC_PCT, column)
        if power != power:
            self.unknown_s += dt
        elif power < 0.0:
            self.charged -= power * dt
        else:
            self.discharged += power * dt
        if soc == soc:
            first, _, least, most = self.soc or (soc, soc, soc, soc)
            self.soc = first, soc, min(least, soc), max(most, soc)
        state = codes.item(r.STATE, column)
        self.states[state] = self.states.get(state, 0.0) + dt
        if codes.item(r.AUTHORITY, column) != _ARMED:
            self.silent_s += dt
            return
        short = values.item(r.SHORTFALL_KW, column)
        self.shortfall += abs(short) * dt if short == short else 0.0
        if by := codes.item(r.LIMITED_BY, column):
            desired, limited = values.item(r.DESIRED_KW, column), values.item(r.LIMITED_KW, column)
            direction = "charge" if desired < 0.0 else "discharge"
            hit = self.limits.setdefault((limit_name(frame, by), direction), [0.0, 0.0])
            hit[0] += dt
            hit[1] += abs(desired - limited) * dt

    def json(self) -> Side:
        throughput = (self.charged + self.discharged) / KWS
        first, last, least, most = self.soc or (None, None, None, None)
        return {
            "charged_kwh": self.charged / KWS,
            "discharged_kwh": self.discharged / KWS,
            "throughput_kwh": throughput,
            "cycles": throughput / (2.0 * self.energy_kwh),
            "soc_first_pct": first,
            "soc_last_pct": last,
            "soc_least_pct": least,
            "soc_most_pct": most,
            "unknown_s": self.unknown_s,
            "silent_s": self.silent_s,
            "reserve_shortfall_kwh": self.shortfall / KWS,
            "states_s": {State(state).name.lower(): seconds for state, seconds in sorted(self.states.items())},
            "limits": {
                f"{name}.{direction}": {"seconds": seconds, "curtailed_kwh": lost / KWS}
                for (name, direction), (seconds, lost) in sorted(self.limits.items())
            },
        }


@dataclass(slots=True)
class Service:
    """One reserve service of the site: energies in kWs, up is discharging."""

    activated_up: float = 0.0
    activated_down: float = 0.0
    given_up: float = 0.0
    given_down: float = 0.0
    undeliverable: float = 0.0
    undeliverable_s: float = 0.0
    most_undeliverable_kw: float = 0.0

    def see(self, asked: F8, given: F8, undeliverable: F8, dt: float) -> None:
        wanted, was, without = (float(np.nansum(row)) for row in (asked, given, undeliverable))
        self.activated_up += max(0.0, wanted) * dt
        self.activated_down += max(0.0, -wanted) * dt
        self.given_up += max(0.0, was) * dt
        self.given_down += max(0.0, -was) * dt
        if without > 0.0:
            self.undeliverable += without * dt
            self.undeliverable_s += dt
            self.most_undeliverable_kw = max(self.most_undeliverable_kw, without)

    def json(self) -> Side:
        return {
            "activated_up_kwh": self.activated_up / KWS,
            "activated_down_kwh": self.activated_down / KWS,
            "given_up_kwh": self.given_up / KWS,
            "given_down_kwh": self.given_down / KWS,
            "undeliverable_kwh": self.undeliverable / KWS,
            "undeliverable_s": self.undeliverable_s,
            "most_undeliverable_kw": self.most_undeliverable_kw,
        }


@dataclass(slots=True)
class Exchange:
    """The point of connection, + = export."""

    drawn: float = 0.0
    fed: float = 0.0
    most_import_kw: float = 0.0
    most_export_kw: float = 0.0
    unknown_s: float = 0.0
    seen_s: float = 0.0

    def see(self, power: float, dt: float) -> None:
        if power != power:
            self.unknown_s += dt
            return
        self.seen_s += dt
        self.drawn += max(0.0, -power) * dt
        self.fed += max(0.0, power) * dt
        self.most_import_kw, self.most_export_kw = max(self.most_import_kw, -power), max(self.most_export_kw, power)

    def json(self) -> Side:
        return {
            "import_kwh": self.drawn / KWS,
            "export_kwh": self.fed / KWS,
            "most_import_kw": self.most_import_kw,
            "most_export_kw": self.most_export_kw,
            "unknown_s": self.unknown_s,
        }


class Tally:
    """`see` every frame once."""

    def __init__(self, layout: Layout, energies_kwh: dict[str, float]) -> None:
        self.layout = layout
        self.accounts = {asset: Account(energies_kwh[asset]) for asset in layout.assets}
        self.services = {name.removeprefix("ancillary."): Service() for name in layout.services}
        self.exchange = Exchange()
        index, rows = layout.value_index, ("asked_kw", "given_kw", "undeliverable_kw")
        self._rows = [[index[f"{name}.{row}"] for row in rows] for name in layout.services]

    def see(self, frame: Frame) -> None:
        dt = frame.dt
        for column, account in enumerate(self.accounts.values()):
            account.see(frame, column, dt)
        for service, (asked, given, undeliverable) in zip(self.services.values(), self._rows, strict=True):
            service.see(frame.values[asked], frame.values[given], frame.values[undeliverable], dt)
        self.exchange.see(frame.site.item(r.POC_KW), dt)

    def json(self) -> Side:
        metered = self.exchange.seen_s > 0.0
        return {
            "assets": {asset: account.json() for asset, account in self.accounts.items()},
            "reserve": {name: service.json() for name, service in self.services.items()},
            "grid": self.exchange.json() if metered else None,
        }
