"""Every point of a device as people see it: value, age, quality and its reasons, cut from a sealed frame.

A point is no better than its device: what is stale or frozen there is so here, and no point is younger than the block
that brought it (`jit.quality`). Reasons come worst first.
"""

from __future__ import annotations

from typing import Any

from config.canonical import STORAGE
from jit import rows as r
from jit.codes import Quality
from jit.frame import Frame
from operators.decision import number
from operators.sentence import POINT_TEXT

#: The chain's unit of each canonical point that has one.
UNITS = {
    name: unit
    for name, dimension in STORAGE.items()
    if dimension is not None
    for unit, factor in dimension.units.items()
    if factor == 1
}
VALID, MISSING = int(Quality.VALID), int(Quality.MISSING)
#: Bits of a device as a whole: they are on each of its points.
OF_DEVICE = int(Quality.STALE | Quality.FROZEN)


def reasons(quality: int) -> list[str]:
    """What is wrong, worst first; empty when nothing is."""
    if quality == 0:
        return ["never received"]
    return [text for bit, text in POINT_TEXT.items() if quality & bit]


def points_of(frame: Frame, column: int) -> list[dict[str, Any]]:
    """One entry per point of an asset, in the order of its readings."""
    layout, asset = frame.layout, frame.layout.assets[column]
    first, last = layout.devices[asset]
    of_device = frame.codes.item(r.QUALITY, column) & OF_DEVICE
    age_s = number(frame.values.item(r.AGE_S, column))
    shown = []
    for index in range(first, last):
        name, quality = layout.points[index].removeprefix(f"{asset}."), frame.point_codes.item(index)
        if quality and of_device:
            quality = (quality | of_device) & ~VALID
        shown.append(
            {
                "point": name,
                "value": number(frame.points.item(index)) if not quality & MISSING else None,
                "unit": UNITS.get(name, ""),
                "valid": bool(quality & VALID),
                "age_s": age_s,
                "reasons": reasons(quality),
            }
        )
    return shown
