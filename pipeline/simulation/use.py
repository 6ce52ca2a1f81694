"""What a life of the process uses, looked at every ten seconds: tasks, files, and what waits in its queues.

A queue, a task and a descriptor are on no wire. What can be seen from outside is looked at there (the loop, the
descriptors of the machine); the depth of a queue is read where it is.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.process import Process
from pipeline.simulation.loop import VirtualLoop
from pipeline.tasks import Tasks
from sinks.conflate import Conflating

EVERY_S = 10.0
LOOP, PER_DEVICE, PER_GUEST = 64, 32, 8  # callbacks and timers
PER_LINE = 3  # of a device: its poll, its writer, its proofs
MESSAGES = 1000 + 18  # the broker's outbox, and what it has not acknowledged
DESCRIPTORS = Path("/proc/self/fd")


class Waiting(NamedTuple):
    """A queue with more in it than it may hold."""

    name: str
    holds: int
    most: int


class Used(NamedTuple):
    """One look at a life: tasks of the loop, open descriptors, jobs that have ended, queues beyond their bound.

    `alarms` are those that the endpoint lists. `alone`: nobody but the process itself had a task in the loop
    (websocket clients come and go, acts of operators wait for the disk).
    """

    at_s: float
    boot: int
    tasks: int
    files: int
    ended: tuple[str, ...]
    beyond: tuple[Waiting, ...]
    alone: bool
    alarms: frozenset[str] = frozenset()


def looked(loop: VirtualLoop, process: Process, tasks: Tasks, boot: int, guests: int) -> Used:
    """One look, from within the loop."""
    ended = tuple(task.get_name() for task in tasks.running if task.done())
    beyond = tuple(queue for queue in _queues(loop, process, guests) if queue.holds > queue.most)
    files = sum(1 for _ in DESCRIPTORS.iterdir()) if DESCRIPTORS.is_dir() else 0
    alarms = frozenset(str(alarm["id"]) for alarm in process.view.alarms())
    return Used(loop.time(), boot, len(asyncio.all_tasks(loop)), files, ended, beyond, guests == 0, alarms)


def _queues(loop: VirtualLoop, process: Process, guests: int) -> Iterator[Waiting]:
    """Every queue of a life, and its bound: the newest command alone waits; who shares a line waits once for it."""
    field = process.field
    mine = sum(not _outside(handle) for handle in loop.waiting)
    yield Waiting("the loop", mine, LOOP + PER_DEVICE * len(field.writers) + PER_GUEST * guests)
    for name, writer in field.writers.items():
        newest: Conflating[Any] = getattr(writer, "conflating", None) or getattr(writer, "_newest")  # noqa: B009
        yield Waiting(f"{name}.writer", newest.waiting, 1)
    lines = Counter(device.connection for device in field.devices.values())
    for line, devices in lines.items():
        yield Waiting(line.place, line.waiting, PER_LINE * devices)
    for name, broker in field.brokers.items():
        yield Waiting(name, broker.waiting, MESSAGES)
    yield Waiting("checkpoint", process.checkpoint.sink.waiting, 1)
    yield Waiting("alarms", process.alarms.keeper.sink.waiting, 1)


def _outside(handle: asyncio.Handle) -> bool:
    """Whether this happens on the way to a device, and not in the process."""
    owner = getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined]
    return type(owner).__module__.startswith("pipeline.simulation")
