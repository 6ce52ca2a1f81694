"""Where the points of an asset are: the rows of the point map, −1 where a profile does not promise the point."""

from __future__ import annotations

(
    M_SOC,
    M_SOH,
    M_POWER,
    M_REACTIVE,
    M_VOLTAGE,
    M_CURRENT,
    M_TEMPERATURE,
    M_CHARGE_LIMIT,
    M_DISCHARGE_LIMIT,
    M_SETPOINT,
    M_AVAILABLE,
    M_REMOTE,
    M_COOLING,
    M_CONTACTOR,
    M_ALARMS,
    M_STATE,
    M_HEARTBEAT,
    M_DEVICE,
) = range(18)
POINT_OF_ROW = (
    "soc",
    "soh",
    "power",
    "reactive_power",
    "dc_voltage",
    "dc_current",
    "temperature",
    "charge_limit",
    "discharge_limit",
    "setpoint",
    "available",
    "remote",
    "cooling",
    "contactor",
    "alarms",
    "state",
    "heartbeat",
)
