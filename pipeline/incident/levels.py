"""What came in from outside, as levels of a test: at each tick what is another than at the tick before.

    points, quality ──► bess1.discharge_limit: 37 kW      bess1.soc: missing      arrivals ──► bess1: missing
    requests, told  ──► requests.day_ahead: 80 kW         limits.grid_operator: 60 %
    writes, acts    ──► bess1.write: failed               operator.stop: all

`loose` points are left to the plant of the test, which follows the commands; only their first value is given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from math import inf

import numpy as np

from config.units import format_number, show
from jit import rows as r
from jit.codes import Quality, WriteStatus
from jit.constants import CEILING_OF_KW
from jit.frame import F8, I8
from operators.newest import ACT_BIT
from pipeline.incident.window import UnfitError, Window
from pipeline.rehearsal.vocabulary import (
    ABSENT,
    ALL,
    HEALTHY,
    LOST,
    MISSING,
    NO_LIMIT,
    SCHEDULED,
    STALE,
    Vocabulary,
    Written,
)
from sources.act import ActKind
from sources.ceiling import DIRECTIONS

Levels = dict[int, dict[str, str]]
Bools = np.ndarray[tuple[int], np.dtype[np.bool_]]
#: Points that a battery which follows its commands has by itself.
LOOSE = ("soc", "power", "dc_current", "setpoint")
_WRITES = {WriteStatus.REFUSED: "refused", WriteStatus.FAILED: "failed", WriteStatus.DIFFERENT: "different"}
_VALID, _STALE, _PROTOCOL = int(Quality.VALID), int(Quality.STALE), int(Quality.PROTOCOL)


def levels(found: Window, words: Vocabulary, loose: Collection[str]) -> Levels:
    """By tick and path, as written. What stands at tick 0 belongs under `given`."""
    made: Levels = {}
    for tick, path, text in (
        *_points(found, words, loose), *_devices(found), *_requests(found), *_ceilings(found, words), *_writes(found),
    ):  # fmt: skip
        made.setdefault(tick, {})[path] = text
    return made


def acts(found: Window) -> Levels:
    """What operators did, by tick; those of tick 0 too have an instant."""
    made: Levels = {}
    for number, sample in enumerate(found.samples):
        for kind, bit in ACT_BIT.items():
            meant = [asset for a, asset in enumerate(found.compiled.layout.assets) if sample.acts[a] & int(bit)]
            if meant and kind is not ActKind.MANUAL:
                every = len(meant) == len(found.compiled.layout.assets)
                if not every and len(meant) > 1:
                    raise UnfitError(f"at tick {found.ticks[number].index} `{kind}` was meant for some of the assets")
                made.setdefault(number, {})[f"operator.{kind}"] = ALL if every else meant[0]
    return made


def delays(found: Window) -> Iterator[tuple[str, float]]:
    """How old each device's answer is when a tick reads it (s), in the middle of the window's."""
    for number, device in enumerate(found.compiled.layout.devices):
        ages = np.array([tick.mono_s for tick in found.ticks]) - [one.arrived_s[number] for one in found.samples]
        fresh = ages[ages < 2.0 * found.cycle]
        age = float(np.median(fresh)) if fresh.size else 0.0
        if age > 0.001:
            yield device, age


# --- readings ---------------------------------------------------------------------------------------------------------


def _points(found: Window, words: Vocabulary, loose: Collection[str]) -> Iterator[tuple[int, str, str]]:
    values, quality = found.points()
    arrived = np.stack([one.arrived_s for one in found.samples])
    for number, (device, (first, last)) in enumerate(found.compiled.layout.devices.items()):
        proof = found.compiled.profiles[device].fresh_by
        for place in range(first, last):
            path = found.compiled.layout.points[place]
            point, target = path.removeprefix(f"{device}."), words.target(path)
            if target is None or point == "state":
                continue
            if point == proof:
                yield from _proof(path, values[:, place], np.diff(arrived[:, number]) > 0.0)
            else:
                free = point in loose and device in found.compiled.layout.column
                yield from _point(target, values[:, place], quality[:, place], free=free)


def _point(target: Written, values: F8, quality: I8, *, free: bool) -> Iterator[tuple[int, str, str]]:
    said = ""
    for tick, (value, bits) in enumerate(zip(values.tolist(), quality.tolist(), strict=True)):
        if bits & _PROTOCOL:
            continue  # the device says so as a whole
        text = _shown(target, value) if bits & _VALID else STALE if bits & _STALE else MISSING
        if free and bits & _VALID and (tick or target.point != "soc"):
            text = HEALTHY
        if text != said and (tick or text != HEALTHY):
            yield tick, target.path, text
        said = HEALTHY if free and bits & _VALID else text


def _proof(path: str, values: F8, came: Bools) -> Iterator[tuple[int, str, str]]:
    """A proof that stands still in a new answer is frozen where it moved last; one that moves is left to the plant."""
    still = False
    for tick in range(1, len(values)):
        if came[tick - 1] and (values[tick] == values[tick - 1]) != still:
            still = not still
            yield (tick - 1, path, format_number(values[tick])) if still else (tick, path, HEALTHY)


def _shown(target: Written, value: float) -> str:
    if target.words and target.dimension is None and "true" in target.words:
        return str(value != 0.0).lower()
    if value < 0.0 and not target.signed:
        raise UnfitError(f"`{target.path}` was {format_number(value)}, and a test writes it as a magnitude")
    value = round(value, 6) + 0.0
    return show(value, target.dimension) if target.dimension is not None else format_number(value)


def _devices(found: Window) -> Iterator[tuple[int, str, str]]:
    """A device whose polls fail is lost; one that says nothing for longer than its rhythm is missing from then on."""
    quality = found.points()[1]
    for number, (device, (first, last)) in enumerate(found.compiled.layout.devices.items()):
        failed = (quality[:, first:last] & _PROTOCOL != 0).all(axis=1)
        silent = _silent(found, np.array([one.arrived_s[number] for one in found.samples]))
        said = [LOST if bad else word for bad, word in zip(failed.tolist(), silent, strict=True)]
        yield from _changes(device, said, HEALTHY)


def _silent(found: Window, arrived: F8) -> list[str]:
    """Tick by tick whether a device answers, from when its answers came."""
    came = (np.flatnonzero(np.diff(arrived)) + 1).tolist()
    rhythm = float(np.median(np.diff(came))) if len(came) > 1 else 1.0
    at_first = found.ticks[0].mono_s - arrived[0] <= 2.0 * found.cycle * max(1.0, rhythm)
    answers, said = [0, *came] if at_first else came, []
    for tick in range(len(arrived)):
        after = next((one for one in answers if one >= tick), len(arrived) + int(2.0 * rhythm))
        before = max((one for one in answers if one <= tick), default=-1)
        gone = tick not in answers and after - before > max(2.0, 2.0 * rhythm)
        said.append((STALE if before < 0 and np.isfinite(arrived[0]) else MISSING) if gone else HEALTHY)
    return said


# --- wishes, ceilings, writes -----------------------------------------------------------------------------------------


def _requests(found: Window) -> Iterator[tuple[int, str, str]]:
    layout = found.compiled.layout
    first, _, site = r.request_rows()
    for number, name in enumerate(layout.requests):
        if name.removeprefix("requests.") not in SCHEDULED:
            continue
        asked = [(name, [float(frame.site[site + number]) for frame in found.frames])]
        asked += [(f"{name}.{asset}", [float(frame.values[first + number, a]) for frame in found.frames])
                  for a, asset in enumerate(layout.assets)]  # fmt: skip
        for path, powers in asked:
            said = [ABSENT if kw != kw else f"{format_number(round(kw, 6))} kW" for kw in powers]
            yield from _changes(path, said, ABSENT)


def _ceilings(found: Window, words: Vocabulary) -> Iterator[tuple[int, str, str]]:
    for d, direction in enumerate(DIRECTIONS):
        path = f"limits.grid_operator.{direction}"
        if words.target(path) is None:
            continue
        whole, issued, silent = float(found.compiled.constants.shared.ceilings[CEILING_OF_KW, d]), float("nan"), True
        for tick, sample in enumerate(found.samples):
            told, at = float(sample.told_kw[d]), float(sample.issued_s[d])
            if at == at and at != issued:
                yield tick, path, NO_LIMIT if told == inf else f"{format_number(round(100.0 * told / whole, 9))} %"
                issued, silent = at, False
            elif not silent:
                yield tick, path, MISSING
                silent = True


def _writes(found: Window) -> Iterator[tuple[int, str, str]]:
    for a, asset in enumerate(found.compiled.layout.assets):
        said = [_WRITES.get(WriteStatus(int(sample.status[a])), "confirmed") for sample in found.samples]
        yield from _changes(f"{asset}.write", said, "confirmed")


def _changes(path: str, said: list[str], at_first: str) -> Iterator[tuple[int, str, str]]:
    for tick, text in enumerate(said):
        if text != (said[tick - 1] if tick else at_first):
            yield tick, path, text


