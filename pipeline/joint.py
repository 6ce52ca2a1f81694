"""What assets share, from the definition: transformers, and the grid operator's ceilings at the point of connection."""

from __future__ import annotations

from math import ceil

import numpy as np

from config.definition import Definition, GridOperator
from jit.constants import CEILING_NAMES, Shared
from sources.ceiling import DIRECTIONS

#: The meter at the point of connection, by its name under `site.meters`.
POC = "poc"
#: Most ticks of the point of connection that are remembered, to compare the meter with the batteries.
MOST_TICKS = 64


def shared(definition: Definition) -> Shared:
    """Groups of columns and their limits; ceilings in kW, ∞ where none is declared."""
    column = {asset: i for i, asset in enumerate(definition.assets)}
    transformers = definition.site.transformers.values()
    ceilings = np.full((len(CEILING_NAMES), len(DIRECTIONS)), np.inf)
    for limit in definition.limits:
        told = limit.grid_operator
        row = _ceiling(told)
        ceilings[:, DIRECTIONS.index(told.direction)] = [row[name] for name in CEILING_NAMES]
    groups = [(each.limit, [column[asset] for asset in each.feeds]) for each in transformers]
    return Shared.of(len(column), groups, ceilings)


def _ceiling(told: GridOperator) -> dict[str, float]:
    share = told.of / 100.0
    return {
        "ceiling_of_kw": told.of,
        "ceiling_ttl_s": told.ttl,
        "ceiling_before_kw": told.before_first * share,
        "ceiling_hold_s": told.on_loss.hold,
        "ceiling_then_kw": told.on_loss.then * share,
        "ceiling_rise_kw_s": np.inf if told.rise is None else told.rise * share,
    }


def ceiling_name(direction: str) -> str:
    """What the source of a ceiling is called in the graph."""
    return f"limits.grid_operator.{direction}"


def means(definition: Definition) -> dict[str, float]:
    """Limits on the mean (kW, ∞ without) and their windows (s), by the names of the site's constants."""
    row = {}
    for name, mean in (("import", definition.site.import_mean), ("export", definition.site.export_mean)):
        row[f"mean_{name}_limit"] = np.inf if mean is None else mean.limit
        row[f"mean_{name}_window_s"] = 0.0 if mean is None else mean.window
    return row


def relief(definition: Definition) -> float:
    """Most power (kW) that may be demanded of the batteries together; 0 without `relief`."""
    asked = next((request.relief for request in definition.requests if request.relief is not None), None)
    if asked is None:
        return 0.0
    return np.inf if asked.power is None else asked.power


def ring(definition: Definition) -> int:
    """Ticks for which the meter and the assets' sum are remembered: as long as either may be old; 0 without a meter."""
    if POC not in definition.site.meters:
        return 0
    oldest = max(definition.site.meters[POC].stale_after, *(a.stale_after for a in definition.assets.values()))
    return min(MOST_TICKS, 2 + ceil(oldest / definition.site.cycle))
