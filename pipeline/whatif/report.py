"""What would have changed: both tallies, the first differences and what is modelled, as JSON.

`compared` lives through the recording once (and once before, to see how its batteries really followed) and fills a
`Report`. Powers in kW, energies in kWh, + = discharging; `recorded` is what happened, `new` what would have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jit import rows as r
from jit.frame import Frame
from pipeline.compile import Compiled
from pipeline.whatif.differences import Differences
from pipeline.whatif.identified import Identified, identified
from pipeline.whatif.loop import Moment, compiled_of, fitting, lived, ticks
from pipeline.whatif.plant import RecordedPlant
from pipeline.whatif.series import Series
from pipeline.whatif.tally import Tally
from sources.instant import format_utc
from sources.recording.recording import Recording

#: From here on the state of charge is another one, and limits that depend on it would be, too (%).
APART_PCT = 2.0


@dataclass(slots=True)
class Report:
    """Everything that is said about one comparison. `series` is for the page alone."""

    site: str
    then: Tally
    now: Tally
    differences: Differences
    responses: Mapping[str, Identified]
    assumed: tuple[str, ...]
    removed: tuple[str, ...]
    series: Series = field(default_factory=Series)
    ticks: int = 0
    seconds: float = 0.0
    from_ns: int = 0
    to_ns: int = 0
    armed_s: float = 0.0
    bms_apart_s: dict[str, float] = field(default_factory=dict)

    def see(self, moment: Moment, plant: RecordedPlant) -> None:
        then, now = moment.then, moment.now
        self.then.see(then)
        self.now.see(now)
        self.differences.see(moment)
        self.series.see(now.utc_ns, *_shown(then, now))
        if self.ticks == 0:
            self.from_ns = now.utc_ns
        self.ticks, self.seconds, self.to_ns = self.ticks + 1, self.seconds + now.dt, now.utc_ns
        self.armed_s += now.dt if moment.armed else 0.0
        for asset, battery in plant.batteries.items():
            if abs(battery.change_pct) >= APART_PCT and _held_by_bms(now, now.layout.column[asset]):
                self.bms_apart_s[asset] = self.bms_apart_s.get(asset, 0.0) + now.dt

    def json(self) -> dict[str, Any]:
        return {
            "site": self.site,
            "from": format_utc(self.from_ns),
            "to": format_utc(self.to_ns),
            "ticks": self.ticks,
            "seconds": round(self.seconds, 3),
            "armed_s": round(self.armed_s, 3),
            "same": not self.differences.ticks,
            "recorded": self.then.json(),
            "new": self.now.json(),
            "differing_ticks": dict(self.differences.ticks),
            "stretches": self.differences.stretches,
            "first_differences": [stretch.json() for stretch in self.differences.first],
            "responses": {name: one.json() for name, one in self.responses.items()},
            "assumed_healthy": list(self.assumed),
            "as_recorded": list(self.removed),
            "bms_limit_apart_s": dict(self.bms_apart_s),
        }


def compared(
    recording: Recording,
    new: Compiled,
    *,
    from_ns: int | None = None,
    to_ns: int | None = None,
    most: int = 10,
    watch: Callable[[Frame], None] | None = None,
) -> Report:
    """Raises `RecordingError` when the recording and the definition do not fit together. `watch` sees every frame."""
    old = compiled_of(recording)
    fitting(old, new)
    responses = identified(ticks(recording, old, from_ns, to_ns), old)
    plant = RecordedPlant(old, new, {asset: one.response for asset, one in responses.items()})
    energies = {asset: battery.asset.rated.energy for asset, battery in plant.batteries.items()}
    removed = tuple(asset for asset in old.layout.assets if asset not in new.layout.column)
    recorded = energies | {asset: old.definition.assets[asset].rated.energy for asset in removed}
    known = {asset: one for asset, one in responses.items() if asset in new.layout.column}
    report = Report(old.definition.site.name, Tally(old.layout, recorded), Tally(new.layout, energies),
                    Differences(most), known, tuple(plant.assumed), removed)  # fmt: skip
    for moment in lived(recording, plant, from_ns=from_ns, to_ns=to_ns):
        report.see(moment, plant)
        if watch is not None:
            watch(moment.now)
    return report


def _held_by_bms(frame: Frame, column: int) -> bool:
    by = frame.codes.item(r.LIMITED_BY, column)
    return by > 0 and frame.layout.limits[by - 1] == "bms"


def _shown(then: Frame, now: Frame) -> tuple[dict[str, float], dict[str, int]]:
    """What is plotted: of both sides power, SoC, band and state of each asset, and the point of connection."""
    values: dict[str, float] = {}
    codes: dict[str, int] = {}
    for side, frame in (("then", then), ("now", now)):
        for asset, column in frame.layout.column.items():
            for name, row in (("power", r.POWER_KW), ("soc", r.SOC_PCT), ("low", r.LOW_KW), ("high", r.HIGH_KW)):
                values[f"{asset}.{name}.{side}"] = frame.values.item(row, column)
            codes[f"{asset}.{side}"] = frame.codes.item(r.STATE, column)
        values[f"poc.{side}"] = frame.site.item(r.POC_KW)
    return values, codes
