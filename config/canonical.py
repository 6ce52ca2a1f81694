"""The canonical points: the names that mean the same for every device, with their dimension and their sign.

    storage:  soc soh power reactive_power dc_voltage dc_current temperature available alarms state remote
              cooling contactor charge_limit discharge_limit heartbeat setpoint
    meter:    power reactive_power frequency voltage current heartbeat

A *signed* point follows the profile's `sign`; after the adapter + is discharging or feeding in. The limits, the
current of a meter and everything else are magnitudes or plain numbers. A profile may declare further points: they are
carried and shown, and no stage computes with them.
"""

from __future__ import annotations

from config.units import (
    CURRENT,
    DIMENSIONS,
    FREQUENCY,
    PERCENT,
    POWER,
    REACTIVE_POWER,
    TEMPERATURE,
    VOLTAGE,
    Dimension,
)

STORAGE: dict[str, Dimension | None] = {
    "soc": PERCENT,
    "soh": PERCENT,
    "power": POWER,
    "reactive_power": REACTIVE_POWER,
    "dc_voltage": VOLTAGE,
    "dc_current": CURRENT,
    "temperature": TEMPERATURE,
    "available": None,
    "alarms": None,
    "state": None,
    "remote": None,
    "cooling": None,
    "contactor": None,
    "charge_limit": POWER,
    "discharge_limit": POWER,
    "heartbeat": None,
    "setpoint": POWER,
    "reactive_setpoint": REACTIVE_POWER,
}
METER: dict[str, Dimension | None] = {
    "power": POWER,
    "reactive_power": REACTIVE_POWER,
    "frequency": FREQUENCY,
    "voltage": VOLTAGE,
    "current": CURRENT,
    "heartbeat": None,
}
WRITE: dict[str, Dimension | None] = {"power": POWER, "reactive_power": REACTIVE_POWER, "mode": None, "heartbeat": None}
SIGNED = frozenset({"power", "reactive_power", "dc_current", "setpoint", "reactive_setpoint"})


def canonical(kind: str) -> dict[str, Dimension | None]:
    """The canonical read points of a kind of device, in the order in which readings carry them."""
    return STORAGE if kind == "storage" else METER


def dimension_of(unit: str) -> Dimension | None:
    """The dimension a unit belongs to; None for no unit and for an unknown one."""
    return next((dimension for dimension in DIMENSIONS if unit in dimension.units), None)
