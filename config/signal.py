"""A digital input as a device with one point, `value`: 1 is high, 0 is low.

    inputs: { door: { connect: …, register: discrete 4 } } ──► profile `input` with the read point `value`

So an input is polled, aged, judged, recorded and shown as every other device is. Registers of inputs count from 0; a
word that is not 0 is high.
"""

from __future__ import annotations

from config.profile import Profile
from config.site import Input

#: How often an input is read over Modbus and OPC UA (s).
POLL_S = 0.25


def input_profile(name: str, signal: Input) -> Profile:
    """The profile of one input."""
    over_modbus = signal.register_ is not None
    table, _, number = (signal.register_ or "").partition(" ")
    if signal.node is not None:
        protocol, place = "opcua", {"node": signal.node}
    elif over_modbus:
        protocol, place = "modbus", {"register": f"{table} {min(int(number), 65535)}"}
    else:
        protocol, place = "mqtt", {"path": "value"}
    return Profile.model_validate(
        {
            "name": f"input-{name}",
            "version": 1,
            "title": "digital input",
            "protocol": protocol,
            "kind": "meter",
            "sign": "positive_is_discharge",
            "addressing": "zero_based" if over_modbus else None,
            "poll": f"{POLL_S * 1000:.0f} ms",
            "read": {"value": {**place, "type": "uint16" if table in ("holding", "input") else "bool"}},
        }
    )
