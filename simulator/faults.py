"""Faults on demand: what can go wrong with a real plant, switched on and off, for ever or for a time.

A board holds which faults are on and until when; `effects` says what that means for the battery and for what is seen of
it. Time is the plant's own (s since its start), so that a fault ends at the same instant in every run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from simulator.battery import Duress

LIMIT_KW = 37.0  # BMS limit of the fault `bms_limit` when none is given
HOT_C = 60.0
FOREIGN_KW = 30.0
SWING, SWING_S = 0.3, 4.0  # share of the set-point, period
LIVELY_EVERY_S, LIVELY_FOR_S = 120.0, 20.0


class Fault(StrEnum):
    CABLE = "cable"
    FREEZE = "freeze"
    NAN = "nan"
    BMS_LIMIT = "bms_limit"
    OVER_TEMPERATURE = "over_temperature"
    WRONG_SIGN = "wrong_sign"
    LOCAL = "local"
    UNAVAILABLE = "unavailable"
    ALARM = "alarm"
    DISCARD = "discard"
    SCALE = "scale"
    HALF = "half"
    OSCILLATE = "oscillate"
    FOREIGN = "foreign"
    METER = "meter"
    RESET = "reset"
    IDENTITY = "identity"


TITLES: dict[Fault, str] = {
    Fault.CABLE: "Cable pulled: connections drop and are refused",
    Fault.FREEZE: "Frozen: old values, heartbeat stands still, writes are lost",
    Fault.NAN: "No SoC: the device sends “not implemented”",
    Fault.BMS_LIMIT: "BMS lowers the charge and discharge limit",
    Fault.OVER_TEMPERATURE: "Cells heat up to 60 °C",
    Fault.WRONG_SIGN: "Measured power has the wrong sign",
    Fault.LOCAL: "Local control: writes are ignored",
    Fault.UNAVAILABLE: "Battery is not available",
    Fault.ALARM: "Critical alarm: battery trips",
    Fault.DISCARD: "Set-points are acknowledged but discarded",
    Fault.SCALE: "Measured power is ten times what it is",
    Fault.HALF: "Battery gives half of what it is told",
    Fault.OSCILLATE: "Power swings around what it is told, ±30 % every 4 s",
    Fault.FOREIGN: "Another master writes a set-point of 30 kW every second",
    Fault.METER: "Grid meter falls silent",
    Fault.RESET: "Device restarts once: connections drop, set-point and reversion are cleared",
    Fault.IDENTITY: "Another device answers: its serial number differs",
}


class FaultError(ValueError):
    """A fault that does not exist, or a duration or limit that makes no sense."""


class UnknownFaultError(FaultError):
    """A fault that does not exist."""


@dataclass(frozen=True, slots=True)
class Active:
    """A fault that is on: until when (plant time, s; None = until switched off) and its limit, if it has one."""

    until_s: float | None
    limit_kw: float | None = None


@dataclass(frozen=True, slots=True)
class Effects:
    """What the faults of this instant do: to the battery (`duress`) and to what others see of it."""

    duress: Duress = field(default_factory=Duress)
    cable: bool = False
    frozen: bool = False
    soc_missing: bool = False
    mirrored: bool = False
    scaled: float = 1.0
    foreign_kw: float | None = None
    discarding: bool = False
    meter_silent: bool = False
    reset: bool = False
    exchanged: bool = False


NONE = Effects()


class Board:
    """Which faults are on. Not thread-safe: one event loop owns it."""

    def __init__(self, lively: bool = False) -> None:
        self.lively = lively
        self._active: dict[Fault, Active] = {}
        self._made_of: tuple[tuple[Fault, ...], float | None, float] | None = None
        self._effects = NONE

    def switch(
        self, name: str, on: bool, now_s: float, seconds: float | None = None, limit_kw: float | None = None
    ) -> Fault:
        """Switch a fault. Raises FaultError for an unknown name, a duration or a limit out of range."""
        try:
            fault = Fault(name)
        except ValueError:
            raise UnknownFaultError(f"there is no fault {name!r}; one of: {', '.join(Fault)}") from None
        if seconds is not None and not (math.isfinite(seconds) and 0 < seconds <= 86_400):
            raise FaultError(f"a fault lasts between 0 and 86400 s, not {seconds}")
        if limit_kw is not None and (fault is not Fault.BMS_LIMIT or not (math.isfinite(limit_kw) and limit_kw >= 0)):
            raise FaultError("only bms_limit has a limit, and it is 0 kW or more")
        if on:
            self._active[fault] = Active(None if seconds is None else now_s + seconds, limit_kw)
        else:
            self._active.pop(fault, None)
        return fault

    def active(self, now_s: float) -> dict[Fault, Active]:
        """The faults that are on now; those whose time is over are forgotten."""
        over = [fault for fault, on in self._active.items() if on.until_s is not None and on.until_s <= now_s]
        for fault in over:
            del self._active[fault]
        return dict(self._active)

    def effects(self, now_s: float) -> Effects:
        if not (self._active or self.lively):
            return NONE
        on = self.active(now_s)
        limit_kw, swing = self._limit_kw(on, now_s), _swing(now_s) if Fault.OSCILLATE in on else 0.0
        made_of = tuple(on), limit_kw, swing
        if made_of != self._made_of:  # a plant asks many times a second, and is answered the same nearly always
            self._made_of, self._effects = made_of, _effects(on, limit_kw, swing)
        return self._effects

    def _limit_kw(self, on: dict[Fault, Active], now_s: float) -> float | None:
        if Fault.BMS_LIMIT in on:
            given = on[Fault.BMS_LIMIT].limit_kw
            return LIMIT_KW if given is None else given
        return LIMIT_KW if self.lively and lively_dip(now_s) else None


def _effects(on: Mapping[Fault, Active], limit_kw: float | None, swing: float) -> Effects:
    return Effects(
        duress=Duress(
            limit_kw=limit_kw,
            heat_to_c=HOT_C if Fault.OVER_TEMPERATURE in on else None,
            unavailable=Fault.UNAVAILABLE in on,
            tripped=Fault.ALARM in on,
            local=Fault.LOCAL in on,
            follows=(0.5 if Fault.HALF in on else 1.0) + swing,
        ),
        cable=Fault.CABLE in on,
        frozen=Fault.FREEZE in on,
        soc_missing=Fault.NAN in on,
        mirrored=Fault.WRONG_SIGN in on,
        scaled=10.0 if Fault.SCALE in on else 1.0,
        foreign_kw=FOREIGN_KW if Fault.FOREIGN in on else None,
        discarding=Fault.DISCARD in on,
        meter_silent=Fault.METER in on,
        reset=Fault.RESET in on,
        exchanged=Fault.IDENTITY in on,
    )


def _swing(now_s: float) -> float:
    """Up for half of the period, down for the other half."""
    return SWING if now_s % SWING_S < SWING_S / 2.0 else -SWING


def lively_dip(now_s: float) -> bool:
    """Every two minutes the BMS lowers its limits for 20 s, at the end of the two minutes."""
    return now_s % LIVELY_EVERY_S >= LIVELY_EVERY_S - LIVELY_FOR_S
