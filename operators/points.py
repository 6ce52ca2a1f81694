"""Every point of a device as people see it: value, age, quality and its reasons, cut from a sealed frame.

A point is no better than its device: what is stale or frozen there is so here, and no point is younger than the block
that brought it (`jit.quality`). Reasons come worst first.
"""

from __future__ import annotations

from typing import Any

from config.canonical import METER, STORAGE
from jit import rows as r
from jit.codes import Quality
from jit.frame import Frame
from operators.decision import number
from operators.sentence import POINT_TEXT

#: The chain's unit of each canonical point that has one.
UNITS = {
    name: unit
    for name, dimension in {**METER, **STORAGE}.items()
    if dimension is not None
    for unit, factor in dimension.units.items()
    if factor == 1
}
VALID, MISSING = int(Quality.VALID), int(Quality.MISSING)
#: Bits of a device as a whole: they are on each of its points.
OF_DEVICE = int(Quality.STALE | Quality.FROZEN)
POC = "site.poc"


def reasons(quality: int) -> list[str]:
    """What is wrong, worst first; empty when nothing is."""
    if quality == 0:
        return ["never received"]
    return [text for bit, text in POINT_TEXT.items() if quality & bit]


def points_of(frame: Frame, column: int) -> list[dict[str, Any]]:
    """One entry per point of an asset, in the order of its readings."""
    of_device = frame.codes.item(r.QUALITY, column) & OF_DEVICE
    return _shown(frame, frame.layout.assets[column], of_device, frame.values.item(r.AGE_S, column))


def points_of_meter(frame: Frame, meter: str, age_s: float, stale_s: float) -> list[dict[str, Any]]:
    """The same of a meter (`site.poc`) that said something `age_s` ago, which is too old after `stale_s`."""
    of_device = 0 if age_s <= stale_s else int(Quality.STALE)
    if meter == POC:
        of_device |= frame.site_codes.item(r.POC_QUALITY) & OF_DEVICE
    return _shown(frame, meter, of_device, age_s)


def _shown(frame: Frame, device: str, of_device: int, age_s: float) -> list[dict[str, Any]]:
    shown, (first, last) = [], frame.layout.devices[device]
    for index in range(first, last):
        name, quality = frame.layout.points[index].removeprefix(f"{device}."), frame.point_codes.item(index)
        if quality and of_device:
            quality = (quality | of_device) & ~VALID
        shown.append(
            {
                "point": name,
                "value": number(frame.points.item(index)) if not quality & MISSING else None,
                "unit": UNITS.get(name, ""),
                "valid": bool(quality & VALID),
                "age_s": number(age_s),
                "reasons": reasons(quality),
            }
        )
    return shown
