"""Taper curves of an asset as ratings: number of points, where they are (°C, %), and the share of the rating there."""

from __future__ import annotations

from collections.abc import Sequence

from config.asset import Asset, SocPoint, TemperaturePoint
from jit.constants import CURVES


def tapers(asset: Asset) -> dict[str, float]:
    heat, soc = asset.temperature, asset.soc
    curves: tuple[Sequence[SocPoint | TemperaturePoint], ...] = (heat.charge, heat.discharge, soc.charge, soc.discharge)
    found: dict[str, float] = {}
    for curve, points in zip(CURVES, curves, strict=True):
        found |= _rows(curve, points)
    return found


def _rows(curve: str, points: Sequence[SocPoint | TemperaturePoint]) -> dict[str, float]:
    rows = {f"{curve}_points": float(len(points))}
    for k, point in enumerate(points):
        rows |= {f"{curve}_at_{k}": point.at, f"{curve}_share_{k}": point.power / 100.0}
    return rows
