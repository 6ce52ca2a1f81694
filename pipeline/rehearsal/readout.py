"""How a quantity is read: one small function per quantity, bound to a layout once and called every tick.

A number is in the chain's unit, NaN when it is unknown; a word is the code of its row (0 is unknown); a point counts
as known while its quality is valid. A service or a request without an asset is the sum over the assets.
"""

from __future__ import annotations

from collections.abc import Callable
from math import nan

from config.units import format_number
from jit.codes import Quality
from jit.frame import Frame
from pipeline.rehearsal.plant import Plant
from pipeline.rehearsal.reason import reason
from pipeline.rehearsal.vocabulary import UNKNOWN, Readable
from pipeline.rehearsal.world import World

Reader = Callable[[Frame], float]


def reader(quantity: Readable, world: World) -> Reader:
    """The number of a quantity in a sealed frame."""
    layout = world.compiled.layout
    column = layout.column.get(quantity.asset, 0)
    match quantity.kind:
        case "value" | "request":
            row = layout.value_index[quantity.row]
            return lambda frame: float(frame.values[row, column])
        case "code":
            row = layout.code_index[quantity.row]
            return lambda frame: float(frame.codes[row, column])
        case "site":
            row = layout.site_value_index[quantity.row]
            return lambda frame: float(frame.site[row])
        case "service":
            row = layout.value_index[quantity.row]
            if quantity.asset:
                return lambda frame: float(frame.values[row, column])
            return lambda frame: float(frame.values[row].sum())
        case "point":
            return _point(layout.point_index[quantity.row])
        case "flow":
            return _flow(quantity.row, world.plant)
        case "reason":
            return lambda _frame: nan


def _point(index: int) -> Reader:
    valid = int(Quality.VALID)

    def read(frame: Frame) -> float:
        return float(frame.points[index]) if frame.point_codes[index] & valid else nan

    return read


def _flow(name: str, plant: Plant) -> Reader:
    """What flows in the plant itself once it follows the commands of this tick, measured or not."""
    match name:
        case "export":
            return lambda _frame: max(0.0, plant.flow_kw)
        case "import":
            return lambda _frame: max(0.0, -plant.flow_kw)
        case "load":
            return lambda _frame: plant.load_kw
    return lambda _frame: plant.pv_kw


def shown(quantity: Readable, number: float, frame: Frame | None = None) -> str:
    """A value as a test writes it: `37 kW`, `idle`, `unknown`."""
    if quantity.kind == "reason":
        return UNKNOWN if frame is None else reason(frame, frame.layout.column[quantity.asset])
    if number != number:
        return UNKNOWN
    if quantity.words:
        return next((word for word, codes in quantity.words.items() if int(number) in codes), UNKNOWN)
    said = format_number(round(number, 4))
    return f"{said} {quantity.dimension.example}" if quantity.dimension is not None else said
