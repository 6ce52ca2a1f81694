"""Which SunSpec point is which of ours: for every canonical point the candidates, the best one first.

The choice follows the newest models: DER (701 to 715) before the older inverter models (101 to 113), the battery's own
word (802, 803, 713) before the inverter's. Signs: an inverter's W is positive when it feeds in; a meter's W is positive
when power is drawn from the grid, which vendors do differently: a commissioning proves it.
"""

from __future__ import annotations

from typing import Any

Candidates = tuple[tuple[int, str], ...]

INVERTERS = (103, 102, 101, 113, 112, 111)
METERS = (203, 204, 202, 201, 213, 214, 212, 211)


def _each(models: tuple[int, ...], name: str) -> Candidates:
    return tuple((number, name) for number in models)


STORAGE: dict[str, Candidates] = {
    "state": ((701, "InvSt"), *_each(INVERTERS, "St")),
    "power": ((701, "W"), *_each(INVERTERS, "W")),
    "reactive_power": ((701, "Var"), *_each(INVERTERS, "VAr")),
    "temperature": ((803, "ModTmpMax"), (701, "TmpCab"), *_each(INVERTERS, "TmpCab")),
    "setpoint": ((704, "WSet"),),
    "soc": ((802, "SoC"), (713, "SoC"), (124, "ChaState")),
    "soh": ((802, "SoH"), (713, "SoH")),
    "remote": ((715, "LocRemCtl"), (802, "LocRemCtl")),
    "heartbeat": ((715, "DERHb"), (802, "Hb")),
    "charge_limit": ((802, "WChaRteMax"),),
    "discharge_limit": ((802, "WDisChaRteMax"),),
    "available": ((802, "State"), (701, "ConnSt"), (122, "StorConn")),
    "alarms": ((802, "Evt1"), (701, "Alrm"), *_each(INVERTERS, "Evt1")),
    "dc_voltage": ((802, "V"),),
    "dc_current": ((802, "A"), (714, "DCA")),
    "frequency": ((701, "Hz"), *_each(INVERTERS, "Hz")),
    "connection": ((701, "ConnSt"),),
    "cell_min_temperature": ((803, "ModTmpMin"),),
}
INVERTER: dict[str, Candidates] = {
    "power": ((701, "W"), *_each(INVERTERS, "W")),
    "reactive_power": ((701, "Var"), *_each(INVERTERS, "VAr")),
    "frequency": ((701, "Hz"), *_each(INVERTERS, "Hz")),
    "voltage": ((701, "LNV"), *_each(INVERTERS, "PhVphA")),
    "current": ((701, "A"), *_each(INVERTERS, "A")),
    "heartbeat": ((715, "DERHb"),),
    "state": ((701, "InvSt"), *_each(INVERTERS, "St")),
    "events": ((701, "Alrm"), *_each(INVERTERS, "Evt1")),
    "energy": ((701, "TotWhInj"), *_each(INVERTERS, "WH")),
    "dc_power": ((714, "DCW"), *_each(INVERTERS, "DCW")),
    "cabinet_temperature": ((701, "TmpCab"), *_each(INVERTERS, "TmpCab")),
}
METER: dict[str, Candidates] = {
    "power": _each(METERS, "W"),
    "reactive_power": _each(METERS, "VAR"),
    "frequency": _each(METERS, "Hz"),
    "voltage": _each(METERS, "PhV"),
    "current": _each(METERS, "A"),
    "energy_exported": _each(METERS, "TotWhExp"),
    "energy_imported": _each(METERS, "TotWhImp"),
    "events": _each(METERS, "Evt"),
}
ROLES = {"storage": STORAGE, "inverter": INVERTER, "meter": METER}

#: What makes a yes of an enumeration or of a set of bits.
YES: dict[tuple[int, str], dict[str, Any]] = {
    (715, "LocRemCtl"): {"yes": [0]},
    (802, "LocRemCtl"): {"yes": [0]},
    (802, "State"): {"yes": [3]},
    (701, "ConnSt"): {"yes": [1]},
    (122, "StorConn"): {"bits": [1, 1], "yes": [1]},
}
#: Alarm bits that latch FAULT; all others are shown.
CRITICAL: dict[tuple[int, str], frozenset[str]] = {
    (802, "Evt1"): frozenset({"over temp alarm", "contactor error", "ground fault"}),
    (701, "Alrm"): frozenset({"ground fault"}),
    **dict.fromkeys(_each(INVERTERS, "Evt1"), frozenset({"ground fault"})),
}
