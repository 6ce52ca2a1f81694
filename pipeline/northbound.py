"""Servers for SCADA, made of a definition's outputs: they show what people are shown, and take nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from config.address import parse_listen
from config.definition import Definition, ModbusServerOutput, OpcuaServerOutput
from sinks.scada.blocks import View, pages, values
from sinks.scada.opcua import OpcuaServer, Values
from sinks.scada.server import RegisterServer


def servers(definition: Definition, view: Callable[[], View]) -> dict[str, RegisterServer | OpcuaServer]:
    """By output. `view` is asked whenever a page is made."""
    made: dict[str, RegisterServer | OpcuaServer] = {}
    for name, output in definition.outputs.items():
        if not isinstance(output, ModbusServerOutput | OpcuaServerOutput):
            continue
        host, port = parse_listen(output.listen)
        if isinstance(output, ModbusServerOutput):
            made[name] = RegisterServer(
                name, host, port, output.clients, pages=lambda: pages(view()), every_s=output.every
            )
        else:
            shown = partial(_values, view, frozenset(output.publish))
            made[name] = OpcuaServer(name, host, port, values=shown, every_s=output.every)
    return made


def _values(view: Callable[[], View], publish: frozenset[str]) -> Values:
    return values(view(), publish)
