"""The start and stop sequences of a definition as arrays and texts: starting first, stopping behind."""

from __future__ import annotations

import numpy as np

from config.definition import Definition
from jit.constants import F8, I8, MOST_STEPS
from jit.layout import Layout, Step
from jit.sequence import WHEN


def texts(definition: Definition) -> tuple[tuple[Step, ...], ...]:
    """Per asset, the steps in the words of the definition."""
    return tuple(
        (
            *(Step(False, i + 1, step.write, step.until) for i, step in enumerate(asset.start_sequence)),
            *(Step(True, i + 1, step.write, step.until_not) for i, step in enumerate(asset.stop_sequence)),
        )
        for asset in definition.assets.values()
    )


def time_outs(definition: Definition) -> F8:
    """`Constants.steps`: seconds per step, 0 where there is none."""
    found = np.zeros((2 * MOST_STEPS, len(definition.assets)))
    for column, asset in enumerate(definition.assets.values()):
        for i, start in enumerate(asset.start_sequence):
            found[i, column] = start.within
        for i, stop in enumerate(asset.stop_sequence):
            found[MOST_STEPS + i, column] = stop.within
    return found


def places(definition: Definition, layout: Layout) -> I8 | None:
    """Where the points of the steps are (`jit.sequence.look`); None when no asset has any."""
    if not any(asset.start_sequence or asset.stop_sequence for asset in definition.assets.values()):
        return None
    found = np.full((3 * MOST_STEPS, len(definition.assets)), -1, np.int64)
    for column, (name, asset) in enumerate(definition.assets.items()):
        for i, start in enumerate(asset.start_sequence):
            found[i, column] = layout.point_index[f"{name}.{start.until}"]
            if start.when is not None:
                found[WHEN + i, column] = layout.point_index[f"{name}.{start.when}"]
        for i, stop in enumerate(asset.stop_sequence):
            found[MOST_STEPS + i, column] = layout.point_index[f"{name}.{stop.until_not}"]
    found.flags.writeable = False
    return found
