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
from simulator.shell import serve

CANNOT_START = 2


def parser() -> argparse.ArgumentParser:
    """All options; units are in the help."""
    options = argparse.ArgumentParser("simulator", description="A battery plant on real Modbus TCP, MQTT and OPC UA.")
    add = options.add_argument
    add("--storage", choices=("modbus", "mqtt", "opcua"), default="modbus", help="how it is commanded (modbus)")
    add("--profile", help="device profile of the battery, name or YAML file (sunspec-storage, mqtt-storage, opcua-ess)")
    add("--meter-profile", default="mqtt-meter", help="device profile of the grid meter; a Modbus one is unit 2")
    add("--host", default="127.0.0.1", help="address of the Modbus and OPC UA servers (127.0.0.1)")
    add("--modbus-port", type=_port, default=0, help="0 = any free port (0)")
    add("--opcua-port", type=_port, help="OPC UA beside the others, 0 = any free port (none; --storage opcua: 0)")
    add("--node", default="ns=2;s=ESS", help="node of the battery on OPC UA (ns=2;s=ESS)")
    add("--control-port", type=_port, default=0, help="control page and API on 127.0.0.1, 0 = any free port (0)")
    add("--broker", type=_broker, metavar="URL", help="mqtt://[user:password@]host:port or mqtts://… (none: no MQTT)")
    add("--asset", default="bess1", help="asset id of the battery (bess1)")
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
    add("--speed", type=_positive, default=1.0, help="energy and heat move so much faster than time (1)")
    add("--seed", type=int, default=1, help="seed of load, PV, frequency and schedule (1)")
    add("--lively", action="store_true", help="every two minutes the BMS lowers its limits for 20 s")
    add("--json", action="store_true", help="the ready line as JSON {modbus_port, opcua_port, control_port, pid}")
    add(
        "--ready-file",
        metavar="PATH",
        type=Path,
        help="written as JSON {modbus_port, opcua_port, control_port, pid} once it serves",
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
    except (ProfileError, FrequencyError, BrokerUrlError, OSError) as error:
        sys.stderr.write(f"simulator: cannot start: {error}\n")
        return CANNOT_START
    return 0
