"""`python -m simulator`: a battery plant on real protocols, as a process of its own.

It prints one line when it serves, writes `--ready-file` then, ends cleanly on SIGTERM or SIGINT (exit 0), and says in
one line why it cannot start (exit 2).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from simulator.frequency import FrequencyError
from simulator.mqtt import BrokerUrlError
from simulator.points import ProfileError
from simulator.scenario import ScenarioError
from simulator.shell import serve

CANNOT_START = 2
PROTOCOLS = ("modbus", "mqtt", "opcua")


def parser() -> argparse.ArgumentParser:
    """All options; units are in the help."""
    options = argparse.ArgumentParser("simulator", description="A battery plant on real Modbus TCP, MQTT and OPC UA.")
    add = options.add_argument
    add(
        "--storage",
        type=_protocols,
        default=("modbus",),
        metavar="PROTOCOL,…",
        help="how it is read and commanded: modbus, mqtt, opcua, several of them, or all; the first one's profile "
        "decides how it reacts (modbus)",
    )
    add(
        "--profile",
        type=_names,
        metavar="NAME,…",
        help="its device profiles, one per protocol, names or YAML files (sunspec-storage, mqtt-storage, opcua-ess)",
    )
    add("--meter-profile", default="mqtt-meter", help="device profile of the grid meter; a Modbus one is unit 2")
    add("--host", default="127.0.0.1", help="address of the Modbus and OPC UA servers (127.0.0.1)")
    add("--modbus-port", type=_port, default=0, help="0 = any free port (0); of several batteries the first's")
    add("--gateway", action="store_true", help="several batteries are units 1, 2, … of one Modbus server")
    add("--opcua-port", type=_port, help="OPC UA beside the others, 0 = any free port (none; --storage opcua: 0)")
    add("--node", help="node of a battery on OPC UA (ns=2;s=ESS; of several: ns=2;s={asset})")
    add("--control-port", type=_port, default=0, help="control page and API on 127.0.0.1, 0 = any free port (0)")
    add("--broker", type=_broker, metavar="URL", help="mqtt://[user:password@]host:port or mqtts://… (none: no MQTT)")
    add("--asset", help="asset id of the battery, or of the first of several (bess1)")
    add("--assets", type=_count, default=1, metavar="N", help="so many batteries of this size: bess1, bess2, … (1)")
    add("--topic", default="battery/{asset}", help="topic prefix of an MQTT battery (battery/{asset})")
    add("--meter-topic", default="demo/poc/meter", help="topic prefix of an MQTT meter (demo/poc/meter)")
    add("--schedule-topic", default="demo/day-ahead", help="topic of the day-ahead schedule, empty: none")
    add(
        "--frequency",
        metavar="FILE",
        type=Path,
        help="1-s frequency, csv or csv.gz (else $BESS_PIPELINE_DATA, else generated)",
    )
    add("--capacity", type=_positive, default=500.0, metavar="KWH", help="energy of the battery, kWh (500)")
    add("--power", type=_positive, default=250.0, metavar="KW", help="charge and discharge power, kW (250)")
    add("--soc", type=_percent, default=55.0, metavar="PERCENT", help="state of charge at the start, %% (55)")
    add("--load", type=_not_negative, default=110.0, metavar="KW", help="largest load, kW (110)")
    add("--pv", type=_not_negative, default=80.0, metavar="KW", help="largest PV power, kW (80)")
    add("--speed", type=_positive, default=1.0, help="energy, heat and scenario move so much faster than time (1)")
    add("--scenario", type=Path, metavar="FILE", help="play this: YAML, or JSON of the earlier system")
    add("--seed", type=int, default=1, help="seed of load, PV, frequency and schedule (1)")
    add("--lively", action="store_true", help="every two minutes the BMS lowers its limits for 20 s")
    add("--json", action="store_true", help="the ready line as JSON, as in --ready-file")
    add(
        "--ready-file",
        metavar="PATH",
        type=Path,
        help="written as JSON {modbus_port, opcua_port, control_port, pid, assets} once it serves",
    )
    add(
        "--state-file",
        metavar="PATH",
        type=Path,
        help="keeps the state of charge, so that a restart goes on from there",
    )
    return options


def _number(text: str, low: float, high: float) -> float:
    value = float(text)
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text} is not between {low:g} and {high:g}")
    return value


def _port(text: str) -> int:
    return int(_number(text, 0, 65_535))


def _count(text: str) -> int:
    value = _number(text, 1, 200)
    if value != int(value):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number")
    return int(value)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _protocols(text: str) -> tuple[str, ...]:
    names = PROTOCOLS if text == "all" else _names(text)
    wrong = [name for name in names if name not in PROTOCOLS]
    if wrong or not names:
        raise argparse.ArgumentTypeError(f"{text!r} is not all, or some of {', '.join(PROTOCOLS)}")
    return tuple(dict.fromkeys(names))


def _broker(text: str) -> str | None:
    return None if text in ("", "none") else text


def _percent(text: str) -> float:
    return _number(text, 0.0, 100.0)


def _positive(text: str) -> float:
    return _number(text, 1e-3, 1e6)


def _not_negative(text: str) -> float:
    return _number(text, 0.0, 1e6)


def main(argv: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT. Returns the exit code: 0, or 2 when it cannot start."""
    options = parser().parse_args(argv)
    try:
        asyncio.run(serve(options, asyncio.Event()))
    except (ProfileError, FrequencyError, BrokerUrlError, ScenarioError, OSError) as error:
        sys.stderr.write(f"simulator: cannot start: {error}\n")
        return CANNOT_START
    return 0
