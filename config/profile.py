"""A device profile: everything that is known about one kind of device, as data.

    read:  name → where it is, how it is encoded, in which unit, what "not implemented" looks like
    write: name → the same, plus the order of writing
    sign, addressing, word_order: what THE DEVICE means; no defaults for a device that is written to

Canonical read points of a storage device: soc, soh, power, reactive_power, dc_voltage, dc_current, temperature,
available, alarms, state, remote, charge_limit, discharge_limit, heartbeat, setpoint (the set-point the device holds).
Canonical read points of a meter: power, reactive_power, frequency, voltage, current, heartbeat.
Canonical write points of a storage device: power, mode, heartbeat; further write points are a `constant` each.
Register numbers are the numbers in the request when `zero_based`, one more than those when `one_based`.
Raw values of points with `yes` (available, remote), of enumerations (state) and of bit sets (alarms) stay raw up to
the reading. Everything after the adapter is in chain units and + = discharging / feeding in.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from config.definition import Section
from config.quantity import Duration

RegisterType = Literal["uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64", "bool"]


class Point(Section):
    """One value of a device. Modbus points have `register` ("holding 40072"), MQTT points have `path` ("battery.soc").

    Engineering value = (raw * scale + offset) in `unit`, then converted to the chain's unit.
    A raw value in `sentinels` means the device has no such value: it becomes *missing*, never 0.
    """

    register: str | None = None
    path: str | None = None
    type: RegisterType = "float64"
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""
    word_order: Literal["big", "little"] | None = None
    sentinels: list[float] = []
    range: tuple[float, float] | None = None  # in the chain's unit
    values: dict[int, str] = {}  # names of an enumeration's values
    yes: list[int] = []  # raw values that mean "yes" for available and remote
    constant: float | None = None  # write points only: always this value, in `unit`
    label: str = ""


class Alarm(Section):
    """One bit of `alarms`. A critical alarm latches FAULT."""

    text: str
    critical: bool = False


class Watchdog(Section):
    """What the device does without us: `point` is written every `every`; after `reverts_after` it goes to `reverts_to`."""

    point: str = "heartbeat"
    every: Duration = 1.0
    reverts_after: Duration
    reverts_to_kw: float = 0.0


class Response(Section):
    """How the device follows a command: pure delay, then first order lag (s)."""

    dead_time: Duration = 1.0
    lag: Duration = 1.0


class Topics(Section):
    """MQTT topics below the asset's `topic` prefix; `{asset}` is the asset's id."""

    telemetry: str = "telemetry"
    command: str = "command"
    acknowledge: str = "command/ack"


class Profile(Section):
    """One kind of device. `kind` storage can be commanded; a meter never is."""

    name: str
    version: int = Field(ge=1)
    title: str = ""
    protocol: Literal["modbus", "mqtt"]
    kind: Literal["storage", "meter"]
    sign: Literal["positive_is_discharge", "positive_is_charge"]
    addressing: Literal["zero_based", "one_based"] | None = None
    read: dict[str, Point]
    write: dict[str, Point] = {}
    write_order: list[str] = []
    stamp: str | None = None  # MQTT: path of the device's own time stamp (RFC 3339, UTC)
    fresh_by: str | None = None  # None: weak, freshness relies on replies and `frozen_after`
    poll: Duration = 0.5
    timeout: Duration = 0.4
    alarms: dict[int, Alarm] = {}
    watchdog: Watchdog | None = None
    response: Response = Response()
    resolution_kw: float = 0.1  # one step of the set-point as written
    promises_limits: bool = True  # charge_limit and discharge_limit are promised: missing = 0
    topics: Topics = Topics()
    block_gap: int = 0  # undeclared registers that may be read along (0: never bridge)
    max_block: int = Field(default=100, ge=1, le=125)
    sample: dict[str, object] = {}  # recorded raw values and what they decode to, for `profile lint`
