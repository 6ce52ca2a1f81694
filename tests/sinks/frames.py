"""Sealed frames for tests of sinks: real layout, values of one's choice."""

from __future__ import annotations

from typing import Any

import numpy as np

from jit.arrange import build_layout
from jit.codes import Authority, Mode, Permit, Quality, Reason, State
from jit.constants import RATING_NAMES, SERVICE_NAMES, SITE_NAMES, Constants, Shared
from jit.frame import Frame
from jit.layout import Layout
from jit.rows import LIMITS

START_NS = 1_790_000_000_000_000_000


def site(*assets: str) -> Layout:
    return build_layout(assets or ("bess1",), ("requests.day_ahead", "requests.idle"), ("ancillary.fcr",), (), {})


def constants(layout: Layout) -> Constants:
    n, services = len(layout.assets), len(layout.services)
    return Constants(np.ones((len(RATING_NAMES), n)), np.zeros((1, n), np.int64), np.ones(len(SITE_NAMES)),
                     np.ones((len(SERVICE_NAMES), services)), np.ones((services, n)),
                     Shared.of(n))


def sealed(layout: Layout, tick: int = 0, *, cycle_s: float = 1.0, **rows: Any) -> Frame:
    """A frame of an armed, discharging site; keyword arguments set asset rows by name, for all assets."""
    n = len(layout.assets)
    frame = Frame(
        tick=tick, utc_ns=START_NS + int(tick * cycle_s * 1e9), mono_s=tick * cycle_s, dt=cycle_s, dt_ramp=cycle_s,
        layout=layout, constants=constants(layout),
        values=np.full((len(layout.values), n), 12.345678901234567 + tick / 7),
        codes=np.zeros((len(layout.codes), n), np.int64), site=np.full(len(layout.site_values), 49.98765432109876),
        site_codes=np.ones(len(layout.site_codes), np.int64), points=np.zeros(3), point_codes=np.zeros(3, np.int64),
        before=None)
    codes = {"quality": Quality.VALID, "available": Permit.YES, "remote": Permit.YES, "state": State.DISCHARGING,
             "state_by": Reason.RUNNING, "authority": Authority.ARMED, "may_charge": Permit.YES,
             "may_discharge": Permit.YES, "stopped": Permit.NO, "request_by": 1, "limited_by": 1 + LIMITS.index("bms"),
             "mode": Mode.DISCHARGE}
    for name, value in (codes | rows).items():
        frame[name][:] = value
    return frame.seal()
