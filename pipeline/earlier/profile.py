"""A device profile of ours from a mapping file of the earlier system, and what had to be left to a person.

    soc_percent ──► soc      active_power_setpoint_kw ──► write.power      other names ──► carried and shown

Theirs says nothing about silence, freshness, limits or what a fault code means; so an imported profile is a weak device
(`frozen_after` counts), promises no limits, has no watchdog, and any fault but 0 latches: the `notes` say what to add.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from config.canonical import SIGNED, WRITE, dimension_of
from config.units import DIMENSIONS
from pipeline.earlier.mapping import Mapped, ModbusMapping, MqttMapping, Node, OpcuaMapping, Register, Topic
from pipeline.earlier.mapping import Mapping as File

#: Names of theirs that mean one of our canonical points, with the unit that the name says.
READ = {
    "soc_percent": ("soc", "%"), "soh_percent": ("soh", "%"), "active_power_kw": ("power", "kW"),
    "reactive_power_kvar": ("reactive_power", "kvar"), "dc_voltage": ("dc_voltage", "V"),
    "dc_current": ("dc_current", "A"), "temperature_celsius": ("temperature", "°C"), "available": ("available", ""),
    "fault_status": ("alarms", ""), "fault_code": ("alarms", ""),
}  # fmt: skip
ORDERED = {
    "active_power_setpoint_kw": ("power", "kW"), "reactive_power_setpoint_kvar": ("reactive_power", "kvar"),
    "operating_mode": ("mode", ""), "heartbeat": ("heartbeat", ""),
}  # fmt: skip
#: What their telemetry messages carry; a fault is a text.
MEMBERS = ("soc_percent", "soh_percent", "active_power_kw", "reactive_power_kvar", "dc_voltage", "dc_current",
           "temperature_celsius", "available", "fault_status")  # fmt: skip
FAULTS = {0: "ok", 1: "isolation-fault", 2: "thermal-runaway", 4: "communication-loss"}
WIDTHS = {"float": "float32", "double": "float64"}
SILENCE = "nothing says what the device does when nothing is written: add `watchdog`, then arm"
UNITS = frozenset(unit for dimension in DIMENSIONS for unit in dimension.units)


class NoProfileError(ValueError):
    """A mapping from which no profile can be made, and why."""


@dataclass
class Imported:
    """The profile as its file would say it; one note for everything a person has to look at."""

    values: dict[str, Any]
    connect: str
    notes: list[str] = field(default_factory=list)


def imported(file: File, name: str) -> Imported:
    """The profile of a mapping. Raises `NoProfileError`."""
    match file:
        case ModbusMapping():
            return _modbus(file, name)
        case MqttMapping():
            return _mqtt(file, name)
        case OpcuaMapping():
            return _opcua(file, name)


# --- Modbus -----------------------------------------------------------------------------------------------------------


def _modbus(file: ModbusMapping, name: str) -> Imported:
    if file.static_unit_id == 0:
        raise NoProfileError("unit 0 speaks to every device of a line at once: a battery needs a unit of its own")
    made = _begun(file, name, "modbus", f"modbus-tcp://HOST:502/{file.static_unit_id or 'UNIT'}")
    if file.unit_id_discovery != "static":
        how = "name it in `connect:`, or those that it may be (`/1-9`) and the asset's `identity`"
        made.notes.append(f"the unit is to be found ({file.unit_id_discovery}): {how}")
    made.values["addressing"] = "zero_based"
    for register in file.registers:
        if register.type == "string":
            made.notes.append(f"`{register.name}` is a text of unknown length: add it under `identity` or `texts`")
        else:
            _take(made, register, _register(register), _names(register.enum or register.value_explanation, made))
    return _finished(made)


def _register(register: Register) -> dict[str, Any]:
    point: dict[str, Any] = {"register": f"{register.register_table} {register.address}", "type": register.type}
    if register.type.endswith("32"):
        point["word_order"] = "big" if register.word_order == "high_low" else "little"
    return point


# --- OPC UA -----------------------------------------------------------------------------------------------------------


def _opcua(file: OpcuaMapping, name: str) -> Imported:
    prefix = _shared([node.node_id for node in file.nodes])
    made = _begun(file, name, "opcua", "opc.tcp://HOST:4840")
    made.notes.append(f"nodes are below the asset's own: write `node: {prefix}` at the asset")
    for node in file.nodes:
        if node.type == "string":
            made.notes.append(f"`{node.name}` is a text: add it under `identity` if it says who the device is")
        else:
            point = {"node": node.node_id[len(prefix) + 1 :], "type": WIDTHS.get(node.type, node.type)}
            _take(made, node, point, _names(node.value_explanation, made))
    return _finished(made)


def _shared(ids: list[str]) -> str:
    """What every node id begins with, up to a dot: the battery's own object."""
    parts = [node.split(".") for node in ids]
    same = 0
    while all(len(part) > same + 1 and part[same] == parts[0][same] for part in parts):
        same += 1
    if not same or "s=" not in parts[0][0]:
        raise NoProfileError("the nodes lie below no common one: only ids such as `ns=2;s=Battery.Soc` are read")
    return ".".join(parts[0][:same])


# --- MQTT -------------------------------------------------------------------------------------------------------------


def _mqtt(file: MqttMapping, name: str) -> Imported:
    topics = {topic.name: topic for topic in file.topics}
    if not {"telemetry", "command"} <= topics.keys():
        raise NoProfileError("the topics `telemetry` and `command` are needed")
    prefix = topics["telemetry"].topic.rpartition("/")[0]
    if not prefix or any(not topic.topic.startswith(f"{prefix}/") for topic in topics.values()):
        raise NoProfileError(f"not every topic is below {prefix or 'a common one'}")
    made = _begun(file, name, "mqtt", "mqtts://BROKER:8883")
    made.notes.append(f"topics are below the asset's own: write `topic: {prefix}`, with its id, at the asset")
    parts = {"telemetry": "telemetry", "command": "command", "command_ack": "acknowledge"}
    made.values["topics"] = {parts[n]: t.topic[len(prefix) + 1 :] for n, t in topics.items() if n in parts}
    made.notes += [f"topic `{n}` is not read: telemetry says the same" for n in topics if n not in parts]
    made.notes += list(_doubts(topics.values()))
    for member in MEMBERS:
        ours, unit = READ[member]
        made.values["read"][ours] = {"path": member} | ({"unit": unit} if unit else {})
    made.values["read"]["available"] |= {"type": "bool", "yes": [1]}
    made.values["read"]["alarms"] |= {"type": "uint32", "values": FAULTS}
    made.values["alarms"] = {bit: _critical(text) for bit, text in enumerate(list(FAULTS.values())[1:])}
    made.values["write"] = {"power": {"path": "active_power_kw", "unit": "kW"}, "mode": {"path": "mode"}}
    return _finished(made)


def _doubts(topics: Iterable[Topic]) -> Iterable[str]:
    for topic in topics:
        if topic.direction == "publish" and topic.retained:
            yield f"topic `{topic.name}` was retained: commands never are here"
        elif topic.name == "telemetry" and topic.retained:
            yield "telemetry is retained, without a time stamp: a retained message is shown and never counts as fresh"


# --- what all share ---------------------------------------------------------------------------------------------------


def _begun(file: File, name: str, protocol: str, connect: str) -> Imported:
    values: dict[str, Any] = {
        "name": name, "version": 1, "title": f"{file.profile_name}, imported", "protocol": protocol, "kind": "storage",
        "sign": "positive_is_discharge", "read": {}, "write": {},
    }  # fmt: skip
    return Imported(values, connect)


def _take(made: Imported, theirs: Register | Node, point: dict[str, Any], names: Mapping[int, str]) -> None:
    """One point of theirs into `read` or `write`, or into the notes."""
    written = theirs.writable
    ours, usual = (ORDERED if written else READ).get(theirs.name, (theirs.name, ""))
    if written and ours not in WRITE:
        made.notes.append(f"`{theirs.name}` is written by no command: add it under `write` with a `constant`")
        return
    if ours in made.values["write" if written else "read"]:
        made.notes.append(f"`{theirs.name}` would be `{ours}` once more: left out")
        return
    point |= {"scale": theirs.scale_factor} if theirs.scale_factor != 1.0 else {}
    point |= _unit(made, theirs, usual)
    point |= {"values": dict(names)} if names else {}
    if written:
        made.values["write"][ours] = point
        _rate(made, theirs, ours, point.get("unit", ""))
    else:
        point |= {"range": _range(theirs, point.get("unit", ""))} if _bounded(theirs, ours) else {}
        point |= _meaning(made, ours, point, names)
        point |= {"label": theirs.display_name} if theirs.display_name else {}
        made.values["read"][ours] = point | ({} if theirs.exportable else {"exportable": False})
    _doubtful(made, theirs)


def _bounded(theirs: Register | Node, ours: str) -> bool:
    """A range of theirs was never looked at: where a device may pass its rating by a little, none is taken over."""
    return isinstance(theirs, Register) and ours not in SIGNED


def _range(theirs: Register | Node, unit: str) -> list[float]:
    dimension = dimension_of(unit)
    factor = 1.0 if dimension is None else float(dimension.units[unit])
    return [bound * factor for bound in theirs.range] if isinstance(theirs, Register) else []


def _unit(made: Imported, theirs: Mapped, usual: str) -> dict[str, str]:
    unit = theirs.unit or usual
    if unit and unit not in UNITS:
        made.notes.append(f"`{theirs.name}`: its unit {unit!r} is not known here and left out")
        return {}
    return {"unit": unit} if unit else {}


def _meaning(made: Imported, ours: str, point: Mapping[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    """Availability is a yes; any fault but 0 is critical until somebody says what it means."""
    if ours == "available":
        return {"yes": [1]}
    if ours != "alarms":
        return {}
    if not str(point["type"]).startswith("uint"):
        raise NoProfileError(f"a fault status of type {point['type']} is no set of bits")
    bits = max(1, max(names).bit_length()) if names else min(int(str(point["type"])[4:]), 53)
    made.values["alarms"] = {bit: _critical(_said(bit, names)) for bit in range(bits)}
    made.notes.append("any fault but 0 latches: write under `alarms` what each bit means, and which are critical")
    return {}


def _said(bit: int, names: Mapping[int, str]) -> str:
    said = [text for number, text in sorted(names.items()) if number >> bit & 1]
    return " or ".join(said) or f"bit {bit} of the fault status"


def _critical(text: str) -> dict[str, Any]:
    return {"text": text[:1].upper() + text[1:], "critical": True}


def _rate(made: Imported, theirs: Register | Node, ours: str, unit: str) -> None:
    """The range of the set-point is what the device can do; a step of an integer is its resolution."""
    if ours != "power" or not isinstance(theirs, Register):
        return
    low, high = _range(theirs, unit)
    if low < 0 < high:
        made.values["ratings"] = {"charge": f"{-low:g} kW", "discharge": f"{high:g} kW"}
    if theirs.type != "float32":
        dimension = dimension_of(unit)
        factor = 1.0 if dimension is None else float(dimension.units[unit])
        made.values["resolution"] = f"{abs(theirs.scale_factor) * factor * 1000:g} W"


def _doubtful(made: Imported, theirs: Mapped) -> None:
    if theirs.writable and theirs.write_cadence not in ("cyclic", "heartbeat"):
        made.notes.append(f"`{theirs.name}` was to be written {theirs.write_cadence}: it is written with every command")
    if theirs.alarm is not None:
        limits = [f"{word} {value:g}" for word, value in (("min", theirs.alarm.min), ("max", theirs.alarm.max))
                  if value is not None]  # fmt: skip
        made.notes.append(f"`{theirs.name}` has an alarm ({', '.join(limits)}): write it in the definition's `alarms`")
    if theirs.auth_required == "token":
        made.notes.append(f"`{theirs.name}` needs a sign-in: write `user` and `password` at the connection")
    if isinstance(theirs, Register) and theirs.firmware_constraint:
        made.notes.append(f"`{theirs.name}` depends on the firmware: {theirs.firmware_constraint}")


def _names(said: Mapping[str, str], made: Imported) -> dict[int, str]:
    numbers = {int(key): text for key, text in said.items() if key.isascii() and key.isdigit() and len(key) < 10}
    if len(numbers) < len(said):
        made.notes.append(f"{len(said) - len(numbers)} names of values are left out: they name no numbers")
    return numbers


def _finished(made: Imported) -> Imported:
    """What makes a profile whole, or says why it cannot be one."""
    values = made.values
    if "power" not in values["write"]:
        raise NoProfileError("no active power is written: `active_power_setpoint_kw` is needed of a battery")
    missing = [name for name in ("soc", "power") if name not in values["read"]]
    if missing:
        raise NoProfileError(f"{' and '.join(missing)} cannot be read: nothing could be controlled")
    if values["protocol"] == "opcua" and "available" not in values["read"] and "alarms" in values["read"]:
        fault = values["read"]["alarms"]
        values["read"]["available"] = {"node": fault["node"], "type": fault["type"], "yes": [0]}
        made.notes.append("nothing says whether the battery is available: it counts as available without a fault")
    if len(values["write"]) > 1:
        values["write_order"] = [name for name in WRITE if name in values["write"]]
    values["promises_limits"] = False
    made.notes.append(SILENCE)
    return made
