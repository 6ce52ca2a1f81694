"""A judgement that must fail: no battery is ever given power. Where it is not reported, no campaign can be trusted."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.simulation.checks import Breach
from pipeline.simulation.trace import Trace


def nobody_ever_gets_power(trace: Trace) -> Iterator[Breach]:
    """False in every world in which anything works."""
    for asset in trace.assets:
        for write in trace.writes(asset):
            if write.power_kw != 0:
                yield Breach("canary", asset, write.sent_s, f"{write.power_kw:g} kW, as it should be")
                return
