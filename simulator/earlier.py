"""Scenarios of the earlier system: telemetry that a device says at given instants, whatever it is told. Read strictly.

    {"id": …, "name": …, "description": …, "asset": {"asset_id": …, …}, "telemetry": [{"offset_millis": 0, …}, …]}

Between two frames, and after the last one, the device says nothing new: its heartbeat stands still, its registers keep
what they hold, nothing is published. Commands are taken and acknowledged. Limits of SoC, temperature and ramp that the
file states are those of its controller; of them the plant uses the ramp. Every problem is a `ScenarioError` that names
the file, the place in it (`$.telemetry[2].soc_percent`) and what is wrong. Powers in kW, + = discharging.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from simulator.battery import Battery
from simulator.plant import Told
from simulator.scenario import Act, Scenario, ScenarioError

MOST_BYTES = 64 * 1024 * 1024
WELL = frozenset({"", "ok", "none"})
POINTS = {
    "soc_percent": "soc", "soh_percent": "soh", "active_power_kw": "power", "reactive_power_kvar": "reactive_power",
    "dc_voltage": "dc_voltage", "dc_current": "dc_current", "temperature_celsius": "temperature",
}  # fmt: skip
Text = Annotated[str, Field(min_length=1)]
Magnitude = Annotated[FiniteFloat, Field(gt=0)]
Efficiency = Annotated[FiniteFloat, Field(ge=0.5, le=1)]
Share = Annotated[FiniteFloat, Field(ge=0, le=100)]


class Strict(BaseModel):
    """A part of the file: no unknown members, no conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Asset(Strict):
    asset_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
    capacity_kwh: Magnitude
    max_charge_power_kw: Magnitude
    max_discharge_power_kw: Magnitude
    min_soc_percent: Share
    max_soc_percent: Share
    charge_efficiency: Efficiency
    discharge_efficiency: Efficiency
    max_ramp_kw_per_second: Magnitude
    min_operating_temperature_celsius: FiniteFloat
    max_operating_temperature_celsius: FiniteFloat

    @model_validator(mode="after")
    def _ordered(self) -> Asset:
        for low, high in (
            ("min_soc_percent", "max_soc_percent"),
            ("min_operating_temperature_celsius", "max_operating_temperature_celsius"),
        ):
            if not getattr(self, low) < getattr(self, high):
                raise ValueError(f"{low} has to be less than {high}")
        return self


class Frame(Strict):
    """What the device says at one instant; implausible values are what some scenarios are about."""

    offset_millis: Annotated[int, Field(ge=0)]
    soc_percent: FiniteFloat
    soh_percent: FiniteFloat
    active_power_kw: FiniteFloat
    reactive_power_kvar: FiniteFloat | None = None
    dc_voltage: FiniteFloat | None = None
    dc_current: FiniteFloat | None = None
    temperature_celsius: FiniteFloat
    available: bool
    fault_status: str


class Recorded(Strict):
    id: Text
    name: Text
    description: str
    asset: Asset
    telemetry: Annotated[list[Frame], Field(min_length=1)]


def load(path: Path) -> Scenario:
    """The scenario in a file of the earlier system. Raises ScenarioError."""
    found = _validated(path, _read(path))
    for number, frame in enumerate(found.telemetry[1:], start=1):
        if frame.offset_millis < found.telemetry[number - 1].offset_millis:
            where = f"$.telemetry[{number}].offset_millis"
            raise ScenarioError(f"{path}: {where}: {frame.offset_millis} ms is before the frame that it follows")
    asset, acts = found.asset, tuple(_act(number, frame) for number, frame in enumerate(found.telemetry, start=1))
    battery = Battery(
        charge_kw=asset.max_charge_power_kw,
        discharge_kw=asset.max_discharge_power_kw,
        energy_kwh=asset.capacity_kwh,
        charge_efficiency=asset.charge_efficiency,
        discharge_efficiency=asset.discharge_efficiency,
        slew_kw_per_s=asset.max_ramp_kw_per_second,
    )
    return Scenario(found.id, acts, found.description or found.name, asset=asset.asset_id, battery=battery)


def _act(number: int, frame: Frame) -> Act:
    said = frame.model_dump(exclude_none=True)
    values = {point: float(said[name]) for name, point in POINTS.items() if name in said}
    fault = "" if frame.fault_status.lower() in WELL else frame.fault_status
    return Act(frame.offset_millis / 1000.0, told=Told(number, values, frame.available, fault))


def _read(path: Path) -> object:
    """The file's JSON; the same member twice, NaN and Infinity are refused."""
    try:
        with path.open("rb") as file:
            octets = file.read(MOST_BYTES + 1)
        if len(octets) > MOST_BYTES:
            raise ScenarioError(f"{path}: is larger than {MOST_BYTES} bytes")
        value: object = json.loads(octets.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_number)
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from None
    except json.JSONDecodeError as error:
        raise ScenarioError(f"{path}: not JSON at line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise ScenarioError(f"{path}: nested too deep") from None
    except ScenarioError:
        raise
    except ValueError as error:
        raise ScenarioError(f"{path}: {error}") from None
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the member {twice[:40]!r} appears twice")
    return members


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _validated(path: Path, value: object) -> Recorded:
    try:
        return Recorded.model_validate(value)
    except ValidationError as error:
        said = []
        for one in error.errors(include_url=False, include_input=False):
            place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in one["loc"])
            said.append(f"{path}: ${place}: {one['msg'].removeprefix('Value error, ')}")
        more = f"; and {len(said) - 3} more" if len(said) > 3 else ""
        raise ScenarioError("; ".join(said[:3]) + more) from None
