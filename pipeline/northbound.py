"""Servers for SCADA, made of a definition's outputs: they show what people are shown, and take nothing."""

from __future__ import annotations

from collections.abc import Callable

from config.address import parse_listen
from config.definition import Definition, ModbusServerOutput
from sinks.scada.blocks import View, pages
from sinks.scada.server import RegisterServer


def register_servers(definition: Definition, view: Callable[[], View]) -> dict[str, RegisterServer]:
    """By output. `view` is asked whenever a page is made."""
    made = {}
    for name, output in definition.outputs.items():
        if isinstance(output, ModbusServerOutput):
            host, port = parse_listen(output.listen)
            made[name] = RegisterServer(
                name, host, port, output.clients, pages=lambda: pages(view()), every_s=output.every
            )
    return made
