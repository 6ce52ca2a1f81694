"""Listening to the devices of a definition for a while: every reading and every proof, and nothing is ever written.

    definition ──► the field of a process, without its writers' work ──► Heard per device

The connections are the production ones, made read-only: a write raises `NeverWrittenError` before a byte leaves.
A name of its own at every broker keeps it from evicting a process that runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from config.definition import Definition
from config.profile import Profile, Table
from jit.codes import Proved, Quality
from pipeline.compile import compile_definition
from pipeline.field import Field
from pipeline.options import Options
from pipeline.tasks import Tasks
from sources.modbus.connection import Connection
from sources.pause import pause
from sources.proof import Proof
from sources.reading import Reading

CLIENT = "-check"


class NeverWrittenError(AssertionError):
    """Something tried to write while devices are only listened to: a defect of the program."""


class ReadOnly(Connection):
    """A Modbus connection that cannot write."""

    async def write(self, unit: int, table: Table, address: int, words: Sequence[int], **_how: Any) -> None:
        raise NeverWrittenError(f"{len(words)} words to {table} {address} of unit {unit}")


@dataclass(slots=True)
class Heard:
    """What one device said, oldest first."""

    profile: Profile
    readings: list[Reading] = field(default_factory=list)
    proved: Proved = Proved.NONE
    detail: str = ""
    texts: Sequence[Mapping[str, str]] = ()

    @property
    def usable(self) -> bool:
        """Whether any value could be used."""
        return any((reading.quality & int(Quality.VALID)).any() for reading in self.readings)


async def listen(definition: Definition, profiles: Mapping[str, Profile], seconds: float) -> dict[str, Heard]:
    """Everything that the batteries and meters say within `seconds`, by node id: `bess1`, `site.poc`."""
    heard = {name: Heard(profile) for name, profile in profiles.items() if not name.startswith("inputs.")}

    def post(said: Any) -> None:
        if isinstance(said, Reading) and said.device in heard:
            heard[said.device].readings.append(said)
        elif isinstance(said, Proof) and said.asset in heard:
            heard[said.asset].proved, heard[said.asset].detail = said.proved, said.detail

    loop = asyncio.get_running_loop()
    compiled = compile_definition(definition, profiles)
    made = Field.of(
        compiled, loop.time, post, armed=False, jitter=lambda: 0.5, utc_ns=Options().utc_ns, link=ReadOnly,
        client=CLIENT,
    )  # fmt: skip
    for server in made.servers.connections.values():
        server.only_read()
    devices = (*made.devices, *made.servers.devices)
    proving = {f"{name}.writer" for name in devices}  # reads who answers, and writes nothing that nobody offers
    tasks = Tasks(loop.time)
    for name, job in made.jobs.items():
        if name in heard or name in proving or name.startswith("connections."):
            tasks.start(name, job)
    try:
        await pause(seconds)
    finally:
        for name, told in heard.items():
            told.texts = made.texts(name)
        tasks.closing()
        await tasks.cancel()
        for device in made.devices.values():
            device.close()
        await made.servers.close()
    return heard
