"""The mapping files of the earlier system, read strictly: Modbus registers, MQTT topics, OPC UA nodes of one device.

    modbus-mapping   profile_name, unit_id_discovery, static_unit_id, registers: [name, address, type, scale_factor, …]
    mqtt-mapping     profile_name, topics: [name, topic, direction, payload_format, retained, …]
    opcua-mapping    profile_name, nodes: [name, node_id, direction, data_type, scale_factor, …]

Every problem is a `ManifestError` that names the file, the place in it and what is wrong. Source: the schemas as their
owners published them (v1). What a file means in our language: `pipeline.earlier.profile`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, FiniteFloat

from pipeline.earlier.manifest import MOST_BYTES, ManifestError, Name, Strict, load
from sources.strict_json import JsonError, read

Cadence = Literal["cyclic", "once_per_day", "one_shot", "heartbeat", "cooldown"]
Access = Literal["none", "network", "token"]


def _not_zero(factor: float) -> float:
    if factor == 0.0:
        raise ValueError("a factor of 0 would make every value 0")
    return factor


Factor = Annotated[FiniteFloat, AfterValidator(_not_zero)]


class Threshold(Strict):
    min: FiniteFloat | None = None
    max: FiniteFloat | None = None
    severity: Literal["info", "warning", "critical"] | None = None


class Mapped(Strict):
    """What every kind of point says of itself."""

    name: Name
    display_name: str = ""
    unit: str = ""
    exportable: bool = True
    alarm: Threshold | None = None
    value_explanation: dict[str, str] = {}
    auth_required: Access
    writable: bool = False
    write_cadence: Cadence = "cyclic"
    scale_factor: Factor = 1.0


class Register(Mapped):
    address: Annotated[int, Field(ge=0, le=65535)]
    type: Literal["uint16", "int16", "uint32", "int32", "float32", "string"]
    register_table: Literal["holding", "input"] = "holding"
    word_order: Literal["high_low", "low_high"] = "high_low"
    scale_factor: Factor
    range: Annotated[list[FiniteFloat], Field(min_length=2, max_length=2)]
    enum: dict[str, str] = {}
    firmware_constraint: str = ""
    sunspec_model: Annotated[int, Field(ge=1)] | None = None


class ModbusMapping(Strict):
    schema_version: Literal["v1"] = "v1"
    profile_name: Name
    unit_id_discovery: Literal["static", "dynamic", "sunspec"]
    static_unit_id: Annotated[int, Field(ge=0, le=255)] | None = None
    registers: Annotated[list[Register], Field(min_length=1)]


class Topic(Mapped):
    topic: Name
    direction: Literal["subscribe", "publish"]
    payload_format: Literal["json"]
    retained: bool


class MqttMapping(Strict):
    schema_version: Literal["v1"] = "v1"
    profile_name: Name
    topics: Annotated[list[Topic], Field(min_length=1)]


class Node(Mapped):
    node_id: Name
    direction: Literal["read", "write", "subscribe"]
    type: Literal[
        "bool", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float", "double", "string"
    ] = Field(alias="data_type")  # fmt: skip
    monitoring_interval_ms: Annotated[int, Field(ge=0)] | None = None


class OpcuaMapping(Strict):
    schema_version: Literal["v1"]
    profile_name: Name
    nodes: Annotated[list[Node], Field(min_length=1)]


Mapping = ModbusMapping | MqttMapping | OpcuaMapping
_KINDS: dict[str, type[ModbusMapping | MqttMapping | OpcuaMapping]] = {
    "registers": ModbusMapping, "topics": MqttMapping, "nodes": OpcuaMapping,
}  # fmt: skip


def mapping(path: Path) -> Mapping:
    """A mapping file of any of the three kinds. Raises `ManifestError`."""
    try:
        value = read(path.read_bytes(), MOST_BYTES)
    except OSError as error:
        raise ManifestError(path, "", f"cannot be read: {error.strerror}") from None
    except JsonError as error:
        raise ManifestError(path, "", str(error)) from None
    kinds = [model for key, model in _KINDS.items() if isinstance(value, dict) and key in value]
    if len(kinds) != 1:
        raise ManifestError(path, "", f"no mapping file: one of {', '.join(_KINDS)} is needed at its top")
    return load(path, kinds[0])
