"""The site of the simulation: batteries and a meter on Modbus with every register in one block, and its definition."""

from __future__ import annotations

from typing import Any

from config.definition import Definition
from config.profile import Profile
from simulator.battery import Battery

RATED_KW, ENERGY_KWH, RAMP_KW_PER_S = 250.0, 500.0, 50.0
#: 97 % at full power, 85 % at 5 kW, each way; an inverter that stands by takes what two lamps take.
BATTERY = Battery(
    RATED_KW, RATED_KW, ENERGY_KWH, charge_efficiency=0.985, discharge_efficiency=0.985, no_load_kw=0.8,
    standby_kw=0.15, copper=0.008, closing_s=1.0,
)  # fmt: skip
SENTINEL = {"int32": -(2**31), "uint32": 2**32 - 1, "int16": -(2**15), "uint16": 2**16 - 1}
STORAGE = (  # name, type, unit, scale
    ("power", "int32", "W", 100),
    ("setpoint", "int32", "W", 100),
    ("soc", "uint16", "%", 0.1),
    ("soh", "uint16", "%", 0.1),
    ("temperature", "int16", "°C", 0.1),
    ("charge_limit", "uint32", "W", 100),
    ("discharge_limit", "uint32", "W", 100),
    ("available", "uint16", "", 1),
    ("remote", "uint16", "", 1),
    ("alarms", "uint32", "", 1),
    ("heartbeat", "uint32", "", 1),
)
WRITTEN: dict[str, Any] = {
    "revert_after": {"register": "holding 200", "type": "uint16", "unit": "s", "constant": 10},
    "enable": {"register": "holding 201", "type": "uint16", "constant": 1},
    "power": {
        "register": "holding 202", "type": "int32", "word_order": "big", "unit": "W", "scale": 100,
    },
    "heartbeat": {"register": "holding 204", "type": "uint32", "word_order": "big"},
}  # fmt: skip
FLOATS = tuple(  # the same device with numbers in floating point, "not implemented" as NaN
    (name, "float32", "kW" if unit == "W" else unit, 1) if scale != 1 else (name, kind, unit, scale)
    for name, kind, unit, scale in STORAGE
)
METER = (("power", "int32", "W", 100), ("frequency", "uint16", "Hz", 0.001), ("heartbeat", "uint32", "", 1))


def _points(rows: tuple[tuple[str, str, str, float], ...], start: int) -> dict[str, Any]:
    points: dict[str, Any] = {}
    for name, kind, unit, scale in rows:
        points[name] = {
            "register": f"holding {start}",
            "type": kind,
            "unit": unit,
            "scale": scale,
            "sentinels": [SENTINEL[kind]] if kind in SENTINEL else [],
            **({"word_order": "big"} if kind.endswith("32") else {}),
            **({"values": {0: "no", 1: "yes"}, "yes": [1]} if name in ("available", "remote") else {}),
        }
        start += 2 if kind.endswith("32") else 1
    return points


def storage(poll_s: float, **changes: Any) -> Profile:
    """A storage device: time-out, value and heartbeat in one write, one block to read, reversion to 0 kW after 10 s."""
    return Profile.model_validate(
        {
            "name": "world-storage",
            "version": 1,
            "protocol": "modbus",
            "kind": "storage",
            "sign": "positive_is_discharge",
            "addressing": "zero_based",
            "read": _points(STORAGE, 100),
            "write": WRITTEN,
            "write_order": ["revert_after", "enable", "power", "heartbeat"],
            "fresh_by": "heartbeat",
            "poll": f"{poll_s:g} s",
            "timeout": "300 ms",
            "alarms": {0: {"text": "fire", "critical": True}, 1: {"text": "fan"}},
            "watchdog": {"point": "heartbeat", "every": "1 s", "reverts_after": "10 s", "reverts_to": "0 kW"},
            "response": {"dead_time": "200 ms", "lag": "300 ms"},
            "resolution": "100 W",
        }
        | changes
    )  # fmt: skip


#: What the batteries of some sites say of themselves, and what their definition asks for.
SERIAL: dict[str, Any] = {"serial": {"register": "holding 300", "length": 8}}
IDENTIFIED: dict[str, Any] = {"identity": {"serial": "SIM-000001"}}


def floats(poll_s: float) -> Profile:
    """The same device with its numbers in floating point, set-point included."""
    power = {"register": "holding 202", "type": "float32", "word_order": "big", "unit": "kW"}
    return storage(poll_s, name="world-floats", read=_points(FLOATS, 100), write=WRITTEN | {"power": power})


def meter(poll_s: float) -> Profile:
    return Profile.model_validate(
        {
            "name": "world-meter",
            "version": 1,
            "protocol": "modbus",
            "kind": "meter",
            "sign": "positive_is_discharge",
            "addressing": "zero_based",
            "read": _points(METER, 10),
            "fresh_by": "heartbeat",
            "poll": f"{poll_s:g} s",
            "timeout": "300 ms",
        }
    )


def definition(
    assets: int = 1, *, cycle: str = "1 s", connect: str = "modbus-tcp://b{}:502/1", **changes: Any
) -> Definition:
    """Batteries of 250 kW, 500 kWh, 50 kW/s behind a meter; a day-ahead schedule, else idle.

    `connect` is where battery number {} is; texts in `asset` may name it in the same way.
    """
    return Definition.model_validate(
        {
            "version": 1,
            "site": {
                "name": "world",
                "cycle": cycle,
                "meters": {"poc": {"profile": "world-meter", "connect": "modbus-tcp://poc:502/1"}},
                **changes.pop("site", {}),
            },
            "assets": {
                f"b{i + 1}": {
                    "profile": "world-storage",
                    "connect": connect.format(i + 1),
                    "rated": {"charge": f"{RATED_KW} kW", "discharge": f"{RATED_KW} kW", "energy": f"{ENERGY_KWH} kWh"},
                    "soc": {"min": "10 %", "max": "90 %"},
                    "soc_dwell": {"above": "45 %", "at_most": "40 s"},
                    "ramp": {"up": f"{RAMP_KW_PER_S} kW/s", "down": f"{RAMP_KW_PER_S} kW/s"},
                    **{k: v.format(i + 1) if isinstance(v, str) else v for k, v in changes.get("asset", {}).items()},
                }
                for i in range(assets)
            },
            "requests": [
                {"kind": kind, "schedule": {"from": "endpoint", "ttl": "26 h"}}
                for kind in ("commitment", "intraday", "day_ahead")
            ]
            + [{"kind": "idle", "power": "0 kW"}],
        }
        | {key: value for key, value in changes.items() if key != "asset"}
    )
