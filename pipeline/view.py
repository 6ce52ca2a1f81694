"""What people see of the running process: plain JSON cut from the newest sealed frame. Nothing waits or decides."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

from jit import rows as r
from jit.codes import REASON_TEXT, Authority, Condition, Mode, Permit, Reason, State
from jit.frame import Frame
from operators.decision import decision, number
from operators.offers import Offers
from operators.points import points_of, points_of_meter
from operators.status import asset_status, site_status
from pipeline.compile import Compiled
from pipeline.graph import Graph, as_json
from pipeline.nodes import Meters
from sinks.alarms.book import AlarmBook
from sinks.journal import Journal
from sources.instant import format_utc
from sources.schedule import Schedule, Window

NEXT_STEPS = 6
GENERATION = 1  # of the definition: it is not changed while the process runs
_ENUMS = {"Reason": Reason, "State": State, "Permit": Permit, "Authority": Authority, "Mode": Mode}


@dataclass(slots=True, eq=False)
class SiteView:
    """Fills in the endpoint's `View`. `frame` is set by the process after every tick."""

    compiled: Compiled
    chain: Graph
    meters: Meters
    book: AlarmBook
    journal: Journal
    offers: Offers
    clock: Callable[[], float]
    version: str
    config: str
    components: Callable[[], Mapping[str, Any]]
    extra: dict[str, Any] = field(default_factory=dict)
    recordings: Sequence[str] = ()
    texts: Callable[[str], Sequence[dict[str, str]]] = lambda _device: ()
    frame: Frame | None = None
    missed: int = 0
    late_s: float = 0.0
    age_of: Callable[[str], float] = lambda _device: nan

    def assets(self) -> tuple[str, ...]:
        return self.compiled.layout.assets

    def hello(self) -> dict[str, Any]:
        site = self.compiled.definition.site
        return {
            "server": f"bess-pipeline {self.version}",
            "site": site.name,
            "timezone": site.timezone,
            "config": self.config,
            "generation": GENERATION,
            "assets": list(self.assets()),
            "boot": self.journal.boot_id,
            "recordings": list(self.recordings),
            **self.extra,
        }

    def site(self) -> dict[str, Any]:
        definition = self.compiled.definition
        known = site_status(self.frame) if self.frame is not None else {"at": None, "tick": None, "mode": None}
        return {
            "name": definition.site.name,
            "timezone": definition.site.timezone,
            **known,
            **self.extra,
            "next": self._next(),
            "alarms": self.book.counts(),
            "ticks": {"missed": self.missed, "lateness_ms": number(self.late_s * 1e3, 1)},
        }

    def _next(self) -> list[dict[str, Any]]:
        """The next steps of what is planned, soonest first."""
        if self.frame is None:
            return []
        now = self.frame.utc_ns
        steps = [
            (window.start_ns, schedule, window)
            for schedule in self.offers.schedules.values()
            for window in _following(schedule, now)
        ]
        return [
            {"at": format_utc(start), "asset": schedule.asset, "type": str(schedule.type), "power_kw": window.power_kw}
            for start, schedule, window in sorted(steps, key=lambda step: step[0])[:NEXT_STEPS]
        ]

    def _column(self, asset: str) -> int | None:
        return self.compiled.layout.column.get(asset) if self.frame is not None else None

    def asset(self, asset: str) -> dict[str, Any] | None:
        column = self._column(asset)
        if column is None or self.frame is None:
            return None
        texts = self.texts(asset)
        return {**asset_status(self.frame, column), **({"texts": texts} if texts else {})}

    def local(self) -> list[str]:
        """Who is known to be in local control."""
        if self.frame is None:
            return []
        remote = self.frame.codes[r.CONDITIONS] & int(Condition.REMOTE) != 0
        return [asset for asset, column in self.compiled.layout.column.items() if not remote[column]]

    def points(self, asset: str) -> Sequence[dict[str, Any]]:
        column = self._column(asset)
        return [] if column is None or self.frame is None else points_of(self.frame, column)

    def points_of(self, device: str) -> Sequence[dict[str, Any]]:
        """The same of a battery or of a meter, by its id: `site.poc`."""
        meter = self.compiled.definition.site.meters.get(device.removeprefix("site."))
        if not device.startswith("site.") or meter is None or self.frame is None:
            return self.points(device)
        return points_of_meter(self.frame, device, self.age_of(device), meter.stale_after)

    def measured(self) -> Sequence[str]:
        """What measures, by its id."""
        return tuple(f"site.{name}" for name in self.compiled.definition.site.meters)

    def decision(self, asset: str) -> dict[str, Any] | None:
        column = self._column(asset)
        if column is None or self.frame is None:
            return None
        return decision(self.frame, column, self.config, GENERATION, self.offers.schedules.values())

    def graph(self) -> dict[str, Any]:
        return as_json(self.chain)

    def nodes(self) -> Sequence[dict[str, Any]]:
        return self.meters.json(self.clock())

    def alarms(self) -> Sequence[dict[str, Any]]:
        return self.book.json()

    def health(self) -> dict[str, Any]:
        """`status` ok or degraded; it is not ok while ticks do not come."""
        components = dict(self.components())
        fresh = self.frame is not None and self.clock() - self.frame.mono_s < 3 * max(
            1.0, self.compiled.definition.site.cycle
        )
        components["ticks"] = {"status": "ok" if fresh else "failed", "missed": self.missed}
        return {"status": "ok" if fresh else "failed", "at": self.site()["at"], "components": components}

    def schedules(self, asset: str | None) -> Sequence[Any]:
        return [
            _schedule_json(schedule)
            for (_, owner), schedule in self.offers.schedules.items()
            if asset is None or owner in (None, asset)
        ]

    def stops(self) -> Sequence[dict[str, Any]]:
        """Stops that stand now, with who set them."""
        return [
            {
                "asset_id": act.asset,
                "operator": act.operator,
                "role": act.role,
                "reason": act.reason,
                "activated_at": format_utc(act.at_ns),
            }
            for act in self.journal.standing(self.assets())
            if act.kind == "stop"
        ]

    def tap(self, node: str) -> dict[str, Any] | None:
        """The rows that a node owns, from the newest sealed frame."""
        if self.frame is None or node not in {entry.id for entry in self.chain}:
            return None
        frame, layout = self.frame, self.frame.layout
        rows: dict[str, Any] = {
            row.name: [number(v) for v in frame.values[i]] for i, row in enumerate(layout.values) if row.owner == node
        }
        rows |= {
            row.name: [_code(row.unit, int(v)) for v in frame.codes[i]]
            for i, row in enumerate(layout.codes)
            if row.owner == node
        }
        rows |= {row.name: [number(frame.site[i])] for i, row in enumerate(layout.site_values) if row.owner == node}
        if node in layout.devices:
            first, last = layout.devices[node]
            rows = {layout.points[i]: [number(frame.points[i]), int(frame.point_codes[i])] for i in range(first, last)}
        return {"node": node, "tick": frame.tick, "at": format_utc(frame.utc_ns), "rows": rows}


def _following(schedule: Schedule, now_ns: int) -> tuple[Window, ...]:
    """The next windows: ten thousand of them are not walked through in every tick."""
    first = bisect_right(schedule.windows, now_ns, key=lambda window: window.start_ns)
    return schedule.windows[first : first + NEXT_STEPS]


def _code(unit: str, value: int) -> str | int:
    family = _ENUMS.get(unit)
    if family is Reason:
        return REASON_TEXT[Reason(value)]
    return family(value).name.lower() if family is not None else value


def _schedule_json(schedule: Schedule) -> dict[str, Any]:
    return {
        "asset_id": schedule.asset,
        "type": str(schedule.type),
        "market_bid_area": schedule.area,
        "version": schedule.version,
        "issued_at": format_utc(schedule.issued_ns),
        "source": schedule.source,
        "horizon_start": format_utc(schedule.windows[0].start_ns),
        "horizon_end": format_utc(schedule.windows[-1].end_ns),
        "windows": [
            {"start": format_utc(w.start_ns), "end": format_utc(w.end_ns), "target_power_kw": w.power_kw}
            for w in schedule.windows
        ],
    }


def silent(frame: Frame | None, asset: str) -> bool:
    """Whether nothing at all is written to the asset."""
    return frame is None or bool(frame.codes[r.AUTHORITY, frame.layout.column[asset]] != Authority.ARMED)
