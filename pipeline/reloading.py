"""Reload: the exports of a definition that was edited take effect while ticks go on (SIGHUP, LH-CONF-004).

    SIGHUP ─► the file is checked ─┬─ errors, or more than exports differs ─► said; what runs goes on, whole
                                   └─ the exports that differ: made ─► the old ones ended ─► the new ones begin

An export is an output of `EXPORTS`; it may be changed, added or removed, with the connection that it alone uses. One
whose secrets or certificates were replaced under their old names differs too.
Nothing else is reloaded: batteries, limits and requests need a start. What runs is replaced only when all that is new
could be made. Checking is done in a thread; chain, writers and every output that did not change are left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from loguru import logger

from config.definition import Definition, HttpOutput, ModbusServerOutput, MqttOutput, OpcuaServerOutput
from config.diagnostics import errors, render
from config.profile import Profile
from pipeline.check import Checked
from pipeline.northbound import servers, states
from pipeline.process import Process
from pipeline.tasks import Tasks
from sinks.alarms.condition import LOW, Condition
from sources.mqtt.connection import Broker

EXPORTS = (MqttOutput, HttpOutput, ModbusServerOutput, OpcuaServerOutput)


class Reloading:
    """Of `process`, whose jobs `tasks` keeps. `again` reads and checks the file anew. `run()` must run.

    `asked` is set for a reload; what is asked for meanwhile is asked for once.
    """

    def __init__(self, process: Process, tasks: Tasks, again: Callable[[], Checked], asked: asyncio.Event) -> None:
        self.refused = ""
        self._taken = 0  # part of a pushed document's name: none is given twice
        self._process, self._tasks, self._again = process, tasks, again
        self._asked = asked
        self._trusted = authorities(process.definition)
        process.alarms.sources.append(self.conditions)

    async def run(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self.reload()

    async def reload(self) -> bool:
        """Whether what the file says now is what runs."""
        found = await asyncio.to_thread(self._again)
        self.refused = self._refusal(found)
        if not self.refused and found.definition is not None:
            self.refused = await self._take(found.definition)
        if self.refused:
            logger.error("reload: refused, what runs goes on unchanged: {}", self.refused)
        return not self.refused

    def conditions(self, _frame: object) -> Iterator[Condition]:
        """That the file on disk is not what runs."""
        if self.refused:
            text = f"a reload was refused: {self.refused.splitlines()[0]}"
            yield Condition("reload.refused", None, LOW, text, "Correct the definition and reload it")

    def _refusal(self, found: Checked) -> str:
        wrong = errors(found.refused_to_run)
        if found.definition is None or wrong:
            return render(wrong).rstrip()
        apart = beyond_exports(self._process.definition, found.definition)
        if not _same_profiles(self._process.compiled.profiles, found.profiles):
            apart.append("profiles")
        return f"{', '.join(apart)} differ: that needs a start" if apart else ""

    async def _take(self, new: Definition) -> str:
        """Swap the exports that differ. What was wrong, and then nothing was swapped; else empty."""
        process, field = self._process, self._process.field
        trusted = await asyncio.to_thread(authorities, new)  # files: never in the loop
        changed = differing(process.definition, new)
        changed |= {name for name in trusted if trusted[name] != self._trusted.get(name, trusted[name])}
        before = field.declared, dict(field.brokers), dict(field.jobs)
        old = {key: broker for key, broker in field.brokers.items() if _export_of(key) in changed}
        for key in old:
            del field.brokers[key], field.jobs[f"connections.{key}"]
        field.declared = new.connections
        only = new.model_copy(update={"outputs": {n: o for n, o in exports(new).items() if n in changed}})
        try:
            made = states(only, field, process.options, process.directory, f"{process.boot_id}.{self._taken + 1}")
            scada = servers(only, lambda: process.view)
        except Exception as error:  # whatever it is, the old ones go on
            field.declared, field.brokers, field.jobs = before
            return str(error)

        self._taken += 1
        self._trusted = trusted
        await self._end(changed, old)
        process.states |= made
        process.scada |= scada
        process.redraw(new)
        for name, output in {**made, **scada}.items():
            process.export(name)
            self._tasks.start(f"outputs.{name}", output.run)
        for key in field.brokers:
            if field.brokers[key] is not before[1].get(key):
                self._tasks.start(f"connections.{key}", field.jobs[f"connections.{key}"])
        logger.info("reload: {}", ", ".join(sorted(changed)) or "nothing differs")
        return ""

    async def _end(self, names: Collection[str], brokers: Mapping[str, Broker]) -> None:
        """End exports, each in its own order; what one of them raises is no other's affair."""
        process = self._process

        async def goodbye() -> None:
            for name in names:
                process.leave(name)
                process.scada.pop(name, None)
                state = process.states.pop(name, None)
                if state is not None:
                    await _tried(name, state.close())
            for key, broker in brokers.items():
                await _tried(key, broker.close())

        jobs = {*(f"outputs.{name}" for name in names), *(f"connections.{key}" for key in brokers)}
        await self._tasks.end(jobs, goodbye)


def exports(definition: Definition) -> dict[str, Any]:
    """The outputs that are reloaded."""
    return {name: output for name, output in definition.outputs.items() if isinstance(output, EXPORTS)}


def differing(old: Definition, new: Definition) -> set[str]:
    """The exports that are not what they were, with what they are reached by."""
    before, after = ({name: _whole(one, name) for name in exports(one)} for one in (old, new))
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def authorities(definition: Definition) -> dict[str, bytes]:
    """What the file holds that says whom an export trusts; empty where it names none, or none that can be read."""
    return {name: _authority(*_whole(definition, name)) for name in exports(definition)}


def _authority(output: Any, connection: Any) -> bytes:
    file = getattr(output if connection is None else connection, "ca", None)
    try:
        return b"" if file is None else Path(file).read_bytes()
    except OSError:
        return b""


def beyond_exports(old: Definition, new: Definition) -> list[str]:
    """The parts of a definition that differ and are no exports'."""
    first, second = _rest(old), _rest(new)
    return [name for name in Definition.model_fields if getattr(first, name) != getattr(second, name)]


def _whole(definition: Definition, name: str) -> tuple[Any, Any]:
    output = definition.outputs[name]
    return output, definition.connections[output.to] if isinstance(output, MqttOutput) else None


def _rest(definition: Definition) -> Definition:
    """Without exports, and without connections that nothing else names."""
    kept = {name: output for name, output in definition.outputs.items() if not isinstance(output, EXPORTS)}
    rest = definition.model_copy(update={"outputs": kept, "connections": {}})
    named = set(_texts(rest.model_dump()))
    used = {name: one for name, one in definition.connections.items() if name in named}
    return rest.model_copy(update={"connections": used})


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, Collection):
        for inner in value:
            yield from _texts(inner)


async def _tried(name: str, closing: Awaitable[None]) -> None:
    try:
        await closing
    except Exception as error:
        logger.warning("{}: did not end well: {!r}", name, error)


def _same_profiles(old: Mapping[str, Profile], new: Mapping[str, Profile]) -> bool:
    return dict(old) == dict(new)


def _export_of(key: str) -> str:
    """The output whose own client of a broker this is."""
    return key.partition(".outputs.")[2]
