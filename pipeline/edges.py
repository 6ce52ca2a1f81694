"""Faults on the edges of a production graph, in shadow only: what they are, how they are written, how they are seen.

    bess-pipeline run site.yaml --fault bess1:freeze@30s+60s --fault bess1.soc:jump=20@2min

    WHERE[.POINT] : KIND [=SETTING] @ BEGIN [+ LASTS]        from the start on; without LASTS: until the end

A process that is armed refuses them. While one is on, an alarm of its own says so on the page, and the log said so at
the start. The same file and the same text give the same faults: each draws from a random stream of its own.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf, isfinite

from loguru import logger
from reactivex import abc
from reactivex.scheduler.eventloop import AsyncIOScheduler

from config.units import DURATION, QuantityError, parse
from jit.layout import Layout
from operators.faults import falsehood, passage
from operators.faults.edge import Act, Operator, on_edge
from sinks.alarms.condition import LOW, Condition

_WRITTEN = re.compile(r"(?P<place>[\w.-]+):(?P<kind>\w+)(=(?P<setting>[-+.\deE]+))?@(?P<begin>[^+]+)(\+(?P<lasts>.+))?")

ALL = slice(None)
Make = Callable[[slice, float, random.Random], Act]

#: kind → (its setting if none is written, what makes it, whether it can be of one point alone)
KINDS: Mapping[str, tuple[float, Make, bool]] = {
    "drop": (1.0, lambda _where, share, rng: passage.drop(share, rng), False),
    "delay": (2.0, lambda _where, seconds, _rng: passage.delay(seconds), False),
    "duplicate": (1.0, lambda _where, share, rng: passage.duplicate(share, rng), False),
    "reorder": (2.0, lambda _where, seconds, rng: passage.reorder(seconds, rng), False),
    "freeze": (0.0, lambda _where, _setting, _rng: passage.freeze(), False),
    "nan": (0.0, lambda where, _setting, _rng: falsehood.nan(where), True),
    "sentinel": (65535.0, lambda where, value, _rng: falsehood.sentinel(where, value), True),
    "sign": (0.0, lambda where, _setting, _rng: falsehood.sign(where), True),
    "scale": (10.0, lambda where, factor, _rng: falsehood.scale(where, factor), True),
    "jump": (10.0, lambda where, step, _rng: falsehood.jump(where, step), True),
    "skew": (60.0, lambda _where, seconds, _rng: falsehood.skew(seconds), False),
}
#: What a setting may be: a share, seconds.
LIMITS = {"drop": (0.0, 1.0), "duplicate": (0.0, 1.0), "delay": (0.0, inf), "reorder": (0.0, inf)}


class EdgeFaultError(ValueError):
    """A fault that cannot be put where it was asked for."""


@dataclass(frozen=True, slots=True)
class EdgeFault:
    """One fault: `point` None is the whole device. Times in s from the start; `text` is how it was written."""

    device: str
    point: str | None
    kind: str
    setting: float
    begin_s: float
    lasts_s: float
    text: str


def read(text: str, devices: Mapping[str, Sequence[str]]) -> EdgeFault:
    """The fault that `text` says, of one of these devices with these points. Raises `EdgeFaultError`."""
    said = _WRITTEN.fullmatch(text.replace(" ", ""))
    if said is None:
        raise EdgeFaultError(f"`{text}` is no fault; write e.g. `bess1:freeze@30s+60s` or `bess1.soc:jump=20@2min`")
    kind = said["kind"]
    if kind not in KINDS:
        raise EdgeFaultError(f"`{text}`: there is no fault `{kind}`; known are {', '.join(KINDS)}")
    device, point = _place(text, said["place"], devices)
    default, _, of_a_point = KINDS[kind]
    if point is not None and not of_a_point:
        raise EdgeFaultError(f"`{text}`: `{kind}` is of a whole device, not of one point")
    lasts_s = inf if said["lasts"] is None else _seconds(text, said["lasts"])
    return EdgeFault(device, point, kind, _setting(text, kind, said["setting"], default),
                     _seconds(text, said["begin"]), lasts_s, text)  # fmt: skip


def _place(text: str, place: str, devices: Mapping[str, Sequence[str]]) -> tuple[str, str | None]:
    if place in devices:
        return place, None
    device, _, point = place.rpartition(".")
    if device not in devices:
        raise EdgeFaultError(f"`{text}`: there is no device `{place}`; known are {', '.join(devices)}")
    if point not in devices[device]:
        raise EdgeFaultError(f"`{text}`: {device} has no point `{point}`; it has {', '.join(devices[device])}")
    return device, point


def _setting(text: str, kind: str, written: str | None, default: float) -> float:
    try:
        value = default if written is None else float(written)
    except ValueError:
        value = inf
    least, most = LIMITS.get(kind, (-inf, inf))
    if not (isfinite(value) and least <= value <= most):
        raise EdgeFaultError(f"`{text}`: `{written}` is no setting for `{kind}`")
    return value


def _seconds(text: str, written: str) -> float:
    try:
        return parse(written, DURATION)
    except QuantityError as error:
        raise EdgeFaultError(f"`{text}`: {error}") from error


def operators(
    faults: Sequence[EdgeFault], devices: Mapping[str, Sequence[str]], scheduler: abc.SchedulerBase
) -> list[Operator]:
    """One operator per fault, in the order in which they were written."""
    made = []
    for fault in faults:
        where = ALL if fault.point is None else _at(list(devices[fault.device]).index(fault.point))
        act = KINDS[fault.kind][1](where, fault.setting, random.Random(fault.text))  # no secret
        made.append(on_edge(fault.device, fault.begin_s, fault.lasts_s, act, scheduler))
        logger.warning("{}: fault inserted, for a test: {}", fault.device, fault.text)
    return made


def _at(place: int) -> slice:
    return slice(place, place + 1)


class LoopScheduler(AsyncIOScheduler):
    """The library's, with the loop's own clock: the library takes the wall clock's time, which may be set."""

    @property
    def now(self) -> datetime:
        return self.to_datetime(self._loop.time())


def in_loop(faults: Sequence[EdgeFault], layout: Layout, loop: asyncio.AbstractEventLoop) -> list[Operator]:
    """The operators of a running process; its loop is the only clock."""
    return operators(faults, points_of(layout), LoopScheduler(loop)) if faults else []


def points_of(layout: Layout) -> dict[str, tuple[str, ...]]:
    """The points of every device, in the order of its readings."""
    return {device: tuple(name.removeprefix(f"{device}.") for name in layout.points[first:last])
            for device, (first, last) in layout.devices.items()}  # fmt: skip


def conditions(faults: Sequence[EdgeFault], assets: Sequence[str], since_s: float) -> Iterator[Condition]:
    """An alarm for every device with a fault on its edge, so long after the start; a meter's is the site's."""
    on = [fault for fault in faults if 0.0 <= since_s - fault.begin_s < fault.lasts_s]
    for asset in dict.fromkeys(fault.device if fault.device in assets else None for fault in on):
        mine = [f.text for f in on if (f.device if f.device in assets else None) == asset]
        text = f"inserted for a test: {', '.join(mine)}; what is shown here is not what the device says"
        yield Condition("edge.fault", asset, LOW, text, "Start without `--fault` for true values")
