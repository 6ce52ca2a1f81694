"""The alarms of the definition, compiled once and judged over all assets at once.

    soc_low: { when: soc below 12 %, for: 30 s, … } ─► bool[assets] per tick ─► Condition("alarms.soc_low", "bess_a")

A value counts only while it is valid: one that is lost is neither above nor below, and what was said of it before stays
said until it is back. `missing` and `stale` begin to count once data have been fresh; a device that never answers is an
alarm of its own. Values in the chain's units; `effect` is how far power is from what the command lets one expect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
import numpy.typing as npt

from config.alarm import AlarmRule, Watched, condition
from jit import rows as r
from jit.codes import Authority, Permit, Quality, WriteStatus
from jit.constants import I8, VALID_FOR_S
from jit.frame import Frame
from jit.layout import Layout
from sinks.alarms.bits import PRIORITY
from sinks.alarms.condition import Condition

Mask = npt.NDArray[np.bool_]
#: What holds, and where that can be judged at all.
Judge = Callable[[Frame], tuple[Mask, Mask]]

VALID, YES, ARMED = np.int64(Quality.VALID), int(Permit.YES), int(Authority.ARMED)
OLD = np.int64(Quality.STALE | Quality.FROZEN | Quality.PROTOCOL | Quality.RETAINED)
UNKNOWN, CONFIRMED, DIFFERENT = int(WriteStatus.UNKNOWN), int(WriteStatus.CONFIRMED), int(WriteStatus.DIFFERENT)
LOST = ("maintenance", "data_lost")
#: The chain's own points: the row of each.
ROWS = {"command": r.COMMAND_KW, "readback": r.READBACK_KW, "age": r.AGE_S}


class SiteRules:
    """Called with every sealed frame."""

    def __init__(self, layout: Layout, alarms: Mapping[str, AlarmRule]) -> None:
        self._rules = [_Rule(layout, name, rule) for name, rule in alarms.items()]

    def __call__(self, frame: Frame) -> Iterator[Condition]:
        for rule in self._rules:
            yield from rule.holding(frame)


class _Rule:
    """One rule with its columns: all assets, or the site alone."""

    def __init__(self, layout: Layout, name: str, rule: AlarmRule) -> None:
        watched = condition(rule.when)
        site = watched.point.startswith("site.")
        self._judge = _judge(layout, watched)
        self._held: Mask = np.zeros(1 if site else len(layout.assets), np.bool_)
        text = f"{name.replace('_', ' ')}: {rule.when}"
        explained = LOST if watched.limit is None else ()
        priority = PRIORITY[rule.priority]
        self._said = [
            Condition(f"alarms.{name}", asset, priority, text, rule.response, rule.for_, rule.clear_for, rule.latch,
                      explained)
            for asset in ((None,) if site else layout.assets)
        ]  # fmt: skip

    def holding(self, frame: Frame) -> Iterator[Condition]:
        holds, known = self._judge(frame)
        self._held = np.where(known, holds, self._held)
        if self._held.any():
            for column in np.flatnonzero(self._held).tolist():
                yield self._said[column]


def _judge(layout: Layout, watched: Watched) -> Judge:
    if watched.point in ROWS or watched.point == "effect":
        return partial(_of_row, watched)
    if watched.point.startswith("site."):
        device = watched.point.rpartition(".")[0]
        places = np.array([layout.point_index.get(watched.point, -1)], np.int64)
        return partial(_of_points, watched, places, device if device == "site.poc" else None)
    places = np.array([layout.point_index.get(f"{asset}.{watched.point}", -1) for asset in layout.assets], np.int64)
    return partial(_of_points, watched, places, "")


def _compare(watched: Watched, values: npt.NDArray[np.float64]) -> Mask:
    limit = np.float64(np.nan if watched.limit is None else watched.limit)
    found: Mask = values > limit if watched.relation == "above" else values < limit
    return found


def _of_points(watched: Watched, places: I8, device: str | None, frame: Frame) -> tuple[Mask, Mask]:
    """`device` "": the assets' own points; "site.poc": its quality is a row; None: any other meter."""
    values, codes, promised = frame.points[places], frame.point_codes[places], places >= 0
    old = (codes & OLD) != 0
    if device == "":
        seen = frame.codes[r.SETTLED] == YES
        old |= (frame.codes[r.QUALITY] & OLD) != 0
    else:
        seen = codes != 0
        old |= bool(device) and bool(frame.site_codes[r.POC_QUALITY] & OLD)
    usable = promised & ((codes & VALID) != 0) & (values == values)
    if watched.relation == "missing":
        return ~usable, promised & seen
    if watched.relation == "stale":
        return old, promised & seen
    return _compare(watched, values), usable & ~old


def _of_row(watched: Watched, frame: Frame) -> tuple[Mask, Mask]:
    values, codes = frame.values, frame.codes
    armed = codes[r.AUTHORITY] == ARMED
    everywhere = np.ones(len(frame.layout.assets), np.bool_)
    if watched.point == "effect":
        row = np.abs(values[r.POWER_KW] - values[r.EXPECTED_KW])
    else:
        row = values[ROWS[watched.point]]
    if watched.limit is not None:
        return _compare(watched, row), row == row
    if watched.point == "readback" and watched.relation == "missing":
        status = codes[r.WRITE_STATUS]
        return armed & (status != UNKNOWN) & (status != CONFIRMED) & (status != DIFFERENT), everywhere
    if watched.point in ("readback", "command") and watched.relation == "stale":
        return armed & (values[r.WRITE_AGE_S] > frame.constants.ratings[VALID_FOR_S]), everywhere
    if watched.relation == "stale":
        return (codes[r.QUALITY] & OLD) != 0, codes[r.SETTLED] == YES
    return ~(row == row), codes[r.SETTLED] == YES
