"""A schedule: what a market or a planner wishes, in half-open UTC windows.

The wire form is JSON: `{asset_id?, type, market_bid_area, version, issued_at?, windows: [{start, end,
target_power_kw, reactive_kvar?}]}`, `type` one of day_ahead, intraday, regel_leistung_reserve, commitment; a
commitment may carry `penalty_eur_per_kwh` and `binding_state` per window. Times are ISO 8601 with `Z`. `asset_id`
absent: the site, split by resolve; `issued_at` absent: the start of the first window. `version` orders documents of
one kind and asset.
`sources.market.schedule_json` reads and writes that form.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ScheduleType(StrEnum):
    DAY_AHEAD = "day_ahead"
    INTRADAY = "intraday"
    RESERVE = "regel_leistung_reserve"
    COMMITMENT = "commitment"


class BindingState(StrEnum):
    PENDING = "pending"
    BINDING = "binding"
    RELEASED = "released"
    VIOLATED = "violated"


@dataclass(frozen=True, slots=True)
class Window:
    """[start_ns, end_ns) in UTC nanoseconds since 1970, signed power in kW (+ = discharging / feeding in).

    `reactive_kvar` None: it says nothing about reactive power; 0 asks for none.
    """

    start_ns: int
    end_ns: int
    power_kw: float
    penalty_eur_per_kwh: float = 0.0
    binding: BindingState = BindingState.BINDING
    reactive_kvar: float | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """One version of one schedule. `asset` None: a wish for the whole site. `digest`: SHA-256 of its canonical JSON.

    `windows` are in order of time and do not overlap; gaps are allowed: there the schedule has nothing to say.
    """

    type: ScheduleType
    asset: str | None
    area: str
    version: int
    issued_ns: int
    windows: tuple[Window, ...]
    digest: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A schedule is no longer meant: the retained message was cleared. `asset` None: the schedule of the site."""

    type: ScheduleType
    asset: str | None
    source: str = ""
